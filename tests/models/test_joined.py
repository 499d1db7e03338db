"""The architecture of several inputs."""

from __future__ import annotations

import keras
import keras_tuner
import numpy as np
import pytest

from trimtab.config.model import Model
from trimtab.errors import ModelError
from trimtab.models import registry
from trimtab.models.spec import InputSpec, ModelSpec

INPUTS = {
    "note": InputSpec("text", (6,), "int32", 20),
    "tags": InputSpec("ids", (3,), "int32", 9),
    "scan": InputSpec("image", (8, 8, 1), "float32"),
    "person": InputSpec("tabular", (4,), "float32"),
    "blood": InputSpec("tabular", (3,), "float32"),
    "heart": InputSpec("audio", (8, 8, 1), "float32"),
}
SPEC = ModelSpec("named", "classification", (700,), "uint8", 3, inputs=INPUTS)


def test_each_input_has_a_branch_with_parameters_of_its_own() -> None:
    hp = keras_tuner.HyperParameters()
    params = {"scan/filters": 8, "person/layers": 1, "units": 16}
    model = registry.build(Model(architecture="joined", params=params), SPEC, hp)
    assert [tensor.name for tensor in model.inputs] == list(INPUTS)
    assert model.get_layer("scan_conv_1_1").filters == 8
    assert model.get_layer("heart_conv_1_1").filters == 16
    assert not any(layer.name == "person_dense_2" for layer in model.layers)
    assert {"blood/units", "note/embedding", "units", "dropout"} <= {each.name for each in hp.space}
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    random = np.random.default_rng(0)
    x = {name: random.integers(0, 2, (2, *each.shape)).astype(each.dtype) for name, each in INPUTS.items()}
    np.testing.assert_allclose(np.asarray(model(x)).sum(axis=1), 1, rtol=1e-5)


def test_other_architectures_are_refused_for_several_inputs() -> None:
    with pytest.raises(ModelError, match="this data is named") as error:
        registry.build(Model(architecture="mlp"), SPEC, keras_tuner.HyperParameters())
    assert error.value.hint == "Architectures for named data: joined, dlrm."
