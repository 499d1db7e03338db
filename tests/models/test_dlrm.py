"""The architecture for recommendation."""

from __future__ import annotations

import keras_tuner
import numpy as np
import pytest

from trimtab.config.model import Model
from trimtab.errors import ModelError
from trimtab.models import registry
from trimtab.models.spec import InputSpec, ModelSpec

INPUTS = {
    "user": InputSpec("ids", (1,), "int32", 20),
    "tags": InputSpec("ids", (3,), "int32", 9),
    "item": InputSpec("tabular", (4,), "float32"),
}


def _built(inputs: dict[str, InputSpec]) -> object:
    spec = ModelSpec("named", "regression", (36,), "uint8", 1, inputs=inputs)
    return registry.build(Model(architecture="dlrm"), spec, keras_tuner.HyperParameters())


def test_every_two_inputs_meet_and_padding_counts_for_nothing() -> None:
    model = _built(INPUTS)
    assert {"user_tags", "user_item", "tags_item"} <= {layer.name for layer in model.layers}
    x = {"user": [[3], [3]], "tags": [[5, 0, 0], [5, 5, 5]], "item": np.ones((2, 4))}
    answers = np.asarray(model({name: np.asarray(x[name], each.dtype) for name, each in INPUTS.items()}))
    assert answers.shape == (2, 1)
    assert answers[0] == pytest.approx(answers[1], abs=1e-6)
    x["tags"][0][0] = 0
    alone = np.asarray(model({name: np.asarray(x[name], each.dtype) for name, each in INPUTS.items()}))
    assert np.isfinite(alone).all()
    assert alone[0] != pytest.approx(answers[0], abs=1e-6)


def test_other_kinds_are_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"dlrm takes ids and tabular; scan is of kind image") as error:
        _built({**INPUTS, "scan": InputSpec("image", (8, 8, 1), "float32")})
    assert error.value.hint == "joined takes any kinds together."
