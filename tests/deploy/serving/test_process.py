"""The process: what it imports, how it begins, and how it ends."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

MODEL = "/v2/models/digits"
ZEROS = {"inputs": [{"name": "input", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": [0.0] * 64}]}
TELL_MODULES = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps({"event": "modules", "names": list(sys.modules)}), file=sys.stderr))
"""
# A few milliseconds for the golden predictions, so that the model counts as one for threads.
SLOW = """
import time
from trimtab.runtimes.litert.model import LiteRTModel
fast = LiteRTModel.predict
def slow(self, x):
    time.sleep(SECONDS if len(x["input"]) == 1 else 0.02)
    return fast(self, x)
LiteRTModel.predict = slow
"""


def test_it_serves_without_tensorflow(start, digits):
    server = start(digits.target, hook=TELL_MODULES, afresh=True).ready()
    assert server.post(f"{MODEL}/infer", ZEROS).status == 200
    assert server.stop() == 0
    names = {name.partition(".")[0] for name in server.event("modules")["names"]}
    assert "ai_edge_litert" in names
    assert not names & {"tensorflow", "keras", "tf_keras", "kfp"}


def test_the_command(digits, tmp_path):
    command = [sys.executable, "-m", "trimtab", "serve", "--host=127.0.0.1", "--port=0", str(digits.target)]
    with (tmp_path / "log").open("wb") as stream:
        process = subprocess.Popen(command, stderr=stream)
    try:
        end = time.monotonic() + 60
        while '"serving"' not in (tmp_path / "log").read_text():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        port = json.loads((tmp_path / "log").read_text().splitlines()[0])["port"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", f"{MODEL}/infer", json.dumps(ZEROS))
        assert json.loads(connection.getresponse().read())["model_version"] == "1"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ftp://models"], "ftp://"),
        (["here", "--host", "203.0.113.7"], "cannot listen on 203.0.113.7:8080"),
        (["here", "--host", "127..0.0.1"], "cannot listen on 127..0.0.1:8080"),
        (["here", "--name", "a/b"], "--name: expected a name that can be a part of a path, found 'a/b'"),
        (["here", "--name", ""], "--name: expected a name that can be a part of a path, found ''"),
    ],
)
def test_what_cannot_be_served_is_a_typed_error(arguments, message):
    command = [sys.executable, "-m", "trimtab", "serve", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_a_typed_error(digits):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "trimtab", "serve", str(digits.target), "--port"]
        done = subprocess.run(
            [*command, str(taken.getsockname()[1])], capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 2
    assert "Address already in use" in done.stderr


def test_sigterm_with_requests_in_flight(start, digits):
    server = start(digits.target, hook=SLOW.replace("SECONDS", "4"), notice_s=0.5).ready()
    statuses = []

    def ask():
        statuses.append(server.post(f"{MODEL}/infer", ZEROS).status)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    idle = server.connection()
    idle.request("GET", "/v2/health/live")
    idle.getresponse().read()
    for thread in threads:
        thread.start()
    while server.metric("trimtab_pending_rows") < 2:
        time.sleep(0.02)
    server.process.send_signal(signal.SIGTERM)
    server.event("leaving")
    ready = server.get("/v2/health/ready")
    assert (ready.status, ready.json) == (503, {"ready": False})
    assert ready.headers["connection"] == "close"
    assert server.get("/v2/health/live").status == 200
    for thread in threads:
        thread.join()
    assert statuses == [200] * 2
    assert server.process.wait(60) == 0
    assert server.events("stopped")
    with pytest.raises(OSError, match="refused"):
        server.get("/v2/health/live")


def test_requests_that_take_too_long_are_cut(start, digits):
    server = start(digits.target, hook=SLOW.replace("SECONDS", "3600"), notice_s=0.1, drain_s=1.0).ready()
    found = []
    thread = threading.Thread(target=lambda: found.append(server.post(f"{MODEL}/infer", ZEROS)))
    thread.start()
    while server.metric("trimtab_pending_rows") < 1:
        time.sleep(0.02)
    assert server.stop() == 0
    thread.join()
    assert found[0].status == 503
    assert "error" in found[0].json
