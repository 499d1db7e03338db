import os
import signal
import subprocess
import sys
import time

import pytest

from trimtab.storage import atomic

WRITER = """
import sys
from pathlib import Path
from trimtab.storage import atomic
size = 4_000_000
for number in range(10_000):
    atomic.write_bytes(Path(sys.argv[1]), bytes([number % 256]) * size)
"""


def test_a_reader_sees_one_whole_version_while_the_writer_is_killed(tmp_path):
    file = tmp_path / "pointer"
    for delay in (0.15, 0.22, 0.31):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(file)])
        while not file.exists():
            time.sleep(0.005)
        time.sleep(delay)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        content = file.read_bytes()
        assert len(content) == 4_000_000
        assert len(set(content)) == 1


def test_a_directory_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "target"
    with atomic.new_directory(target) as part:
        (part / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    with pytest.raises(KeyError), atomic.new_directory(target) as part:
        (part / "b").write_text("2")
        raise KeyError
    assert sorted(path.name for path in target.iterdir()) == ["a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["target"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("1")
    with pytest.raises(OSError, match="taken"):
        atomic.write_bytes(tmp_path / "taken", b"2")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
