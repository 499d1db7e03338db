"""Configs made to attack: each is refused with a typed error, and none of their payloads runs.

A payload creates the marker file. Every test asserts that it does not exist after the load was refused.
"""

from __future__ import annotations

import base64
import contextlib
import marshal
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest
from models.attacked import Edit, edit_config, edit_h5_config, members, rewrite

from trimtab.errors import ModelError
from trimtab.models import archive, inspect_config


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "the-payload-ran"
    yield path
    assert not path.exists(), "the payload ran"


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


def test_oversized_config(saved: Path) -> None:
    padding = "x" * (inspect_config.MAX_BYTES + 1)
    edit_config(saved, lambda config: config.update(padding=padding))
    with pytest.raises(ModelError, match="too large") as caught:
        archive.load(saved)
    assert "model.builder" in str(caught.value)


def test_deep_config(saved: Path) -> None:
    depth = 200_000
    rewrite(saved, {**members(saved), "config.json": b'{"a":' * depth + b"1" + b"}" * depth})
    with pytest.raises(ModelError, match="config"):
        archive.load(saved)


def test_tf_keras_is_never_imported() -> None:
    """The loader of tf_keras runs payloads whatever safe_mode is."""
    import subprocess
    import sys

    code = "import sys, trimtab.models.archive; sys.exit('tf_keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, check=False).returncode == 0
