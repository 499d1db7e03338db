import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import pytest

from trimtab.cli import main
from trimtab.cli.temporary import temporary

HOLD = """
import time
from trimtab.cli.temporary import temporary
with temporary() as directory:
    print(directory, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def make_old(directory):
    os.utime(directory, (0, 0))


def test_what_a_killed_run_left_goes_with_the_next_and_what_is_in_use_stays(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as process:
        held = Path(process.stdout.readline().strip())
        (held / "file").write_text("in use")
        make_old(held)
        with temporary() as other:
            assert set(tmp_path.iterdir()) == {held, other}
        process.send_signal(signal.SIGKILL)
    assert list(tmp_path.iterdir()) == [held]
    with temporary() as other:
        assert list(tmp_path.iterdir()) == [other]
    assert not list(tmp_path.iterdir())


def test_what_is_young_or_another_programs_stays(tmp_path):
    young, others = tmp_path / "trimtab-run-young", tmp_path / "others"
    for directory in (young, others):
        directory.mkdir()
    make_old(others)
    with temporary():
        assert young.is_dir()
        assert others.is_dir()


KILLED = """
import os, signal, sys
from trimtab.cli import main, predict
def killed(*_, **__):
    import tempfile
    os.write(1, tempfile.mkdtemp(prefix="trimtab-").encode())
    os.kill(os.getpid(), signal.SIGKILL)
predict.command.callback = killed
main(["predict", "any", "--input", "any.csv"])
"""


def test_what_a_killed_command_left_goes_with_the_next(tmp_path):
    process = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True)
    assert process.returncode == -signal.SIGKILL
    left = Path(process.stdout)
    assert left.is_dir()
    (command,) = tmp_path.iterdir()
    assert left.parent == command
    make_old(command)
    with pytest.raises(SystemExit):
        main(["methods", "--help"])
    assert not list(tmp_path.iterdir())


def test_a_command_runs_where_nothing_can_be_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "mkdtemp", mock.Mock(side_effect=OSError("read-only")))
    with pytest.raises(SystemExit) as caught:
        main(["methods"])
    assert (caught.value.code, tempfile.gettempdir()) == (0, str(tmp_path))


SHARES = """
import multiprocessing.util
from trimtab.cli import main, predict
predict.command.callback = lambda *_, **__: print(multiprocessing.util.get_temp_dir(), flush=True)
main(["predict", "any", "--input", "any.csv"])
"""


def test_what_multiprocessing_keeps_there_goes_with_the_process(tmp_path):
    process = subprocess.run([sys.executable, "-c", SHARES], capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "")
    assert Path(process.stdout.strip()).parents[1] == tmp_path
    assert not list(tmp_path.iterdir())
