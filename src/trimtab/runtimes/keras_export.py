"""Keras' own export to formats of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import keras

from trimtab.errors import CompressionError
from trimtab.models.tensors import input_names
from trimtab.quiet import quiet


def export(
    model: keras.Model,
    path: Path,
    form: Literal["openvino", "onnx"],
    explain: Callable[[str], str],
) -> None:
    """Writes a model for one example at a time, with its inputs by name.

    Args:
        model: A Keras 3 model.
        path: The file.
        form: Keras' name of its format.
        explain: Says in one sentence why it failed, given what the exporter raised and wrote.

    Raises:
        CompressionError: If the exporter cannot take the model.
    """
    with quiet() as noise:
        try:
            model.export(str(path), format=form, verbose=False, input_signature=[_signature(model)])
        # Exporters raise whatever they stumble over.
        except Exception as error:
            raise CompressionError(explain(f"{error}\n{noise()}"), field=model.name) from error
        written = noise()
    if not path.is_file():
        raise CompressionError(explain(written), field=model.name)


def _signature(model: keras.Model) -> object:
    specs = [
        keras.InputSpec(shape=(1, *source.shape[1:]), dtype=source.dtype, name=name)
        for name, source in zip(input_names(model), model.inputs, strict=True)
    ]
    return specs[0] if len(specs) == 1 else keras.tree.pack_sequence_as(model.input, specs)
