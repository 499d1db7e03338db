from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from trimtab.events.file import EventFile, replace


def steps(directory: Path) -> dict[str, list[int]]:
    events = EventAccumulator(str(directory), {"tensors": 0}, purge_orphaned_data=False).Reload()
    return {tag: [event.step for event in events.Tensors(tag)] for tag in events.Tags()["tensors"]}


def test_tensorboard_reads_what_was_flushed_while_the_file_is_open(tmp_path: Path) -> None:
    file = EventFile(tmp_path)
    for step in range(3):
        file.summary(scalar_pb("loss", 1 / (step + 1)), step, float(step))
    file.flush()
    assert steps(tmp_path) == {"loss": [0, 1, 2]}
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [event.wall_time for event in events.Tensors("loss")] == [0.0, 1.0, 2.0]
    file.close()


def test_files_of_one_second_are_read_in_the_order_in_which_they_were_begun(tmp_path: Path) -> None:
    for step in range(12):
        file = EventFile(tmp_path)
        file.summary(scalar_pb("loss", 0.0), step)
        file.close()
    assert steps(tmp_path) == {"loss": list(range(12))}


def test_an_earlier_attempt_is_replaced(tmp_path: Path) -> None:
    replace(tmp_path / "run", [(scalar_pb("old", 1.0), 0, None)])
    replace(tmp_path / "run", [(scalar_pb("new", 1.0), 5, None)])
    assert steps(tmp_path / "run") == {"new": [5]}
    assert len(list((tmp_path / "run").iterdir())) == 1
