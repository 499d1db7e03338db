"""Recommendation: vectors of ids and of columns, and how they go together two by two.

Source: Naumov et al., "Deep Learning Recommendation Model for Personalization and Recommendation Systems",
2019. With ids alone it is a factorization machine (S. Rendle, 2010) with a perceptron in place of its sum.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from trimtab.errors import ModelError
from trimtab.models.head import output
from trimtab.models.id_bag import mean_vector
from trimtab.models.spec import InputSpec, ModelSpec

KINDS = ("named",)
_TAKES = ("ids", "tabular")


def build(hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Returns a vector an input → Dot of every two, and the vectors → Dense → ReLU → Dropout, a few times.

    Args:
        hp: ``embedding`` (size of the vectors), ``layers``, ``units`` and ``dropout`` behind them.
        spec: Several inputs, of ids and of columns of a table.

    Raises:
        ModelError: If there is an input of another kind.
    """
    size = hp.Int("embedding", 4, 128, sampling="log", default=16)
    depth = hp.Int("layers", 1, 3, default=2)
    units = hp.Int("units", 16, 256, sampling="log", default=64)
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.1)
    inputs = {
        name: keras.Input(each.shape, dtype=each.dtype, name=name) for name, each in spec.inputs.items()
    }
    vectors = {name: _vector(name, tensor, spec.inputs[name], size) for name, tensor in inputs.items()}
    together = [
        layers.Dot(axes=1, name=f"{one}_{other}")([vectors[one], vectors[other]])
        for one, other in combinations(vectors, 2)
    ]
    x = layers.Concatenate(name="join")([*vectors.values(), *together])
    for i in range(1, depth + 1):
        x = layers.Dense(units, name=f"dense_{i}")(x)
        x = layers.ReLU(name=f"relu_{i}")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"dropout_{i}")(x)
    return keras.Model(list(inputs.values()), output(x, spec), name="dlrm")


def _vector(name: str, tensor: Any, given: InputSpec, size: int) -> Any:
    """Returns an input's vector, ``(batch, size)``."""
    if given.kind == "ids":
        return mean_vector(tensor, given, size, f"{name}_embedding")
    if given.kind == "tabular":
        return layers.Dense(size, name=f"{name}_dense")(tensor)
    raise ModelError(
        f"dlrm takes {' and '.join(_TAKES)}; {name} is of kind {given.kind}",
        field="model.architecture",
        hint="joined takes any kinds together.",
    )
