"""The layers of one's own modules: which of several of one name a model is loaded with."""

import keras
import pytest

from trimtab.errors import ModelError
from trimtab.models.own import Own, custom_objects


def _layer(module: str, factor: float) -> type[keras.layers.Layer]:
    class Times(keras.layers.Layer):
        def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
            return inputs * factor

    Times.__module__ = module
    return Times


OWN: Own = {
    (module, "Times"): _layer(module, factor) for module, factor in (("a", 2.0), ("b", 3.0), ("c", 5.0))
}


def _config(*modules: str) -> bytes:
    x = inputs = keras.Input((1,))
    for module in modules:
        x = OWN[module, "Times"]()(x)
    return str(keras.Model(inputs, x).to_json()).encode()


@pytest.mark.parametrize(("module", "answer"), [("a", 2.0), ("b", 3.0), ("c", 5.0)])
def test_of_several_of_one_name_a_model_gets_the_one_of_its_module(module: str, answer: float) -> None:
    config = _config(module)
    model = keras.models.model_from_json(
        config.decode(), custom_objects=custom_objects(OWN, config, "m.keras")
    )
    assert float(model(keras.ops.ones((1, 1)))[0, 0]) == answer


def test_two_of_one_name_in_a_model_are_refused_with_both_modules() -> None:
    with pytest.raises(ModelError, match="named Times, of a and of c") as told:
        custom_objects(OWN, _config("a", "c"), "m.keras")
    assert told.value.path == "m.keras"
