"""Digits on ``s3://``, of a server that is not ours, through faults: the weights are the local ones'."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import keras
import pytest
import yaml
from altered_tasks import with_short_pauses
from faults.clouds import S3
from faults.moto import Moto
from faults.proxy import FOR_EVER, Fault, FaultProxy
from in_process import trimtab

from trimtab.artifacts.store import STORE
from trimtab.cli import processes
from trimtab.deploy.repository import Repository
from trimtab.storage.store import open_store

pytestmark = pytest.mark.slow

CONFIG = {
    "name": "digits",
    "seed": 3,
    "data": {"train": "sklearn://digits"},
    "model": {"architecture": "cnn", "params": {"filters": 8}},
    "train": {"epochs": 3, "batch_size": 64},
    "recipes": [[{"channels": {"ratio": 0.4, "epochs": 1}}, ["none", "int8"]]],
    "budget": {"max_accuracy_drop": 0.9, "objective": "size"},
}
SECRET = "PLANTED-SECRET-OF-S3"
# Not "corrupt upload": moto takes wrong checksums.
FAULTS = [
    ("429", S3.any, 61),
    ("503", S3.any, 71),
    ("reset", S3.any, 59),
    ("lost answer", S3.upload, 37),
    ("truncate", S3.media, 23),
    ("corrupt", S3.media, 17),
]


def run(directory: Path, place: str) -> dict[str, Any]:
    directory.mkdir()
    config = CONFIG | {"deploy": {"target": f"{place}/models/digits"}}
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    done = trimtab(directory, "run", "config.yaml", "--json", "--output", f"{place}/runs")
    assert done.returncode == 0, done.stderr[-3000:]
    assert SECRET not in done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def weights(place: str, directory: Path) -> dict[str, list[str]]:
    """Returns hashes of the weights of all models that were trained, and of the one that is served."""
    store, hashes = open_store(f"{place}/runs/{STORE}"), []
    for name in store.names():
        if name.endswith(".keras"):
            store.fetch(name, directory / "model.keras")
            values = keras.models.load_model(directory / "model.keras").get_weights()
            hashes.append(hashlib.sha256(b"".join(value.tobytes() for value in values)).hexdigest())
    with Repository(f"{place}/models/digits").fetched(1) as version:
        served = hashlib.sha256((version.path / "model.tflite").read_bytes()).hexdigest()
    return {"trained": sorted(hashes), "served": [served]}


def test_digits_on_s3_have_the_weights_of_local_ones(
    moto_s3: Moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short_pauses: None
) -> None:
    monkeypatch.setattr(processes, "_execute", with_short_pauses)
    here = run(tmp_path / "here", str(tmp_path / "local"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with FaultProxy(moto_s3.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        proxy.spoil(*(Fault(kind, match, FOR_EVER, every=every) for kind, match, every in FAULTS))
        there = run(tmp_path / "there", "s3://bucket/trimtab")
        assert {line.split(":")[0] for line in proxy.spoiled} == {kind for kind, _, _ in FAULTS}
        proxy.spoil()
        store = open_store("s3://bucket")
        assert not [name for name in store.names() if SECRET.encode() in (store.read(name) or b"")]
        found = weights("s3://bucket/trimtab", tmp_path)
    assert len(found["trained"]) >= 2
    assert found == weights(str(tmp_path / "local"), tmp_path)
    assert [one["metrics"] for one in there["candidates"]] == [one["metrics"] for one in here["candidates"]]
    assert there["deployed"] == "s3://bucket/trimtab/models/digits/1"
    assert not [path for path in (tmp_path / "there").iterdir() if path.name.startswith("s3:")]
