import os

import pytest

from trimtab.cli import main, run_directory
from trimtab.config.config import Config
from trimtab.errors import ConfigError

CONFIG = Config.model_validate({"data": {"train": "sklearn://digits"}, "model": {"architecture": "mlp"}})


@pytest.fixture(params=["here", "there"])
def uri(request, tmp_path, emulator):
    return str(tmp_path / "runs" / "1") if request.param == "here" else "gs://bucket/runs/1"


def opened(uri, config=CONFIG, *, pipeline="optimize", resume=False):
    return run_directory.opened(uri, pipeline, config, resume=resume)


def test_a_run_begins_once_and_goes_on_with_its_own_config(uri):
    with opened(uri) as directory:
        assert directory.is_dir()
    with pytest.raises(ConfigError, match="exists already"), opened(uri):
        pass
    with opened(uri, resume=True):
        pass
    other = CONFIG.model_copy(update={"seed": 7})
    with pytest.raises(ConfigError, match="another config") as caught, opened(uri, other, resume=True):
        pass
    assert caught.value.path == uri


def test_a_run_goes_on_as_the_pipeline_that_it_is(uri):
    with opened(uri, pipeline="retrain"):
        pass
    with opened(uri, pipeline="retrain", resume=True):
        pass
    with (
        pytest.raises(ConfigError, match="is a run of the pipeline retrain, not of optimize") as caught,
        opened(uri, resume=True),
    ):
        pass
    assert "trimtab retrain" in caught.value.hint


def test_there_is_nothing_to_resume(uri):
    with pytest.raises(ConfigError, match="no such run"), opened(uri, resume=True):
        pass


def test_the_log_of_a_run_in_the_cloud_goes_there_however_it_ends(emulator):
    for text in ("first\n", "second\n"):
        with (
            pytest.raises(KeyboardInterrupt),
            opened("gs://bucket/runs/1", resume=text != "first\n") as directory,
            (directory / run_directory.LOG).open("a") as log,
        ):
            log.write(text)
            log.flush()
            raise KeyboardInterrupt
        assert not directory.exists()
    assert emulator.contents("bucket")["runs/1/run.log"] == b"first\nsecond\n"


def test_two_processes_cannot_work_on_one_run(tmp_path):
    uri = str(tmp_path / "1")
    with opened(uri), pytest.raises(ConfigError, match="another process"), opened(uri, resume=True):
        pass


def test_a_run_is_named_by_its_id_or_its_directory(tmp_path):
    assert run_directory.named("1", "gs://bucket/runs/") == "gs://bucket/runs/1"
    assert run_directory.named("gs://bucket/runs/1/", "runs") == "gs://bucket/runs/1"
    assert run_directory.named(str(tmp_path), "runs") == str(tmp_path)
    assert run_directory.named("1", "runs") == "runs/1"


def test_the_report_of_a_run_that_is_not_finished(uri, capsys):
    with opened(uri), pytest.raises(SystemExit) as stopped:
        main(["report", uri])
    assert stopped.value.code == 2
    assert f"error: {uri}: no result.json" in capsys.readouterr().err


def test_what_killed_writers_left_goes_when_the_run_goes_on_and_when_it_ends(tmp_path):
    run, store = tmp_path / "1", tmp_path / "store" / "model"
    with opened(str(run)):
        pass

    def left(*places):
        for place in places:
            place.mkdir(parents=True)
            (place / "weights").write_bytes(b"half")

    at_work, old = store / ".other.x.part", store / ".old.y.part"
    left(run / "selection" / ".files.z.part", at_work, old)
    for path in (old / "weights", old):
        os.utime(path, (0, 0))
    with opened(str(run), resume=True):
        assert not list(run.rglob("*.part"))
        assert list(store.iterdir()) == [at_work]
        (run / ".result.json.w.part").write_bytes(b"half")
    assert not list(run.rglob("*.part"))
