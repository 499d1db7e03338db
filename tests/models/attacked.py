"""Archives of models that are changed as an attacker changes them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

Edit = Callable[[dict[str, Any]], None]


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
