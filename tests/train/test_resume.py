"""A run that is killed and started again ends with the same bits as one that is not."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults import forked
from faults.kills import after_progress, kill, names
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray
from train.resumable import OUTCOME, main

from trimtab.data.dataset.dataset import Dataset

LOG = "log"
STREAM, KEEP = 0, 2**30
KILLS = 2


def start(dataset: Dataset, directory: Path, in_memory_bytes: int) -> Any:
    directory.mkdir(exist_ok=True)
    (directory / LOG).unlink(missing_ok=True)
    return forked.start(main, directory / LOG, str(dataset.path), str(directory), in_memory_bytes)


def finish(dataset: Dataset, directory: Path, in_memory_bytes: int) -> tuple[Any, str]:
    """Runs a training to its end; returns what it ends with, and what it says."""
    task = start(dataset, directory, in_memory_bytes)
    task.join(300)
    said = (directory / LOG).read_text()
    assert task.exitcode == 0, said
    return json.loads((directory / OUTCOME).read_text()), said


def during_write(checkpoints: Path) -> Callable[[], bool]:
    """Holds while a checkpoint is being written; the first one only clears what an earlier kill left."""
    before = set(names(checkpoints))
    return lambda: any(name.endswith(".part") and name not in before for name in names(checkpoints))


def curves(directory: Path) -> dict[str, list[tuple[int, Any]]]:
    """Every summary that TensorBoard shows of a training: its tag's steps and values."""
    read = {}
    for part in ("train", "validation"):
        events = EventAccumulator(str(directory / "tensorboard" / part)).Reload()
        for tag in events.Tags()["tensors"]:
            values = [(e.step, make_ndarray(e.tensor_proto).tolist()) for e in events.Tensors(tag)]
            read[f"{part}/{tag}"] = values
    return read


@pytest.mark.slow
@pytest.mark.parametrize("in_memory_bytes", [KEEP, STREAM], ids=["in memory", "streaming"])
def test_killed_at_random_moments(
    classification: Callable[..., Dataset], tmp_path: Path, in_memory_bytes: int
) -> None:
    dataset = classification(rows=(1600, 60))
    expected, _ = finish(dataset, tmp_path / "whole", in_memory_bytes)
    checkpoints = tmp_path / "killed" / "checkpoints"
    moments = random.Random(KILLS)
    for _ in range(KILLS):
        process = start(dataset, tmp_path / "killed", in_memory_bytes)
        kill(process, after_progress(checkpoints, moments.uniform(0.0, 0.5)))
    found, progress = finish(dataset, tmp_path / "killed", in_memory_bytes)
    assert "resumes at epoch" in progress
    assert found == expected
    assert curves(tmp_path / "killed") == curves(tmp_path / "whole")
    assert [step for step, _ in curves(tmp_path / "killed")["train/epoch_loss"]] == list(range(1, 9))


@pytest.mark.slow
def test_killed_while_a_checkpoint_is_written(classification: Callable[..., Dataset], tmp_path: Path) -> None:
    dataset = classification(rows=(400, 60))
    expected, _ = finish(dataset, tmp_path / "whole", KEEP)
    checkpoints = tmp_path / "killed" / "checkpoints"
    for _ in range(6):
        kill(start(dataset, tmp_path / "killed", KEEP), during_write(checkpoints))
        if any(name.endswith(".part") for name in names(checkpoints)):
            break
    else:
        pytest.fail("no kill fell into a write")
    found, _ = finish(dataset, tmp_path / "killed", KEEP)
    assert found == expected
    assert not any(name.endswith(".part") for name in names(checkpoints))
    again, progress = finish(dataset, tmp_path / "killed", KEEP)
    assert again == expected
    assert "| epoch" not in progress, "a run that had ended trained again"
