"""Models that attack: code in a config, sizes that lie, depth without end, files of elsewhere."""

from __future__ import annotations

import base64
import io
import json
import marshal
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from faults.bomb import Bomb, Make, adopted, dry_run, write_run
from linear import linear_tflite

from trimtab.models.spec import ModelSpec

_WEIGHTS = "model.weights.h5"
_MB = 1 << 20
_BASE = """
import keras, sys
inputs = keras.Input((4,), name="features")
hidden = keras.layers.Dense(5, activation="relu", name="hidden")(inputs)
outputs = keras.layers.Dense(2, activation="softmax", name="predictions")(hidden)
model = keras.Model(inputs, outputs, name="small")
for path in sys.argv[1:]:
    model.save(path)
"""


def _config(place: Path, archive: str) -> None:
    is_keras = archive.endswith((".keras", ".h5"))
    write_run(
        place,
        f"{{archive: {archive}}}",
        "" if is_keras else f"runtimes: [{_RUNTIMES[archive[-4:]]}]\n",
    )


_RUNTIMES = {"lite": "litert", "onnx": "onnxruntime", ".xml": "openvino"}


def _opened(place: Path) -> None:
    dry_run(place / "run.yaml")


def _adopted(place: Path) -> None:
    adopted(place, ModelSpec("tabular", "regression", (4,), "float32", 1))


def _base(place: Path, name: str) -> Path:
    """Copies a small model that Keras has saved."""
    whole = place.parent / name
    if not whole.is_file():
        names = [str(place.parent / each) for each in ("base.keras", "base.h5")]
        subprocess.run([sys.executable, "-c", _BASE, *names], check=True, capture_output=True)
    copy = place / f"model{whole.suffix}"
    copy.write_bytes(whole.read_bytes())
    _config(place, copy.name)
    return copy


def _members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _rewritten(file: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _keras(edit: Callable[[dict[str, Any], Path], None]) -> Make:
    def make(place: Path, outside: Path) -> None:
        file = _base(place, "base.keras")
        members = _members(file)
        config = json.loads(members["config.json"])
        edit(config, outside)
        _rewritten(file, {**members, "config.json": json.dumps(config).encode()})

    return make


def _h5(edit: Callable[[h5py.File, Path], None]) -> Make:
    def make(place: Path, outside: Path) -> None:
        with h5py.File(_base(place, "base.h5"), "r+") as file:
            edit(file, outside)

    return make


def _weights(edit: Callable[[h5py.File, Path], None], method: int = zipfile.ZIP_STORED) -> Make:
    def make(place: Path, outside: Path) -> None:
        file = _base(place, "base.keras")
        members = _members(file)
        buffer = io.BytesIO(members[_WEIGHTS])
        with h5py.File(buffer, "r+") as weights:
            edit(weights, outside)
        _rewritten(file, {**members, _WEIGHTS: buffer.getvalue()}, method)

    return make


def _layers(config: dict[str, Any]) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = config["config"]["layers"]
    return layers


def _replaced(layer: Callable[[Path], dict[str, Any]]) -> Callable[[dict[str, Any], Path], None]:
    def edit(config: dict[str, Any], outside: Path) -> None:
        hidden = next(one for one in _layers(config) if one["config"]["name"] == "hidden")
        for key in ("build_config", "module", "registered_name"):
            hidden.pop(key, None)
        made = layer(outside)
        hidden.update({**made, "config": {**made["config"], "name": "hidden"}})

    return edit


def _code(outside: Path) -> str:
    space: dict[str, Any] = {}
    exec(f"def payload(x):\n    open({str(outside / 'executed')!r}, 'w').close()\n    return x\n", space)
    return base64.b64encode(marshal.dumps(space["payload"].__code__)).decode()


def _lambda(outside: Path) -> dict[str, Any]:
    """CVE-2024-3660."""
    code = {"class_name": "__lambda__", "config": {"code": _code(outside), "defaults": None, "closure": None}}
    return {"class_name": "Lambda", "module": "keras.layers", "config": {"function": code}}


def _popen(outside: Path) -> dict[str, Any]:
    """CVE-2025-1550."""
    command = {"args": f"touch {outside}/executed", "shell": True}
    return {"class_name": "Popen", "module": "subprocess", "config": command}


def _get_file(outside: Path) -> dict[str, Any]:
    """CVE-2025-8747 and CVE-2025-12060: a gadget that writes files, and unpacks them."""
    gadget = {"class_name": "function", "module": "keras.utils", "config": "get_file"}
    source = {"origin": (outside / "canary").as_uri(), "fname": "written", "cache_dir": str(outside)}
    return {
        "class_name": "Lambda",
        "module": "keras.layers",
        "config": {"function": gadget, "arguments": {**source, "extract": True}},
    }


def _reads_files(outside: Path) -> dict[str, Any]:
    """CVE-2025-12058."""
    config = {"vocabulary": "/etc/passwd"}
    return {"class_name": "StringLookup", "module": "keras.layers", "config": config}


def _switched_off(config: dict[str, Any], outside: Path) -> None:
    """CVE-2025-9906."""
    _replaced(_lambda)(config, outside)
    switch = {"module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization"}
    _layers(config).insert(0, {**switch, "name": "switch", "inbound_nodes": []})


def _lambda_in_h5(file: h5py.File, outside: Path) -> None:
    """CVE-2025-9905."""
    config = json.loads(file.attrs["model_config"])
    _replaced(
        lambda place: {
            "class_name": "Lambda",
            "config": {"function": [_code(place), None, None], "function_type": "lambda"},
        }
    )(config, outside)
    file.attrs["model_config"] = json.dumps(config)


def _external(file: h5py.File, outside: Path) -> None:
    """CVE-2026-1669."""
    file["link"] = h5py.ExternalLink(str(outside / "canary"), "/secret")


def _declared(file: h5py.File, outside: Path) -> None:
    """CVE-2026-0897."""
    file.create_dataset("bomb", (10**12,), "float32", chunks=(1024,))


def _squeezed(file: h5py.File, outside: Path) -> None:
    """Weights that take 83 times their place once they are read."""
    chunk = np.zeros(_MB, "<f4")
    noise = np.random.default_rng(0).integers(0, 255, 50_000, np.uint8)
    chunk[: len(noise) // 4] = np.nan_to_num(noise.view("<f4"))
    array = file.create_dataset("array", (400 * _MB,), "<f4", chunks=(_MB,), compression=1)
    packed = zlib.compress(chunk.tobytes(), 1)
    for number in range(400):
        array.id.write_direct_chunk((number * _MB,), packed)


def _groups(file: h5py.File, outside: Path) -> None:
    group = file
    for _ in range(3_000):
        group = group.create_group("g")


def _many_groups(file: h5py.File, outside: Path) -> None:
    for number in range(200_000):
        file.create_group(f"group-{number}")


def _dense(units: int) -> Callable[[dict[str, Any], Path], None]:
    def edit(config: dict[str, Any], outside: Path) -> None:
        next(one for one in _layers(config) if one["config"]["name"] == "hidden")["config"]["units"] = units

    return edit


def _many_layers(config: dict[str, Any], outside: Path) -> None:
    """30,000 layers in a chain."""
    layers = _layers(config)
    hidden = next(one for one in layers if one["config"]["name"] == "hidden")
    text, last = json.dumps(hidden), "hidden"
    for number in range(30_000):
        name = f"hidden_{number}"
        copy = json.loads(text.replace('"features"', f'"{last}"').replace('"hidden"', f'"{name}"'))
        copy["build_config"] = {"input_shape": [None, 5]}
        layers.insert(-1, copy)
        last = name


def _nested(depth: int) -> Callable[[dict[str, Any], Path], None]:
    """Models in models: each is a layer of the next."""

    def edit(config: dict[str, Any], outside: Path) -> None:
        inner = {
            "module": "keras.layers",
            "class_name": "Dense",
            "config": {"name": "inmost", "units": 2, "activation": "softmax"},
            "registered_name": None,
        }
        for number in range(depth):
            inner = {
                "module": "keras",
                "class_name": "Sequential",
                "config": {"name": f"level_{number}", "layers": [inner]},
                "registered_name": None,
                "build_config": {"input_shape": [None, 4]},
            }
        config.clear()
        config.update(inner)

    return edit


def _deep(place: Path, outside: Path) -> None:
    file = _base(place, "base.keras")
    config = b'{"a":' * 200_000 + b"1" + b"}" * 200_000
    _rewritten(file, {**_members(file), "config.json": config})


def _zip_bomb(place: Path, outside: Path) -> None:
    file = _base(place, "base.keras")
    _rewritten(file, {**_members(file), _WEIGHTS: bytes(500 * _MB)}, zipfile.ZIP_DEFLATED)


def _traversal(place: Path, outside: Path) -> None:
    file = _base(place, "base.keras")
    _rewritten(file, {**_members(file), f"../{outside.name}/written": b"payload"})


def _tflite(change: Callable[[bytearray], None]) -> Make:
    def make(place: Path, outside: Path) -> None:
        content = bytearray(linear_tflite(np.ones((2, 4), np.float32)))
        change(content)
        (place / "model.tflite").write_bytes(content)
        _config(place, "model.tflite")

    return make


def _huge_tensor(content: bytearray) -> None:
    """The batch of every tensor is two billion examples."""
    for place in range(0, len(content) - 8, 4):
        if content[place : place + 8] == b"\1\0\0\0\4\0\0\0":
            content[place : place + 4] = b"\xff\xff\xff\x7f"


def _scrambled(content: bytearray) -> None:
    for place in range(16, len(content), 5):
        content[place] ^= 0xFF


def _onnx(write: Callable[[Any, Path], None]) -> Make:
    def make(place: Path, outside: Path) -> None:
        import onnx
        from onnx import TensorProto, helper

        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])]
        outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])]
        graph = helper.make_graph([], "attack", inputs, outputs)
        write(graph, outside)
        opset = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), place / "model.onnx")
        _config(place, "model.onnx")

    return make


def _onnx_elsewhere(graph: Any, outside: Path) -> None:
    """CVE-2024-27318: weights that are read from another directory."""
    from onnx import TensorProto, helper

    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=f"../{outside.name}/canary")
    graph.initializer.append(tensor)
    graph.node.append(helper.make_node("MatMul", ["x", "w"], ["y"]))


def _onnx_huge(graph: Any, outside: Path) -> None:
    """A constant of 2**33 numbers that takes no room in the file."""
    from onnx import helper, numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.array([4, 1 << 31], np.int64), "shape"))
    graph.initializer.append(numpy_helper.from_array(np.array([0, 1], np.int64), "first"))
    graph.node.extend(
        [
            helper.make_node("ConstantOfShape", ["shape"], ["w"]),
            helper.make_node("MatMul", ["x", "w"], ["z"]),
            helper.make_node("Gather", ["z", "first"], ["y"], axis=1),
        ]
    )


def _xml(text: str) -> Make:
    def make(place: Path, outside: Path) -> None:
        (place / "model.xml").write_text(text.replace("OUTSIDE", str(outside)))
        (place / "model.bin").write_bytes(bytes(64))
        _config(place, "model.xml")

    return make


def _laughs() -> str:
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE net [<!ENTITY e0 "ha">{entities}]><net name="&e9;" version="11"/>'


_ENTITY = '<?xml version="1.0"?><!DOCTYPE net [<!ENTITY e SYSTEM "file://OUTSIDE/canary">]><net name="&e;"/>'

BOMBS = (
    Bomb("keras-lambda", _keras(_replaced(_lambda)), _opened),
    Bomb("keras-module", _keras(_replaced(_popen)), _opened),
    Bomb("keras-gadget", _keras(_replaced(_get_file)), _opened),
    Bomb("keras-reads-files", _keras(_replaced(_reads_files)), _opened),
    Bomb("keras-safe-mode-off", _keras(_switched_off), _opened),
    Bomb("h5-lambda", _h5(_lambda_in_h5), _opened),
    Bomb("h5-external", _h5(_external), _opened),
    Bomb("h5-declared", _h5(_declared), _opened),
    Bomb("h5-squeezed", _h5(_squeezed), _opened),
    Bomb("h5-groups-nested", _h5(_groups), _opened),
    Bomb("h5-groups-many", _h5(_many_groups), _opened),
    Bomb("keras-external", _weights(_external), _opened),
    Bomb("keras-declared", _weights(_declared), _opened),
    Bomb("keras-squeezed", _weights(_squeezed), _opened),
    Bomb("keras-groups-nested", _weights(_groups), _opened),
    Bomb("keras-30000-layers", _keras(_many_layers), _opened),
    Bomb("keras-20-million-units", _keras(_dense(20_000_000)), _opened),
    Bomb("keras-2-billion-units", _keras(_dense(2_000_000_000)), _opened),
    Bomb("keras-nested-100", _keras(_nested(100)), _opened),
    Bomb("keras-nested-250", _keras(_nested(250)), _opened),
    Bomb("keras-config-deep", _deep, _opened),
    Bomb("keras-zip-bomb", _zip_bomb, _opened),
    Bomb("keras-zip-traversal", _traversal, _opened),
    Bomb("tflite-scrambled", _tflite(_scrambled), _adopted),
    Bomb("tflite-huge-tensor", _tflite(_huge_tensor), _adopted),
    Bomb("tflite-cut", _tflite(lambda content: content.__delitem__(slice(200, None))), _adopted),
    Bomb("onnx-elsewhere", _onnx(_onnx_elsewhere), _adopted),
    Bomb("onnx-huge", _onnx(_onnx_huge), _adopted),
    Bomb("openvino-laughs", _xml(_laughs()), _adopted),
    Bomb("openvino-entity", _xml(_ENTITY), _adopted),
)
