"""Both images as a server: what a run deployed, served by any uid, with a read-only root and target."""

import json
import math
import time

import pytest
from docker.types import Mount

pytestmark = [pytest.mark.container, pytest.mark.slow, pytest.mark.xdist_group("the example's run")]

# Asked from inside of the container, which has no network but its own loopback.
ASK = """
import sys, urllib.request as http
path, body = sys.argv[1], sys.argv[2].encode() or None
print(http.urlopen(http.Request("http://127.0.0.1:8080" + path, body), timeout=60).read().decode())
"""


@pytest.fixture(params=["image", "server_image"])
def server(request, daemon, confined, in_containers):
    """Returns the container that serves the champion, once it is ready."""
    image = request.getfixturevalue(request.param)
    champion = Mount("/models/digits", str(in_containers.target), type="bind", read_only=True)
    container = daemon.containers.run(
        image, ["serve", "/models/digits"], detach=True, mounts=[champion], **confined
    )
    try:
        deadline = time.monotonic() + 120
        while container.exec_run(["python3", "-c", ASK, "/v2/health/ready", ""]).exit_code:
            assert time.monotonic() < deadline, container.logs().decode()
            time.sleep(0.2)
        yield container
    finally:
        container.remove(force=True)


def ask(container, path, body=""):
    found = container.exec_run(["python3", "-c", ASK, path, body])
    assert found.exit_code == 0, found.output.decode()
    return json.loads(found.output)


def test_serves_what_was_deployed_and_ends_in_order(server):
    (described,) = ask(server, "/v2/models/digits")["inputs"]
    shape = [1, *described["shape"][1:]]
    tensor = {"name": described["name"], "shape": shape, "datatype": "FP32", "data": [0.0] * math.prod(shape)}
    answer = ask(server, "/v2/models/digits/infer", json.dumps({"inputs": [tensor]}))
    assert answer["model_version"] == "1"
    server.stop(timeout=60)
    assert server.wait()["StatusCode"] == 0
