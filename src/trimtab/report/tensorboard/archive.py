"""What a saved Keras model is, read without Keras: its layers, and its weights by name."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from trimtab.models.inspect_archive import WEIGHTS, inspect

_NAMES = {
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "Embedding": ("embeddings",),
}
_USUAL = ("kernel", "bias")


def layers_of(file: Path) -> list[dict[str, Any]]:
    """Returns the layers of a ``.keras`` file as its config has them.

    Raises:
        ModelError: If the file is missing, damaged or unsafe.
    """
    layers: list[dict[str, Any]] = json.loads(inspect(file))["config"].get("layers", [])
    return layers


def weights_of(file: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yields the weights of a ``.keras`` file as ``layer/weight``, the layers in the order of its config.

    Raises:
        ModelError: If the file is missing, damaged or unsafe.
    """
    classes = {str(layer["config"]["name"]): str(layer["class_name"]) for layer in layers_of(file)}
    with zipfile.ZipFile(file) as archive, h5py.File(io.BytesIO(archive.read(WEIGHTS)), "r") as root:
        groups = {str(group.attrs.get("name", "")): group for group in _variables(root)}
        for layer in classes:
            yield from _named(layer, classes[layer], groups.get(layer))


def _named(layer: str, kind: str, group: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    if group is None:
        return
    arrays = [group[key] for key in sorted(group, key=int)]
    names = _NAMES.get(kind, _USUAL)
    is_known = len(arrays) == len(names) or (names == _USUAL and len(arrays) == 1)
    for place, array in enumerate(arrays):
        yield f"{layer}/{names[place] if is_known else place}", np.asarray(array)


def _variables(root: Any) -> list[Any]:
    """Returns the groups that hold a layer's own variables."""
    groups: list[Any] = []

    def visit(name: str, item: Any) -> None:
        if name.rpartition("/")[2] == "vars":
            groups.append(item)

    root.visititems(visit)
    return groups
