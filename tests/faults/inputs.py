"""Configs, files of every reader, manifests and requests that nobody wrote: an answer or a typed error.

Hypothesis draws what is made from nothing, and how what is whole is spoilt.
"""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import yaml
from faults import repository
from faults.tally import Tally
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from PIL import Image
from starlette.datastructures import Headers

from trimtab.artifacts.record import StageRecord
from trimtab.config import loader
from trimtab.config.data import Data
from trimtab.data.dataset.dataset import SCHEMA_FILE
from trimtab.data.readers.registry import reader_for
from trimtab.data.schema import DatasetSchema
from trimtab.deploy.repository import Repository
from trimtab.deploy.serving import rows, tensors
from trimtab.deploy.serving.refusal import Refusal
from trimtab.errors import TrimtabError
from trimtab.storage import artifact

GROUP = "inputs"
INPUTS = {"small": 500, "full": 20_000}
Try = Callable[[Any], None]

_NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([0, -1, 1e400, 2**63, 2**64]))
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)
_CONFIG: dict[str, Any] = {
    "name": "any",
    "data": {"train": "rows.csv", "label": "label", "split": {"test": 0.2}},
    "model": {"architecture": "mlp", "params": {"units": 8}},
    "train": {"epochs": 2, "optimizer": "adam"},
    "tune": {"trials": 2},
    "recipes": [[{"channels": {"ratio": 0.5}}, ["none", "int8"]]],
    "budget": {"max_accuracy_drop": 0.1, "limits": [{"metric": "recall", "class": "a", "max_drop": 0.1}]},
    "resources": {"stages": {"train": {"cpu": 1}}},
}
_FIELDS = sorted({*_CONFIG, *(key for part in _CONFIG.values() if isinstance(part, dict) for key in part)})


def _spoilt(whole: bytes) -> st.SearchStrategy[bytes]:
    """Draws what becomes of bytes: cut, changed, doubled, filled in, in a few places."""
    places = st.integers(0, max(0, len(whole) - 1))
    edits = st.lists(st.tuples(places, st.binary(max_size=6), st.integers(0, 6)), max_size=4)
    cuts = st.one_of(st.none(), places)

    def apply(drawn: tuple[list[tuple[int, bytes, int]], int | None]) -> bytes:
        content = bytearray(whole)
        for place, new, removed in drawn[0]:
            content[place : place + removed] = new
        return bytes(content[: drawn[1]])

    return st.tuples(edits, cuts).map(apply)


@st.composite
def _configs(draw: Any) -> dict[str, Any]:
    """Draws a config of which some fields are anything."""
    config = json.loads(json.dumps(_CONFIG))
    for _ in range(draw(st.integers(1, 3))):
        part = config
        while isinstance(part, dict) and part and draw(st.booleans()):
            inner = part[draw(st.sampled_from(sorted(part)))]
            part = inner if isinstance(inner, dict) else part
        part[draw(st.one_of(st.sampled_from(_FIELDS), st.text(max_size=8)))] = draw(_VALUES)
    return config


def run(size: str, directory: Path, seed: int = 0) -> Tally:
    """Draws inputs for every kind in turn, and tries them."""
    tally, kinds = Tally(GROUP, ("untyped",)), Counter[str]()
    whole = _kinds(directory)
    for kind, (strategy, work) in whole.items():
        _try_many(kind, strategy, work, INPUTS[size] // len(whole) + 1, seed, tally, kinds)
    tally.facts["kinds"] = dict(kinds)
    return tally


def _try_many(
    kind: str, strategy: Any, work: Try, count: int, seed: int, tally: Tally, kinds: Counter[str]
) -> None:
    found = set[str]()

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(strategy)
    def draw(drawn: Any) -> None:
        tally.add("inputs")
        kinds[kind] += 1
        try:
            work(drawn)
        except (TrimtabError, Refusal):
            tally.add("refused")
        except Exception as error:  # what is no error for users is what this looks for
            where = f"{type(error).__name__}: {str(error)[:150]}"
            if type(error).__name__ not in found:  # one example of a kind
                found.add(type(error).__name__)
                tally.examples.append(f"untyped: {kind}: {where}: {str(drawn)[:300]}")
            tally.add("untyped")

    draw()


def _kinds(directory: Path) -> dict[str, tuple[Any, Try]]:
    """Returns how to draw and to try each kind of input."""
    target, _, (prepared, *_) = repository.make(directory / "made")
    schema = DatasetSchema.model_validate_json((prepared / SCHEMA_FILE).read_bytes())
    manifest = (prepared / artifact.MANIFEST).read_bytes()
    record = next((directory / "made/run/stages").glob("*.json")).read_bytes()
    models = Repository(str(target))
    kinds: dict[str, tuple[Any, Try]] = {
        "config values": (_configs(), lambda drawn: _config(directory, yaml.safe_dump(drawn).encode())),
        "config text": (_spoilt(yaml.safe_dump(_CONFIG).encode()), lambda drawn: _config(directory, drawn)),
        "--set": (
            st.tuples(st.sampled_from(_FIELDS), st.text(max_size=30)),
            lambda drawn: _set(directory, drawn),
        ),
        "manifest": (_spoilt(manifest), lambda drawn: artifact.parse(drawn, "dataset", "here")),
        "pointer": (_spoilt((target / "champion.json").read_bytes()), models.parse),
        "record": (_spoilt(record), _record),
        "request tensors": (_requests(), lambda drawn: _tensors(drawn, schema)),
        "request rows": (_rows(), lambda drawn: _instances(drawn, schema)),
    }
    for name, content in _files().items():
        kinds[name] = (_spoilt(content), lambda drawn, name=name: _read(directory, name, drawn))
    return kinds


def _config(directory: Path, content: bytes) -> None:
    (directory / "run.yaml").write_bytes(content)
    loader.load(directory / "run.yaml")


def _set(directory: Path, drawn: tuple[str, str]) -> None:
    (directory / "run.yaml").write_text(yaml.safe_dump(_CONFIG))
    section = next((key for key, part in _CONFIG.items() if isinstance(part, dict) and drawn[0] in part), "")
    loader.load(directory / "run.yaml", [f"{section}.{drawn[0]}={drawn[1]}".lstrip(".")])


def _record(content: bytes) -> None:
    try:
        StageRecord.model_validate_json(content)
    except ValueError as error:  # what every reader of records takes for damage
        raise TrimtabError(str(error)) from error


def _requests() -> Any:
    zeros = {"name": "input", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": [0.0] * 64}
    whole = json.dumps({"id": "1", "inputs": [zeros], "outputs": [{"name": "output"}]}).encode()
    fields = st.sampled_from(["name", "shape", "datatype", "data", "parameters"])
    other = st.dictionaries(fields, _VALUES, max_size=5).map(
        lambda drawn: json.dumps({"inputs": [{**zeros, **drawn}]}).encode()
    )
    lengths = st.one_of(st.none(), st.binary(max_size=6), st.integers(0, 500).map(lambda n: str(n).encode()))
    return st.tuples(st.one_of(_spoilt(whole), other), lengths)


def _tensors(drawn: tuple[bytes, bytes | None], schema: DatasetSchema) -> None:
    request, rest = tensors.parse(*drawn, 10_000)
    tensors.batch_of(request, schema, rest, 16)


def _rows() -> Any:
    image = io.BytesIO()
    Image.new("L", (8, 8)).save(image, "PNG")
    part = (
        b"--b\r\nContent-Disposition: form-data; name=f; filename=a.png\r\n\r\n"
        + image.getvalue()
        + b"\r\n--b--\r\n"
    )
    bodies = {
        "application/json": st.one_of(
            _spoilt(b'{"instances": [{"b64": "aGVsbG8="}]}'),
            _VALUES.map(lambda value: json.dumps({"instances": value}).encode()),
        ),
        "image/png": _spoilt(image.getvalue()),
        "multipart/form-data; boundary=b": _spoilt(part),
    }
    return st.sampled_from(sorted(bodies)).flatmap(lambda kind: st.tuples(st.just(kind), bodies[kind]))


def _instances(drawn: tuple[str, bytes], schema: DatasetSchema) -> None:
    from trimtab.data.encoders.serving import Preprocessor

    kind, body = drawn
    batch = asyncio.run(rows.rows_of(Headers({"content-type": kind}), body, schema, 16))
    Preprocessor.load(schema).encode(batch)


def _files() -> dict[str, bytes]:
    """Returns a small file of every format."""
    made: dict[str, bytes] = {}
    lines = "".join(f'{i},"w, {i % 5}",{"ab"[i % 2]}\n' for i in range(60))
    made["rows.csv"] = f"number,text,label\n{lines}".encode()
    made["rows.jsonl"] = b"".join(b'{"number": %d, "label": "a"}\n' % i for i in range(30))
    table = pa.table({"number": range(60), "label": ["a", "b"] * 30})
    stream = io.BytesIO()
    pq.write_table(table, stream)
    made["rows.parquet"] = stream.getvalue()
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.ones((30, 3)), y=np.arange(30) % 2)
    made["rows.npz"] = stream.getvalue()
    for name, content in (("images.zip", _png()), ("clips.zip", _wav())):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(4):
                archive.writestr(
                    f"{'ab'[number % 2]}/{number}.{'png' if 'image' in name else 'wav'}", content
                )
        made[name] = stream.getvalue()
    return made


def _png() -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8), 7).save(stream, "PNG")
    return stream.getvalue()


def _wav() -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(800), 8000, format="WAV")
    return stream.getvalue()


def _read(directory: Path, name: str, content: bytes) -> None:
    file = directory / name
    file.write_bytes(content)
    label = {} if name.endswith(".zip") else {"label": "y" if name.endswith("npz") else "label"}
    config = Data(train=str(file), **label)
    reader = reader_for(str(file), config)
    for partition in reader.partitions(str(file), config):
        for _ in reader.read(partition, config):
            pass
