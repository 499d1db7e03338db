import errno
import json
import shutil

import pytest

from trimtab.errors import DataError
from trimtab.stages.stage import StageRecord, recorded, records


def test_a_finished_stage_leaves_its_summary(tmp_path, capsys):
    with recorded("train", str(tmp_path), "none") as record:
        record.summary["epochs"] = 3
    (left,) = records(str(tmp_path))
    assert (left.stage, left.item, left.ok, left.summary) == ("train", "none", True, {"epochs": 3})
    assert left.name == "stages/train.none.json"
    assert "trimtab | train none | finished" in capsys.readouterr().err


def test_a_typed_error_becomes_its_exit_code_and_one_message(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught, recorded("data_prep", str(tmp_path)):
        raise DataError("no rows", path="x.csv", hint="Add some.")
    assert caught.value.code == 2
    (left,) = records(str(tmp_path))
    assert (left.ok, left.error_type, left.error) == (False, "DataError", "x.csv: no rows\n  Add some.")
    assert "Traceback" not in capsys.readouterr().err


def test_a_defect_keeps_its_traceback_for_the_record_alone(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught, recorded("select", str(tmp_path)):
        raise ZeroDivisionError("by zero")
    assert caught.value.code == 1
    (left,) = records(str(tmp_path))
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
    (left,) = records(str(tmp_path))
    assert (left.error_type, left.traceback) == ("StorageError", "")
    assert left.error.startswith(f"{told}: No space left on device")


def test_what_is_told_already_keeps_its_file_and_its_exit_code(tmp_path):
    with pytest.raises(SystemExit) as caught, recorded("data_prep", str(tmp_path)):
        raise DataError("the file cannot be read: Permission denied", path="x.csv")
    assert caught.value.code == 2
    (left,) = records(str(tmp_path))
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
