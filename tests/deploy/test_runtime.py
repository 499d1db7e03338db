"""A version is served by the runtime that it was proven on, and says so."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from served import predict as predict_files

from trimtab import registry
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy import promotion, servable
from trimtab.deploy.history import history
from trimtab.deploy.predict import predict
from trimtab.deploy.repository import Repository
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.model import load
from trimtab.errors import ConfigError, DeployError
from trimtab.runtimes.registry import is_installed, runtime

OTHERS = [name for name in registry.RUNTIMES if name != "litert"]


@pytest.fixture(params=OTHERS)
def other(request):
    """Returns each runtime but LiteRT; one that is not installed is skipped."""
    if not is_installed(request.param):
        pytest.skip(f"the runtime {request.param} is not installed")
    return request.param


@pytest.fixture
def deployed(other, make_selection, schema, target):
    """Returns a repository of two versions: one that names no runtime, and one of another than LiteRT."""
    promotion.deploy(target, make_selection(1), schema, "{}")
    promotion.deploy(target, make_selection(2, runtime=other), schema, '{"candidate": {"id": "c"}}')
    return Path(target)


def test_the_version_has_the_files_and_names_the_runtime_and_its_version(deployed, other):
    assert {path.name for path in (deployed / "2").iterdir()} == {
        *runtime(other).files, "golden.npz", "schema.json", "metadata.json", "manifest.json"
    }  # fmt: skip
    described = json.loads((deployed / "2" / "metadata.json").read_text())
    assert described["runtime"] == {"name": other, "version": runtime(other).version()}
    assert json.loads((deployed / "1" / "metadata.json").read_text())["runtime"]["name"] == "litert"


def test_it_predicts_and_repeats_the_golden_predictions(deployed, digits_dataset, tmp_path, other):
    data = Dataset.open(digits_dataset)
    x = data.arrays("test")[0][:5]
    check = servable.repeat_golden(str(deployed), 2)
    assert (check.error, check.examples, check.difference) == ("", 8, 0)
    np.savez(tmp_path / "rows.npz", **{data.schema.columns[0].name: x[..., 0]})
    expected = predict_files(deployed / "2", data.model_input(x), other).argmax(axis=1)
    found = [row["label"] for row in predict(str(deployed), str(tmp_path / "rows.npz"))]
    assert found == [data.schema.classes[place] for place in expected]


def test_it_is_served(deployed, other):
    served = load(Repository(str(deployed)), 2, 1, Limits(), Metrics())
    assert (served.platform, served.notice) == (runtime(other).platform, "")
    served.retire()


def test_another_version_of_the_library_is_told(deployed, other, monkeypatch, capsys, tmp_path):
    installed, mine = metadata.version, runtime(other).version()
    monkeypatch.setattr(metadata, "version", lambda name: "1.0.0" if name == other else installed(name))
    served = load(Repository(str(deployed)), 2, 1, Limits(), Metrics())
    assert served.notice == f"it was proven on {other} {mine}, and this is 1.0.0"
    served.retire()
    assert servable.repeat_golden(str(deployed), 2).error == ""


def test_without_the_library_it_is_a_typed_error_that_names_the_extra(deployed, other, monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(ConfigError, match=rf"pip install 'trimtab\[{runtime(other).extra}\]'"):
        load(Repository(str(deployed)), 2, 1, Limits(), Metrics())
    assert f"the runtime {other} is not installed" in servable.repeat_golden(str(deployed), 2).error


def test_a_damaged_file_is_found(deployed, other):
    path = deployed / "2" / runtime(other).files[-1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DeployError, match="not servable"):
        servable.check(str(deployed), 2)


def test_the_history_names_the_runtime(deployed, other):
    assert [version.runtime for version in history(str(deployed)).versions] == [None, other]


def test_a_version_is_served_with_its_streams(make_selection, schema, target, monkeypatch):
    if not is_installed("openvino"):
        pytest.skip("the runtime openvino is not installed")
    selection = make_selection(2, runtime="openvino")
    asked, module = [], type(runtime("openvino"))
    read = module.load

    def spy(self, directory, threads=1, batch=1, streams=1):
        asked.append((threads, streams))
        return read(self, directory, threads, batch, streams)

    monkeypatch.setattr(module, "load", spy)
    monkeypatch.setitem(selection.lineage, "streams", 2)
    promotion.deploy(target, selection, schema, "{}")
    load(Repository(target), 1, 4, Limits(), Metrics())
    # One for the event loop and one for each two threads; where rows gain by it, as many once more.
    assert set(asked) == {(2, 2)}
    assert len(asked) in (4, 6)
