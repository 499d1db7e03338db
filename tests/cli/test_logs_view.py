from __future__ import annotations

import os
from pathlib import Path

import pytest
from faults.emulator import Emulator

from trimtab.cli.logs_view import LogsView


def log(run: Path, name: str = "train/events.out.tfevents.1") -> None:
    file = run / "tensorboard" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"log")


def put(emulator: Emulator, name: str, content: bytes = b"log") -> None:
    emulator.state.put("bucket", {"name": name}, content)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    made = tmp_path / "temporary"
    made.mkdir()
    return made


def shown(view: LogsView) -> set[str]:
    """Returns the names of all files as TensorBoard finds them."""
    walked = os.walk(view.directory, followlinks=True)
    return {
        Path(folder, name).relative_to(view.directory).as_posix()
        for folder, _, names in walked
        for name in names
    }


def test_all_runs_are_shown_by_their_ids_and_new_ones_as_they_begin(tmp_path: Path, temporary: Path) -> None:
    output = tmp_path / "runs"
    log(output / "first")
    (output / "store" / "model").mkdir(parents=True)
    view = LogsView(temporary, [], str(output))
    view.update()
    assert shown(view) == {"first/train/events.out.tfevents.1"}
    log(output / "first", "review/labels.tsv")
    log(output / "second")
    view.update()
    assert shown(view) == {
        "first/train/events.out.tfevents.1", "first/review/labels.tsv", "second/train/events.out.tfevents.1"
    }  # fmt: skip
    assert view.missing() == ""


def test_runs_of_one_id_in_two_places_are_told_apart(
    tmp_path: Path, temporary: Path, emulator: Emulator
) -> None:
    log(tmp_path / "here" / "one")
    put(emulator, "runs/one/tensorboard/train/events.out.tfevents.2")
    put(emulator, "runs/one/result.json")
    view = LogsView(temporary, [str(tmp_path / "here" / "one"), "gs://bucket/runs/one"], "runs")
    view.update()
    assert shown(view) == {"one/train/events.out.tfevents.1", "one-2/train/events.out.tfevents.2"}


def test_all_runs_of_a_bucket(temporary: Path, emulator: Emulator) -> None:
    put(emulator, "runs/one/tensorboard/review/projector_config.pbtxt")
    put(emulator, "runs/one/checkpoints/train/step.ckpt")
    put(emulator, "runs/store/model/1/model.keras")
    view = LogsView(temporary, [], "gs://bucket/runs")
    view.update()
    assert shown(view) == {"one/review/projector_config.pbtxt"}
    put(emulator, "runs/two/tensorboard/train/events.out.tfevents.1", b"1")
    put(emulator, "runs/two/tensorboard/train/events.out.tfevents.1", b"12")
    view.update()
    assert (view.directory / "two" / "train" / "events.out.tfevents.1").read_bytes() == b"12"


def test_a_run_that_was_asked_for_and_has_no_logs_is_missing(tmp_path: Path, temporary: Path) -> None:
    log(tmp_path / "one")
    view = LogsView(temporary, [str(tmp_path / "one"), str(tmp_path / "two")], "runs")
    view.update()
    assert view.missing() == f"{tmp_path}/two/tensorboard"
    log(tmp_path / "two")
    view.update()
    assert view.missing() == ""
