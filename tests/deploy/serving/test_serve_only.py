"""An installation of `trimtab[serve]` alone: what its lock does not have cannot be imported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import soundfile
from PIL import Image

from trimtab.deploy.predict import predict

PREDICT = "/v1/models/digits:predict"
HEAVY = {
    "tensorflow",
    "keras",
    "kfp",
    "tensorboard",
    "sklearn",
    "jinja2",
    "docker",
    "onnx",
    "nncf",
    "tf2onnx",
}
WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
"""

# As its metadata would be, had pip installed it.
AS_INSTALLED = """
import importlib.metadata, sys, tomllib
extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
asked = [f'{line}; extra == "{name}"' for name, lines in extras.items() for line in lines]
importlib.metadata.requires = lambda name: asked
version = importlib.metadata.version
def installed(name):
    if name == "kfp":
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)
importlib.metadata.version = installed
from trimtab.cli import main
main(sys.argv[1:])
"""


def plain(name):
    return re.sub("[-_.]+", "-", name).lower()


def locked(path):
    return {plain(found) for found in re.findall(r"^([\w.-]+)==", path.read_text(), re.M)}


@pytest.fixture(scope="module")
def environment(root, tmp_path_factory):
    """Returns the variables of a process that has what `requirements-serve.lock` installs, and no more."""
    there = locked(root / "requirements-serve.lock") | {"trimtab"}
    missing = {
        module
        for module, names in packages_distributions().items()
        if not there & {plain(name) for name in names}
    }
    assert missing >= HEAVY & set(packages_distributions())
    folder = tmp_path_factory.mktemp("without")
    (folder / "sitecustomize.py").write_text(WITHOUT.replace("NAMES", repr(missing)))
    return {"PYTHONPATH": str(folder)}


def trimtab(environment, *arguments):
    command = [sys.executable, "-m", "trimtab", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("raw")


def table(folder):
    """Returns training data, new rows in a file, and how they are asked for over HTTP."""
    rng = np.random.default_rng(0)
    columns = {
        "age": rng.integers(18, 80, 120),
        "job": [("nurse", "cook", "judge")[i % 3] for i in range(120)],
    }
    columns["since"] = [f"2025-0{1 + i % 9}-1{i % 7}" for i in range(120)]
    whole = pa.table({**columns, "left": ["yes" if i % 3 else "no" for i in range(120)]})
    pa.csv.write_csv(whole, folder / "table.csv")
    rows = whole.drop_columns(["left"]).slice(0, 5)
    pa.csv.write_csv(rows, folder / "new.csv")
    data = {"train": str(folder / "table.csv"), "label": "left"}
    return data, folder / "new.csv", json.dumps({"instances": rows.to_pylist()}).encode(), {}


def text(folder):
    words = [
        f"{'good' if i % 2 else 'bad'} film number {i}, {'liked' if i % 2 else 'hated'}" for i in range(80)
    ]
    pa.csv.write_csv(
        pa.table({"review": words, "mood": ["+-"[i % 2] for i in range(80)]}), folder / "texts.csv"
    )
    pa.csv.write_csv(pa.table({"review": words[:5]}), folder / "new.csv")
    data = {"train": str(folder / "texts.csv"), "label": "mood"}
    return data, folder / "new.csv", json.dumps({"instances": words[:5]}).encode(), {}


def images(folder):
    rng = np.random.default_rng(0)
    for label in ("dark", "light"):
        (folder / "png" / label).mkdir(parents=True)
        for i in range(30):
            pixels = rng.integers(0, 100, (12, 10, 3)) + (150 if label == "light" else 0)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / "png" / label / f"{i}.png")
    one = folder / "png" / "dark" / "7.png"
    return {"train": str(folder / "png")}, one, one.read_bytes(), {"Content-Type": "image/png"}


def sound(folder):
    rng = np.random.default_rng(0)
    for label, pitch in {"high": 1760, "low": 220}.items():
        (folder / "wav" / label).mkdir(parents=True)
        for i in range(30):
            wave = np.sin(np.arange(4000) / 8000 * 2 * np.pi * pitch * rng.uniform(0.9, 1.1))
            soundfile.write(folder / "wav" / label / f"{i}.wav", 0.3 * wave, 8000)
    # It is resampled, which takes a library of its own.
    one = folder / "new.wav"
    soundfile.write(one, 0.3 * np.sin(np.arange(8000) / 16000 * 2 * np.pi * 300), 16000)
    return {"train": str(folder / "wav")}, one, one.read_bytes(), {"Content-Type": "audio/wav"}


@pytest.mark.parametrize("kind", [table, text, images, sound])
def test_it_answers_as_the_whole_installation_does(kind, tmp_path, prepared, deploy_on, start, environment):
    data, source, body, headers = kind(tmp_path)
    target = deploy_on(prepared(**data)).target
    expected = list(predict(str(target), str(source)))
    done = trimtab(environment, "predict", target, "--input", source)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == json.loads(json.dumps(expected))
    answer = start(target, environment=environment).ready().post(PREDICT, body, headers)
    assert answer.status == 200, answer.body
    asked = [{key: value for key, value in row.items() if key not in ("path", "row")} for row in expected]
    found = [{key: value for key, value in row.items() if key != "row"} for row in answer.json["predictions"]]
    assert [row["label"] for row in found] == [row["label"] for row in asked]
    for one, other in zip(found, asked, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)


def test_the_repository_can_be_looked_at_and_moved(digits, environment):
    assert trimtab(environment, "history", digits.target).returncode == 0
    done = trimtab(environment, "promote", digits.target, "2")
    assert done.returncode == 0, done.stderr
    assert json.loads((digits.target / "champion.json").read_text())["version"] == 2


def test_what_trains_says_what_to_install(root, environment):
    for arguments, module in (["compile", "examples/digits.yaml"], "kfp"), (["status"], "kfp"):
        done = subprocess.run(
            [sys.executable, "-c", AS_INSTALLED, *arguments],
            capture_output=True,
            text=True,
            cwd=root,
            env=environment,
        )
        assert done.returncode == 2, done.stderr
        assert f"this command needs {module}" in done.stderr
        assert "pip install 'trimtab[train]'" in done.stderr


def test_the_lock_is_a_part_of_the_whole_one(root):
    def versions(name):
        return set(re.findall(r"^([\w.-]+==[^\s;]+)", (root / name).read_text(), re.M))

    whole = versions("requirements-dev.lock")
    for name in ("", "-onnx", "-openvino"):
        served = versions(f"requirements-serve{name}.lock")
        assert served < whole
        assert not {line.partition("==")[0] for line in served} & {plain(heavy) for heavy in HEAVY}


def test_the_extras_are_what_the_locks_are_made_of(root):
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert "trimtab[serve]" in extras["train"]
    served = locked(root / "requirements-serve.lock")
    assert {plain(re.match(r"[\w.-]+", line)[0]) for line in extras["serve"]} <= served
