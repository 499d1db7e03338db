"""Several processes on one port: they share the load, the metrics and the end."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from trimtab.deploy.serving.siblings import summed

INFER = "/v2/models/digits/infer"
ZEROS = {"inputs": [{"name": "input", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": [0.0] * 64}]}


def children(pid: int) -> set[int]:
    """Returns the processes of a server, without what Python starts beside them."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(one) for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()}


def gone(pid: int) -> bool:
    try:
        return "Z (zombie)" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


@pytest.fixture
def server(start, digits):
    return start(digits.target, processes=2)


def test_all_answer_follow_the_pointer_and_are_summed_up(server, digits, eventually):
    eventually(lambda: len(server.events("serving")) == 2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.post(INFER, ZEROS), range(200)))
    assert {answer.json["model_version"] for answer in answers} == {"1"}
    assert server.metric("trimtab_requests_total") >= 200
    assert server.metric("trimtab_request_seconds_count") >= 200
    assert server.metric("trimtab_model_info") == 1
    assert len(children(server.process.pid)) == 2
    digits.point_to(2)
    eventually(lambda: len(server.events("serving")) == 4)
    assert {server.post(INFER, ZEROS).json["model_version"] for _ in range(50)} == {"2"}
    assert server.metric("trimtab_model_swaps_total") == 4
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0
    assert len(server.events("stopped")) == 1


def test_one_that_is_killed_is_started_again(server, eventually):
    eventually(lambda: len(server.events("serving")) == 2)
    before = children(server.process.pid)
    os.kill(killed := before.pop(), signal.SIGKILL)
    assert server.event("process_ended") | {"time": ""} == {
        "time": "",
        "event": "process_ended",
        "pid": killed,
        "exit_code": -signal.SIGKILL,
    }
    assert server.post(INFER, ZEROS).status == 200
    eventually(lambda: len(server.events("serving")) == 3)
    assert server.stop() == 0


def test_they_end_when_the_first_one_is_killed(server, eventually):
    eventually(lambda: len(server.events("serving")) == 2)
    left = children(server.process.pid)
    server.process.kill()
    server.process.wait()
    end = time.monotonic() + 60
    while not all(map(gone, left)):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_counters_are_added_and_what_is_alike_is_not():
    text = """# HELP trimtab_requests_total By route.
# TYPE trimtab_requests_total counter
trimtab_requests_total{{route="infer"}} {requests}
# HELP trimtab_model_info What is in service.
# TYPE trimtab_model_info gauge
trimtab_model_info{{version="{version}"}} 1.0
# HELP seconds Times.
# TYPE seconds histogram
seconds_bucket{{le="1.0"}} {requests}
seconds_bucket{{le="+Inf"}} {requests}
seconds_count {requests}
seconds_sum 0.5
"""
    texts = [text.format(requests=3.0, version=1), text.format(requests=4.0, version=1)]
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(summed(texts).decode())
        for sample in family.samples
    }
    assert found == {
        ("trimtab_requests_total", "infer"): 7.0,
        ("trimtab_model_info", "1"): 1.0,
        ("seconds_bucket", "1.0"): 7.0,
        ("seconds_bucket", "+Inf"): 7.0,
        ("seconds_count",): 7.0,
        ("seconds_sum",): 1.0,
    }
    # Between two looks at the pointer, both are in service.
    both = summed([texts[0], text.format(requests=1.0, version=2)]).decode()
    assert both.count("trimtab_model_info{") == 2
