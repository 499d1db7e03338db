"""`examples/digits.yaml`, the whole DAG, a container per task: the same result as with a process per task."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from trimtab.cli import docker as runner
from trimtab.cli.pipeline import shards
from trimtab.config.loader import load
from trimtab.cpus import cpus

pytestmark = [pytest.mark.container, pytest.mark.slow, pytest.mark.xdist_group("the example's run")]


def result(run):
    return json.loads((run.directory / "result.json").read_text())


def trained(run):
    return json.loads((run.directory / "stages/train.json").read_text())["summary"]


def test_equals_the_local_run(local, in_containers):
    assert trained(in_containers)["weights_sha256"] == trained(local)["weights_sha256"]
    assert trained(in_containers)["hyperparameters"] == trained(local)["hyperparameters"]
    theirs, ours = result(local), result(in_containers)
    assert ours["data"] == theirs["data"]
    for here, there in zip(ours["candidates"], theirs["candidates"], strict=True):
        for field in ("id", "metrics", "drop", "size_bytes", "gzip_bytes", "parameters", "macs", "sparsity"):
            assert here[field] == there[field], field


def test_leaves_what_a_run_leaves(in_containers):
    run, found = in_containers.directory, result(in_containers)
    assert found["status"] == "deployed"
    assert (Path(found["deployed"]) / "model.tflite").is_file()
    assert (run / "report.html").is_file()
    assert list(run.glob("tensorboard/**/events*"))
    assert os.access(run / "result.json", os.R_OK)


def test_every_task_has_a_container_of_its_own(in_containers, root):
    count = len(shards(load(root / "examples/digits.yaml"), cpus()))
    expected = dict.fromkeys(("data_prep", "tune", "train", "select", "deploy", "report"), 1)
    expected |= dict.fromkeys(("prune", "quantize", "evaluate"), count)
    assert Counter(stage for stage, _ in in_containers.confined) == expected


def test_every_container_is_confined(in_containers):
    for stage, attributes in in_containers.confined:
        host = attributes["HostConfig"]
        assert attributes["Config"]["User"].split(":")[0] != "0", stage
        assert host["NetworkMode"] == "none", stage
        assert host["ReadonlyRootfs"], stage
        assert host["CapDrop"] == ["ALL"], stage
        assert host["SecurityOpt"] == ["no-new-privileges"], stage
        writable = {one["Source"] for one in attributes["Mounts"] if one["RW"]}
        store = in_containers.directory.parent / "store"
        assert writable == {str(in_containers.directory), str(store), str(in_containers.target)}, stage
    train = next(attributes["HostConfig"] for stage, attributes in in_containers.confined if stage == "train")
    assert train["Memory"] == train["MemorySwap"] == 4 * 2**30
    assert train["NanoCpus"] == os.cpu_count() * 10**9


def test_leaves_no_container_behind(in_containers, daemon):
    label = f"{runner.RUN_LABEL}={in_containers.directory}"
    assert daemon.containers.list(all=True, filters={"label": label}) == []
