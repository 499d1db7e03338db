"""A pass that is killed and started again ends with the same bits as one that is not."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from compress.tfmot.resumable import OUTCOME, main
from faults import forked
from train.conftest import classification

from trimtab.data.dataset.dataset import Dataset

__all__ = ["classification"]
LOG = "log"
DIES_WRITING = 20  # of 39 checkpoints, one a step: in the second of three epochs


def start(name: str, dataset: Dataset, directory: Path, *arguments: Any) -> Any:
    directory.mkdir(exist_ok=True)
    (directory / LOG).unlink(missing_ok=True)
    return forked.start(main, directory / LOG, name, str(dataset.path), str(directory), *arguments)


def finish(name: str, dataset: Dataset, directory: Path, teacher: str | None) -> tuple[str, str]:
    """Runs a pass to its end; returns what it ends with, and what it says."""
    task = start(name, dataset, directory, teacher)
    task.join(300)
    said = (directory / LOG).read_text()
    assert task.exitcode == 0, said
    return (directory / OUTCOME).read_text(), said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "teacher"),
    [("magnitude", None), ("qat", None), ("cluster", None), ("two_four", "baseline"), ("qat_int8", None)],
)
def test_killed_in_the_middle(
    name: str, teacher: str | None, classification: Callable[..., Dataset], tmp_path: Path
) -> None:
    dataset = classification()
    expected, _ = finish(name, dataset, tmp_path / "whole", teacher)
    process = start(name, dataset, tmp_path / "killed", teacher, DIES_WRITING)
    process.join(300)
    assert process.exitcode == -signal.SIGKILL, (tmp_path / "killed" / LOG).read_text()
    found, said = finish(name, dataset, tmp_path / "killed", teacher)
    assert "resumes at epoch 2/3, step 6/13" in said
    assert found == expected
