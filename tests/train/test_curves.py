from __future__ import annotations

from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trimtab.train.curves import Curves


def written(directory: Path) -> dict[str, list[int]]:
    events = EventAccumulator(str(directory), purge_orphaned_data=False).Reload()
    return {tag: [event.step for event in events.Tensors(tag)] for tag in events.Tags()["tensors"]}


def write(directory: Path, epochs_done: int, until: int) -> None:
    curves = Curves(directory, epochs_done)
    for epoch in range(epochs_done + 1, until + 1):
        curves.scalars(epoch, {"loss": 1 / epoch}, seconds=epoch)
        curves.histograms(epoch, {"kernel": np.arange(epoch + 5.0)}, seconds=epoch)
        curves.flush()
    curves.close()


def test_a_resumed_run_has_every_epoch_once(tmp_path: Path) -> None:
    write(tmp_path, 0, 4)
    write(tmp_path, 3, 6)
    assert written(tmp_path) == {"loss": [1, 2, 3, 4, 5, 6], "kernel": [1, 2, 3, 4, 5, 6]}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_new_run_begins_anew(tmp_path: Path) -> None:
    write(tmp_path, 0, 4)
    write(tmp_path, 0, 2)
    assert written(tmp_path) == {"loss": [1, 2], "kernel": [1, 2]}


def test_a_tail_that_a_kill_cut_off_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, 0, 4)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-7])
    write(tmp_path, 3, 4)
    assert written(tmp_path) == {"loss": [1, 2, 3, 4], "kernel": [1, 2, 3, 4]}


def test_a_kill_between_copying_and_removing_leaves_no_doubles(tmp_path: Path) -> None:
    write(tmp_path, 0, 4)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    write(tmp_path, 4, 4)
    file.write_bytes(content)
    write(tmp_path, 4, 5)
    assert written(tmp_path) == {"loss": [1, 2, 3, 4, 5], "kernel": [1, 2, 3, 4, 5]}
