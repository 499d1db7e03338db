"""What TensorBoard finds below a directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer


def _shown(directory: Path) -> dict[str, dict[str, list[str]]]:
    logs = EventMultiplexer().AddRunsFromDirectory(str(directory)).Reload()
    found: dict[str, dict[str, list[str]]] = {}
    for run in logs.Runs():
        of_run = found.setdefault(run, {})
        for tag in logs.GetAccumulator(run).Tags()["tensors"]:
            plugin = logs.SummaryMetadata(run, tag).plugin_data.plugin_name
            of_run.setdefault(plugin, []).append(tag)
        if logs.GetAccumulator(run).Tags()["graph"]:
            of_run["graphs"] = ["graph"]
    return found


@pytest.fixture
def shown() -> Callable[[Path], dict[str, dict[str, list[str]]]]:
    """Returns what reads the tags of a directory back, by run and plugin."""
    return _shown
