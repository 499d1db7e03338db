"""What operators see: metrics for Prometheus, and a log that holds no inputs."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

INFER, PREDICT = "/v2/models/digits/infer", "/v1/models/digits:predict"
SECRET = 42424.5
TENSOR = {"name": "input", "shape": [3, 8, 8, 1], "datatype": "FP32", "data": [SECRET] * 192}


@pytest.fixture(scope="module")
def server(start, digits_template):
    """Returns a server that was asked many things."""
    server = start(digits_template.target).ready()
    assert server.post(INFER, {"id": "my-secret-id", "inputs": [TENSOR]}).status == 200
    assert server.post(INFER, {"inputs": [{**TENSOR, "name": "my-secret-name"}]}).status == 400
    assert server.post(PREDICT, {"instances": [{"b64": "my-secret-image"}]}).status == 400
    assert server.get("/v2/models/my-secret-model").status == 404
    assert server.get("/my-secret-path?key=my-secret-key").status == 404
    return server


def families(server):
    answer = server.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {one.name: one for one in text_string_to_metric_families(answer.body.decode())}


def test_metrics(server):
    found = families(server)
    counts = {
        (s.labels["route"], s.labels["code"]): s.value
        for s in found["trimtab_requests"].samples
        if s.name.endswith("_total")
    }
    assert counts["infer", "200"] == 1
    assert counts["infer", "400"] == 1
    assert counts["predict", "400"] == 1
    assert counts["model", "404"] == 1
    assert counts["none", "404"] == 1
    assert counts["ready", "200"] >= 1
    (model,) = found["trimtab_model_info"].samples
    assert (model.labels, model.value) == ({"model": "digits", "version": "2"}, 1)
    assert server.metric("trimtab_batch_rows_sum") == 3
    assert server.metric("trimtab_batch_rows_count") == 1
    assert server.metric("trimtab_model_swaps_total") == 1
    for name in ("trimtab_request_seconds", "trimtab_requests_in_flight", "trimtab_pending_rows"):
        assert found[name].samples
    assert "process_resident_memory_bytes" in found


def test_the_log_has_every_request_and_no_inputs(server, eventually):
    def found():
        return [line for line in server.events("request") if line["route"] != "ready"]

    lines = eventually(lambda: found()[4:] and found())
    first = {"route": "infer", "method": "POST", "status": 200, "rows": 3, "version": 2}
    assert first.items() <= lines[0].items()
    assert [line["status"] for line in lines] == [200, 400, 400, 404, 404]
    assert all(line["ms"] >= 0 for line in lines)
    assert "secret" not in server.log
    assert str(SECRET) not in server.log
    for line in server.log.splitlines():
        if not line.startswith("INFO: "):  # LiteRT's
            assert json.loads(line)["time"].endswith("+00:00")


def test_concurrent_requests_are_batched(start, digits_template):
    hook = """
import time
from trimtab.runtimes.litert.model import LiteRTModel
fast = LiteRTModel.predict
def slow(self, x):
    time.sleep(0.05)
    return fast(self, x)
LiteRTModel.predict = slow
"""
    server = start(digits_template.target, hook=hook).ready()
    x, y = digits_template.outputs(2)
    wrong = []

    def ask(row):
        body = {"name": "input", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": x[row].tolist()}
        for _ in range(5):
            answer = server.post(INFER, {"inputs": [body]})
            if not np.allclose(answer.json["outputs"][0]["data"], y[row], atol=1e-6):
                wrong.append(row)

    threads = [threading.Thread(target=ask, args=(row,)) for row in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert server.metric("trimtab_batch_rows_sum") == 80
    assert server.metric("trimtab_batch_rows_count") < 80
