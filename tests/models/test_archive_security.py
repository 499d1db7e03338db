"""Files made to attack: each is refused with a typed error, and none of their payloads runs.

A payload creates the marker file. Every test asserts that it does not exist after the load was refused.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import marshal
import os
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from trimtab.errors import ModelError
from trimtab.models import archive, inspect_archive, inspect_config

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def model() -> keras.Model:
    inputs = keras.Input((4,), name="features")
    x = keras.layers.Dense(5, activation="relu", name="hidden")(inputs)
    return keras.Model(
        inputs, keras.layers.Dense(3, activation="softmax", name="predictions")(x), name="small"
    )


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "the-payload-ran"
    yield path
    assert not path.exists(), "the payload ran"


@pytest.fixture
def saved(model: keras.Model, tmp_path: Path) -> Path:
    path = tmp_path / "model.keras"
    model.save(path)
    return path


@pytest.fixture
def saved_h5(model: keras.Model, tmp_path: Path) -> Path:
    path = tmp_path / "model.h5"
    model.save(path)
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def rewrite(path: Path, contents: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in contents.items():
            file.writestr(name, data)


def edit_config(path: Path, edit: Edit) -> None:
    contents = members(path)
    config = json.loads(contents["config.json"])
    edit(config)
    rewrite(path, {**contents, "config.json": json.dumps(config).encode()})


def edit_h5_config(path: Path, edit: Edit) -> None:
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        edit(config)
        file.attrs["model_config"] = json.dumps(config)


def bytecode(marker: Path) -> str:
    """Returns what Keras stores for a lambda: marshalled code, in base64."""
    namespace: dict[str, Any] = {}
    exec(f"def payload(x):\n    open({str(marker)!r}, 'w').close()\n    return x\n", namespace)
    return base64.b64encode(marshal.dumps(namespace["payload"].__code__)).decode()


def lambda_layer(marker: Path) -> dict[str, Any]:
    function = {
        "class_name": "__lambda__",
        "config": {"code": bytecode(marker), "defaults": None, "closure": None},
    }
    return {
        "class_name": "Lambda",
        "module": "keras.layers",
        "config": {"name": "evil", "function": function},
    }


def replace_hidden(layer: dict[str, Any]) -> Edit:
    """Returns an edit that puts another layer in the place of the hidden one."""

    def edit(config: dict[str, Any]) -> None:
        hidden = next(item for item in config["config"]["layers"] if item["config"]["name"] == "hidden")
        hidden.pop("build_config", None)
        hidden.pop("module", None)
        hidden.pop("registered_name", None)
        hidden.update({key: value for key, value in layer.items() if key != "config"})
        hidden["config"] = {**layer["config"], "name": "hidden"}

    return edit


def test_lambda_in_keras_archive(saved: Path, marker: Path) -> None:
    """CVE-2024-3660."""
    edit_config(saved, replace_hidden(lambda_layer(marker)))
    with pytest.raises(ModelError, match=r"Lambda.*never run") as caught:
        archive.load(saved)
    assert "model.builder" in str(caught.value)
    assert str(saved) in str(caught.value)


def test_the_payload_is_live(saved: Path, tmp_path: Path) -> None:
    """The control: with safe_mode off, the payload that all these tests use does run."""
    live = tmp_path / "it-runs"
    edit_config(saved, replace_hidden(lambda_layer(live)))
    with contextlib.suppress(Exception):
        keras.saving.load_model(saved, safe_mode=False)
    assert live.exists()


def test_a_lambda_that_keras_saved_itself(tmp_path: Path) -> None:
    inputs = keras.Input((2,))
    layer = keras.layers.Lambda(lambda x: x * 2, output_shape=(2,), name="double")
    keras.Model(inputs, layer(inputs)).save(tmp_path / "lambda.keras")
    with pytest.raises(ModelError, match="Lambda"):
        archive.load(tmp_path / "lambda.keras")


def test_lambda_in_h5(saved_h5: Path, marker: Path) -> None:
    """CVE-2025-9905: the legacy format with a Lambda layer; tf_keras runs it even with safe_mode."""
    legacy = {
        "class_name": "Lambda",
        "config": {"function": [bytecode(marker), None, None], "function_type": "lambda"},
    }
    edit_h5_config(saved_h5, replace_hidden(legacy))
    with pytest.raises(ModelError, match="Lambda"):
        archive.load(saved_h5)


def test_module_import(saved: Path, marker: Path) -> None:
    """CVE-2025-1550: a module and a class of one's choice."""
    command = f"touch {marker}"
    layer = {"class_name": "Popen", "module": "subprocess", "config": {"args": command, "shell": True}}
    edit_config(saved, replace_hidden(layer))
    with pytest.raises(ModelError, match="subprocess"):
        archive.load(saved)


def test_module_beside_the_config(
    saved: Path, marker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil_layers.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Evil: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    edit_config(saved, replace_hidden({"class_name": "Evil", "module": "evil_layers", "config": {}}))
    with pytest.raises(ModelError, match="evil_layers"):
        archive.load(saved)


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("keras.utils", "get_file"),
        ("keras.src.utils.file_utils", "get_file"),
        ("os", "system"),
        ("builtins", "exec"),
    ],
)
def test_gadget_functions(saved: Path, marker: Path, module: str, function: str) -> None:
    """CVE-2025-8747: a function that Keras itself exports, called on the attacker's arguments."""
    gadget = {"class_name": "function", "module": module, "config": function, "registered_name": function}
    layer = {
        "class_name": "Lambda",
        "module": "keras.layers",
        "config": {"function": gadget, "arguments": {"origin": marker.as_uri(), "fname": str(marker)}},
    }
    edit_config(saved, replace_hidden(layer))
    with pytest.raises(ModelError, match="Lambda"):
        archive.load(saved)


@pytest.mark.parametrize(
    ("module", "function"),
    [("keras.utils", "get_file"), ("keras.config", "enable_unsafe_deserialization"), ("os", "system")],
)
def test_functions_as_activations(saved: Path, module: str, function: str) -> None:
    def edit(config: dict[str, Any]) -> None:
        for item in config["config"]["layers"]:
            if item["config"]["name"] == "hidden":
                gadget = {"class_name": "function", "module": module, "config": function}
                item["config"]["activation"] = gadget

    edit_config(saved, edit)
    with pytest.raises(ModelError, match=module):
        archive.load(saved)


def test_safe_mode_switched_off_by_the_config(saved: Path, marker: Path) -> None:
    """CVE-2025-9906: a config that calls enable_unsafe_deserialization before its Lambda is reached."""

    def edit(config: dict[str, Any]) -> None:
        replace_hidden(lambda_layer(marker))(config)
        switch = {
            "module": "keras.config",
            "class_name": "function",
            "config": "enable_unsafe_deserialization",
            "registered_name": "enable_unsafe_deserialization",
        }
        config["config"]["layers"].insert(0, {**switch, "name": "switch", "inbound_nodes": []})

    edit_config(saved, edit)
    with pytest.raises(ModelError):
        archive.load(saved)


def test_safe_mode_in_the_config(saved: Path) -> None:
    edit_config(saved, lambda config: config["config"].update(safe_mode=False))
    with pytest.raises(ModelError, match="safe_mode"):
        archive.load(saved)


def test_unsafe_deserialization_enabled_in_this_process(saved: Path, marker: Path) -> None:
    edit_config(saved, replace_hidden(lambda_layer(marker)))
    keras.config.enable_unsafe_deserialization()
    try:
        with pytest.raises(ModelError, match="Lambda"):
            archive.load(saved)
    finally:
        keras.src.backend.common.global_state.set_global_attribute("safe_mode_saving", None)


@pytest.mark.parametrize("name", ["TFSMLayer", "TorchModuleWrapper", "StringLookup", "TextVectorization"])
def test_layers_that_read_files(saved: Path, name: str) -> None:
    layer = {
        "class_name": name,
        "module": "keras.layers",
        "config": {"filepath": "/etc", "vocabulary": "/etc/passwd"},
    }
    edit_config(saved, replace_hidden(layer))
    with pytest.raises(ModelError, match=name):
        archive.load(saved)


def test_custom_object(saved: Path) -> None:
    layer = {"class_name": "Mine", "module": None, "registered_name": "Custom>Mine", "config": {}}
    edit_config(saved, replace_hidden(layer))
    with pytest.raises(ModelError, match="custom object") as caught:
        archive.load(saved)
    assert "model.builder" in str(caught.value)


def test_nested_compile_config_is_inspected_too(saved: Path) -> None:
    evil = {"loss": {"class_name": "function", "module": "os", "config": "system"}}
    edit_config(saved, lambda config: config["config"]["layers"][1].update(compile_config=evil))
    with pytest.raises(ModelError, match="os"):
        archive.load(saved)


@pytest.mark.parametrize(
    "name", ["../escaped.txt", "/tmp/escaped.txt", "assets/../../escaped.txt", "x/config.json"]
)
def test_zip_traversal(saved: Path, tmp_path: Path, name: str) -> None:
    """CVE-2025-12060, and its like for zip: members outside the archive."""
    rewrite(saved, {**members(saved), name: b"payload"})
    with pytest.raises(ModelError, match=r"expected config\.json"):
        archive.load(saved)
    assert not (tmp_path.parent / "escaped.txt").exists()


def test_zip_duplicate_member(saved: Path) -> None:
    contents = members(saved)
    with zipfile.ZipFile(saved, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("config.json", contents["config.json"])
    with pytest.raises(ModelError, match="once each"):
        archive.load(saved)


def test_zip_bomb(saved: Path) -> None:
    contents = {**members(saved), "model.weights.h5": b"\0" * 50_000_000}
    rewrite(saved, contents, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="expand"):
        archive.load(saved)


def test_oversized_config(saved: Path) -> None:
    padding = "x" * (inspect_config.MAX_BYTES + 1)
    edit_config(saved, lambda config: config.update(padding=padding))
    with pytest.raises(ModelError, match="too large"):
        archive.load(saved)


def test_deep_config(saved: Path) -> None:
    depth = 200_000
    rewrite(saved, {**members(saved), "config.json": b'{"a":' * depth + b"1" + b"}" * depth})
    with pytest.raises(ModelError, match="config"):
        archive.load(saved)


def bomb(shape: tuple[int, ...], **options: Any) -> Callable[[h5py.File], None]:
    def write(file: h5py.File) -> None:
        file.create_dataset("bomb", shape, "float32", **options)

    return write


def outside(target: Path) -> dict[str, Callable[[h5py.File], None]]:
    layout = h5py.VirtualLayout((4,), "float32")
    layout[:] = h5py.VirtualSource(str(target), "secret", (4,))
    return {
        "external link": lambda file: file.__setitem__("link", h5py.ExternalLink(str(target), "/secret")),
        "soft link": lambda file: file.__setitem__("link", h5py.SoftLink("/anywhere")),
        "external storage": lambda file: file.create_dataset(
            "raw", (4,), "float32", external=[(str(target), 0, 16)]
        ),
        "virtual": lambda file: file.create_virtual_dataset("virtual", layout),
    }


def add_to_weights(saved: Path, write: Callable[[h5py.File], Any]) -> None:
    contents = members(saved)
    buffer = io.BytesIO(contents["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        write(file)
    rewrite(saved, {**contents, "model.weights.h5": buffer.getvalue()})


@pytest.mark.parametrize("way", ["external link", "soft link", "external storage", "virtual"])
@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_hdf5_that_points_outside(saved: Path, saved_h5: Path, tmp_path: Path, way: str, kind: str) -> None:
    """CVE-2026-1669: weights that are read from another file of the machine."""
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["secret"] = np.ones(4, np.float32)
    write = outside(secret)[way]
    if kind == "keras":
        add_to_weights(saved, write)
    else:
        with h5py.File(saved_h5, "r+") as file:
            write(file)
    with pytest.raises(ModelError, match=r"never followed|another file"):
        archive.load(saved if kind == "keras" else saved_h5)


@pytest.mark.parametrize(
    "write",
    [
        bomb((10**9, 100), chunks=(1024, 100), compression="gzip"),
        bomb((10**12,), chunks=(1024,)),
        bomb((10**7,), chunks=(1024,), compression="gzip", fillvalue=1.0),
    ],
    ids=["huge, compressed", "huge, never written", "40 MB in nothing"],
)
@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_hdf5_bomb(saved: Path, saved_h5: Path, write: Callable[[h5py.File], None], kind: str) -> None:
    """CVE-2026-0897: a small file that declares huge arrays; nothing of that size is ever allocated."""
    if kind == "keras":
        add_to_weights(saved, write)
    else:
        with h5py.File(saved_h5, "r+") as file:
            write(file)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match="declares"):
            archive.load(saved if kind == "keras" else saved_h5)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_weights_that_come_to_more_than_they_are_stored_in(saved_h5: Path) -> None:
    with h5py.File(saved_h5, "r+") as root:
        root.create_dataset("repeated", data=np.tile(np.arange(1024, dtype=np.float32), 2048), compression=1)
    with pytest.raises(ModelError, match=r"model\.limits\.weights_mb: .*come to 8 MB"):
        inspect_archive.inspect(saved_h5, most_bytes=4 << 20)
    assert inspect_archive.inspect(saved_h5, most_bytes=16 << 20)


def test_hdf5_objects_instead_of_numbers(saved_h5: Path) -> None:
    with h5py.File(saved_h5, "r+") as file:
        file.create_dataset("text", data="hello")
    with pytest.raises(ModelError, match="expected numbers"):
        archive.load(saved_h5)


def test_tf_keras_is_never_imported() -> None:
    """The loader of tf_keras runs payloads whatever safe_mode is."""
    import subprocess
    import sys

    code = "import sys, trimtab.models.archive; sys.exit('tf_keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, check=False).returncode == 0
