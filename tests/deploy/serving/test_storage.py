"""A repository in Cloud Storage: followed there, and the service goes on while storage is out."""

from __future__ import annotations

import numpy as np
import pytest
from faults.fixtures import BUCKET
from faults.proxy import FOR_EVER, Fault

from trimtab.deploy.repository import Repository

INFER = "/v2/models/digits/infer"
pytestmark = pytest.mark.slow  # the client waits longer and longer between attempts


@pytest.fixture
def bucket(proxy, digits):
    """Returns a repository in a bucket, of which version 1 is the champion."""
    local, remote = Repository(str(digits.target)), Repository(f"gs://{BUCKET}/deployed/digits")
    for version in (1, 2):
        assert remote.add(digits.target / str(version)) == version
    assert remote.promote(local.champion(), None)
    return remote


def promote(repository, digits, version):
    pointer = repository.pointer()
    champion = Repository(str(digits.target)).parse(digits.pointers[version - 1])
    assert repository.promote(champion, pointer)


def asked(server, digits, version):
    x, y = digits.outputs(version)
    tensor = {"name": "input", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": x[0].tolist()}
    answer = server.post(INFER, {"inputs": [tensor]}).json
    assert answer["model_version"] == str(version)
    np.testing.assert_allclose(answer["outputs"][0]["data"], y[0], atol=1e-6)


def test_a_bucket_is_followed_through_an_outage(start, bucket, proxy, digits, eventually):
    server = start(bucket.uri, poll_s=0.1).ready()
    asked(server, digits, 1)
    promote(bucket, digits, 2)
    eventually(lambda: server.metric("trimtab_model_swaps_total") == 2, server.alive)
    asked(server, digits, 2)
    proxy.spoil(Fault("503", times=3), Fault("reset", times=2))
    for _ in range(50):
        asked(server, digits, 2)
    eventually(lambda: len(proxy.spoiled) == 5, server.alive)
    promote(bucket, digits, 1)
    eventually(lambda: server.metric("trimtab_model_swaps_total") == 3, server.alive)
    asked(server, digits, 1)
    assert server.stop() == 0


def test_a_champion_that_arrives_damaged_is_not_served(start, bucket, proxy, digits, eventually):
    server = start(bucket.uri, poll_s=0.1).ready()
    proxy.spoil(Fault("corrupt", r"GET .*model\.tflite", FOR_EVER))
    promote(bucket, digits, 2)
    (failure, *_) = eventually(lambda: server.events("swap_failed"), server.alive)
    assert "checksum" in failure["error"]
    asked(server, digits, 1)
