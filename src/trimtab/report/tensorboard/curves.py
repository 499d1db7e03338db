"""Curves of trainings that another run made: their events are in the directory of that one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from trimtab.artifacts.model import Epoch
from trimtab.artifacts.record import StageRecord
from trimtab.events import file
from trimtab.events.file import Timed
from trimtab.report.records.evidence import History, gather_evidence
from trimtab.storage.store import Store

_VALIDATION, _NO_CURVE = "val_", ("epoch", "seconds")


def write_curves(directory: Path, records: Sequence[StageRecord], logs: Store) -> None:
    """Writes the curves of every training whose own events are not there.

    Args:
        directory: The directory of the review.
        records: What the tasks left.
        logs: The logs of the run.
    """
    written = logs.names("")
    for history in gather_evidence(records).histories:
        name = history.name.replace(" ", "/")
        if not any(path.startswith(f"{name}/") for path in written):
            for split in ("train", "validation"):
                file.write(directory / name / split, _points(history, split))


def _points(history: History, split: str) -> Iterator[Timed]:
    now = time.time()
    for place, epoch in enumerate(history.epochs, start=1):
        for name, value in _of(epoch, split):
            yield scalar_pb(f"epoch_{name}", value), int(epoch.get("epoch", place)), now


def _of(epoch: Epoch, split: str) -> Iterator[tuple[str, float]]:
    for name, value in epoch.items():
        if name not in _NO_CURVE and name.startswith(_VALIDATION) == (split == "validation"):
            yield name.removeprefix(_VALIDATION), value
