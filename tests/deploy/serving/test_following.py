"""The champion changes, is damaged, is gone or not there yet, and storage fails: the service goes on."""

from __future__ import annotations

import json
import shutil
import threading

import numpy as np
import pytest

from trimtab.deploy.golden import Golden
from trimtab.deploy.kserve.golden import GoldenRows
from trimtab.deploy.repository import Repository
from trimtab.storage import artifact

INFER = "/v2/models/digits/infer"


def request_of(x):
    return {"inputs": [{"name": "input", "shape": list(x.shape), "datatype": "FP32", "data": x.tolist()}]}


def version(server):
    return server.get("/v2/models/digits").json["versions"][0]


def flip(path, place=2000):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


class Load:
    """Clients that ask again and again on kept-alive connections, and check every answer."""

    def __init__(self, server, deployed, clients=4):
        self._server = server
        x, _ = deployed.outputs(1)
        self._body = json.dumps(request_of(x[:1])).encode()
        self._expected = {str(v): deployed.outputs(v)[1][0] for v in (1, 2)}
        self.seen, self.wrong = [], []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self):
        connection = self._server.connection()
        while not self._stop.is_set():
            try:
                connection.request("POST", INFER, self._body)
                response = connection.getresponse()
                answer = json.loads(response.read())
                data = np.asarray(answer["outputs"][0]["data"])
                right = np.allclose(data, self._expected[answer["model_version"]], atol=1e-6)
                if response.status != 200 or not right:
                    self.wrong.append(answer)
                self.seen.append(answer["model_version"])
            except Exception as error:
                self.wrong.append(repr(error))
                return


# With and without threads: what a model takes decides.
THREADS = """
import time
from trimtab.runtimes.litert.model import LiteRTModel
fast = LiteRTModel.predict
def slow(self, x):
    time.sleep(0.005)
    return fast(self, x)
LiteRTModel.predict = slow
"""


@pytest.mark.parametrize("hook", ["", THREADS], ids=["on the spot", "in threads"])
def test_swaps_under_load_lose_no_request(start, digits, hook, eventually):
    server = start(digits.target, hook=hook).ready()
    with Load(server, digits) as load:
        for _ in range(3):
            for wanted in (2, 1):
                eventually(lambda: len(load.seen) > 20)
                digits.point_to(wanted)
                eventually(lambda wanted=wanted: load.seen[-1:] == [str(wanted)])
                load.seen.clear()
    assert not load.wrong
    assert server.metric("trimtab_model_swaps_total") == 7
    assert server.metric("trimtab_model_swap_failures_total") == 0


@pytest.mark.parametrize("name", ["model.tflite", "golden.npz", "schema.json", "manifest.json"])
def test_a_damaged_champion_changes_nothing(start, digits, name, eventually):
    flip(digits.target / "2" / name, 50)
    server = start(digits.target).ready()
    digits.point_to(2)
    (failure, *_) = eventually(lambda: server.events("swap_failed"), server.alive)
    assert failure["serving"] == 1
    assert "2" in failure["error"]
    assert version(server) == "1"
    assert server.get("/v2/health/ready").status == 200
    assert server.metric("trimtab_model_swap_failures_total") >= 1
    flip(digits.target / "2" / name, 50)
    eventually(lambda: version(server) == "2", server.alive)


def test_a_champion_that_answers_differently_changes_nothing(start, digits, tmp_path, eventually):
    version_2 = digits.target / "2"
    golden = Golden.load(version_2 / "golden.npz")
    with artifact.create(tmp_path / "other", "deployment") as draft:
        for name in ("model.tflite", "schema.json", "metadata.json"):
            (draft.path / name).write_bytes((version_2 / name).read_bytes())
        Golden(golden.x, {"output": golden.y["output"] + np.float32(0.1)}, golden.tolerance).save(
            draft.path / "golden.npz"
        )
        draft.lineage = artifact.load(version_2, "deployment").lineage
    shutil.rmtree(version_2)
    (tmp_path / "other").rename(version_2)
    server = start(digits.target).ready()
    digits.point_to(2)
    (failure, *_) = eventually(lambda: server.events("swap_failed"), server.alive)
    assert "expected the golden predictions" in failure["error"]
    assert version(server) == "1"


@pytest.mark.parametrize("content", [b"{", b"", b'{"version": 9}', b"\xff\xfe"])
def test_a_damaged_pointer_changes_nothing(start, digits, content, eventually):
    server = start(digits.target).ready()
    (digits.target / "champion.json").write_bytes(content)
    eventually(lambda: server.events("swap_failed"), server.alive)
    assert version(server) == "1"


def test_a_version_that_is_gone_changes_nothing(start, digits, eventually):
    server = start(digits.target).ready()
    move = json.loads(digits.pointers[0])["history"][0] | {"version": 7}
    pointer = {"version": 7, "previous": None, "history": [move]}
    (digits.target / "champion.json").write_text(json.dumps(pointer))
    (failure, *_) = eventually(lambda: server.events("swap_failed"), server.alive)
    assert "there is no version 7" in failure["error"]
    assert version(server) == "1"


def test_a_pointer_that_vanishes_changes_nothing(start, digits, eventually):
    server = start(digits.target).ready()
    (digits.target / "champion.json").unlink()
    x, _ = digits.outputs(1)
    for _ in range(20):
        assert server.post(INFER, request_of(x[:1])).json["model_version"] == "1"
    digits.point_to(2)
    eventually(lambda: version(server) == "2", server.alive)


def test_a_repository_that_was_made_anew_is_followed(start, digits, eventually):
    server = start(digits.target).ready()
    one, two = digits.target / "1", digits.target / "2"
    shutil.rmtree(one)
    two.rename(one)
    pointer = json.loads(digits.pointers[0])
    pointer["history"][-1]["selection"] = json.loads(digits.pointers[1])["history"][-1]["selection"]
    del pointer["moves_sha256"]
    (digits.target / "champion.json").write_text(json.dumps(pointer))
    eventually(lambda: server.metric("trimtab_model_swaps_total") == 2, server.alive)
    x, y = digits.outputs(1)
    answer = server.post(INFER, request_of(x[:1])).json
    assert answer["model_version"] == "1"
    np.testing.assert_allclose(answer["outputs"][0]["data"], y[0], atol=1e-6)


def test_no_champion_yet(start, digits_template, tmp_path):
    server = start(tmp_path / "digits")
    assert server.get("/v2/health/live").status == 200
    assert server.event("waiting")["target"] == str(tmp_path / "digits")
    ready = server.get("/v2/health/ready")
    assert (ready.status, ready.json) == (503, {"ready": False})
    for method, path in [("GET", ""), ("GET", "/ready"), ("POST", "/infer")]:
        answer = server.request(method, f"/v2/models/digits{path}", {} if method == "POST" else None)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert answer.json == {"error": "there is no model in service yet"}
    digits_template.copy(tmp_path / "digits")
    assert version(server.ready()) == "2"


def test_one_version_is_served_whoever_is_the_champion_and_its_golden_rows_tell_it(start, digits):
    pinned = "import functools; serve = functools.partial(serve, version=2)"
    server = start(digits.target, hook=pinned).ready()
    assert Repository(str(digits.target)).champion().version == 1
    assert version(server) == "2"
    url = f"http://127.0.0.1:{server.port}"
    assert GoldenRows(Repository(str(digits.target)), 2).asked(["http://127.0.0.1:9", url], "digits") == ""
    said = GoldenRows(Repository(str(digits.target)), 1).asked([url], "digits")
    assert said.endswith("answered as version 2")
