import errno
import json
import shutil

import pytest

from trimtab.artifacts.hyperparameters import TuneSummary
from trimtab.artifacts.record import EntryRecord, StageRecord, read_records
from trimtab.errors import DataError
from trimtab.stages.stage import recorded


def test_a_finished_stage_leaves_its_summary(tmp_path, capsys):
    with recorded("prune", str(tmp_path), "1/2") as task:
        task.summarize(TuneSummary(objective="val_loss"))
    (left,) = read_records(str(tmp_path))
    assert (left.stage, left.shard, left.ok, left.ended) == ("prune", "1/2", True, True)
    assert left.read(TuneSummary).objective == "val_loss"
    assert left.name == "stages/prune.1-2.json"
    assert "trimtab | prune 1/2 | finished" in capsys.readouterr().err


def test_what_was_made_so_far_is_on_record_before_the_stage_ends(tmp_path):
    with recorded("prune", str(tmp_path), "1/2") as task:
        task.add(EntryRecord(name="two_four", reused=True))
        (so_far,) = read_records(str(tmp_path))
        task.add(EntryRecord(name="channels-0.5"))
    assert (so_far.ok, so_far.ended, [entry.name for entry in so_far.entries]) == (False, False, ["two_four"])
    (left,) = read_records(str(tmp_path))
    assert (left.ok, left.reused, len(left.entries)) == (True, False, 2)


def test_a_task_that_found_all_it_was_to_make_says_so(tmp_path, capsys):
    with recorded("train", str(tmp_path)) as task:
        task.add(EntryRecord(reused=True, summary={"skipped": True}))
    (left,) = read_records(str(tmp_path))
    assert left.reused
    assert left.read(TuneSummary).skipped, "it is about that entry alone"
    assert "nothing was to be done" in capsys.readouterr().err


def test_a_typed_error_becomes_its_exit_code_and_one_message(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught, recorded("data_prep", str(tmp_path)):
        raise DataError("no rows", path="x.csv", hint="Add some.")
    assert caught.value.code == 2
    (left,) = read_records(str(tmp_path))
    assert (left.ok, left.error_type, left.error) == (False, "DataError", "x.csv: no rows\n  Add some.")
    assert "Traceback" not in capsys.readouterr().err


def test_a_defect_keeps_its_traceback_for_the_record_alone(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught, recorded("select", str(tmp_path)):
        raise ZeroDivisionError("by zero")
    assert caught.value.code == 1
    (left,) = read_records(str(tmp_path))
    assert left.error.startswith("unexpected ZeroDivisionError: by zero")
    assert "Traceback" in left.traceback
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/runs/x"), "/runs/x: it cannot be used"),
        (
            shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")]),
            "the operating system refused",
        ),
        # As TensorFlow says it.
        (RuntimeError("/runs/events; No space left on device"), "the operating system refused"),
    ],
)
def test_a_full_disk_is_no_defect_of_trimtab(tmp_path, error, told):
    with pytest.raises(SystemExit), recorded("train", str(tmp_path)):
        raise error
    (left,) = read_records(str(tmp_path))
    assert (left.error_type, left.traceback) == ("StorageError", "")
    assert left.error.startswith(f"{told}: No space left on device")


def test_what_is_told_already_keeps_its_file_and_its_exit_code(tmp_path):
    with pytest.raises(SystemExit) as caught, recorded("data_prep", str(tmp_path)):
        raise DataError("the file cannot be read: Permission denied", path="x.csv")
    assert caught.value.code == 2
    (left,) = read_records(str(tmp_path))
    assert (left.error_type, left.error) == ("DataError", "x.csv: the file cannot be read: Permission denied")


def test_a_record_is_json_that_reads_back(tmp_path):
    with recorded("tune", str(tmp_path)):
        pass
    content = json.loads((tmp_path / "stages" / "tune.json").read_text())
    assert StageRecord.model_validate(content).ok


def test_a_record_that_cannot_be_written_is_a_failure(tmp_path, capsys):
    (tmp_path / "run").touch()
    with pytest.raises(SystemExit) as caught, recorded("train", str(tmp_path / "run")):
        pass
    assert caught.value.code == 1
    told = capsys.readouterr().err
    assert "train | failed: " in told
    assert "Traceback" not in told


def test_what_to_do_is_in_the_log_too(tmp_path, capsys):
    with pytest.raises(SystemExit), recorded("data_prep", str(tmp_path)):
        raise DataError("no rows", path="x.csv", hint="Add some.")
    assert capsys.readouterr().err.endswith("failed: x.csv: no rows\n  Add some.\n")
