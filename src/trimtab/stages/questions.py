"""The parts of the config that entries of the content store depend on."""

from __future__ import annotations

from typing import Any

from trimtab.config.config import Config
from trimtab.data.prepare.sources import checksums_of
from trimtab.runtimes import sources


def model(config: Config) -> dict[str, Any]:
    """Returns what a model is built from; an archive is told by its content, wherever it lies."""
    section = config.model.model_dump(mode="json", exclude={"archive"})
    parts = sources.parts(config.model.archive) if config.model.archive else []
    return {**section, "archive": [sorted(checksums_of(part).values()) for part in parts]}


def train(config: Config) -> dict[str, Any]:
    """Returns what a training depends on; how often checkpoints are written changes no weights."""
    return config.train.model_dump(mode="json", exclude={"checkpoint_seconds"})
