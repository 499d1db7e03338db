import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from faults.clouds import GCS, S3
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from trimtab.cli import main

# The command, which looks for new logs often.
OFTEN = """
from trimtab.cli import main, tensorboard

tensorboard._EVERY_SECONDS = 0.5
main()
"""


def test_there_are_no_logs(emulator, tmp_path, capsys):
    for output in (str(tmp_path / "none"), "gs://bucket/runs"):
        for arguments, missing in ([], output), (["two"], f"{output}/two/tensorboard"):
            with pytest.raises(SystemExit) as stopped:
                main(["tensorboard", *arguments, "--output", output])
            assert stopped.value.code == 2
            assert f"{missing}: there are no logs here" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("cloud", [GCS, S3], ids=lambda cloud: cloud.scheme)
def test_it_serves_logs_in_a_store_until_it_is_stopped(request, cloud, tmp_path):
    """With S3 it waits for them, as the pod of a cluster's TensorBoard does."""
    emulator, waits = request.getfixturevalue(cloud.emulator), cloud is S3
    writer = EventFileWriter(str(tmp_path / "logs"))
    writer.add_event(Event(wall_time=1.0, step=1, summary=scalar_pb("epoch_loss", 0.5)))
    writer.close()
    (file,) = (tmp_path / "logs").iterdir()
    name, content = f"runs/1/tensorboard/train/{file.name}", file.read_bytes()
    if not waits:
        emulator.state.put("bucket", {"name": name}, content)
    output = f"{cloud.scheme}://bucket/runs"
    arguments = ["--wait", "--host", "127.0.0.1", "--output", output] if waits else [f"{output}/1"]
    arguments += ["--port", "0"]
    command = [sys.executable, "-c", OFTEN, "tensorboard", *arguments]
    process = subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=subprocess.PIPE, text=True
    )
    try:
        url = next(found[0] for line in process.stderr if (found := re.search(r"http://\S+?:\d+", line)))
        if waits:
            emulator.state.put("bucket", {"name": name}, content)
        assert wait_for_runs(url) == ["1/train"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert not list(tmp_path.glob("trimtab-*"))


def wait_for_runs(url):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with urllib.request.urlopen(f"{url}/data/runs") as answer:
            if runs := json.load(answer):
                return runs
        time.sleep(0.5)
    raise AssertionError("TensorBoard shows no run")
