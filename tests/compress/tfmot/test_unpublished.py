"""What we need of the parts that TFMOT does not publish: what to look at first when it is upgraded."""

from typing import Any

import numpy as np
import pytest

from trimtab.compress.tfmot import unpublished


@pytest.fixture(scope="module")
def quantized() -> Any:
    import tf_keras
    from tensorflow_model_optimization.quantization import keras as quantization

    inputs = tf_keras.Input((4,))
    hidden = tf_keras.layers.Dense(3, activation="relu", name="whole")(inputs)
    outputs = tf_keras.layers.Dense(2, activation="tanh", name="output_only")(hidden)

    def annotate(layer: Any) -> Any:
        if layer.name == "output_only":
            return quantization.quantize_annotate_layer(layer, unpublished.output_config()())
        return quantization.quantize_annotate_layer(layer) if layer.name == "whole" else layer

    model = tf_keras.models.clone_model(tf_keras.Model(inputs, outputs), clone_function=annotate)
    with quantization.quantize_scope({"Default8BitOutputQuantizeConfig": unpublished.output_config()}):
        return quantization.quantize_apply(model)


def _named(model: Any) -> dict[str, Any]:
    return {weight.name.rpartition("/")[2].removesuffix(":0"): weight for weight in model.weights}


def test_the_output_config_quantizes_the_output_and_no_kernel(quantized: Any) -> None:
    names = {weight.name for weight in quantized.get_layer("quant_output_only").weights}
    assert any("output_min" in name for name in names)
    assert not any("kernel_min" in name for name in names)


def test_every_range_is_known_by_the_name_of_its_variables(quantized: Any) -> None:
    stems = {name.removesuffix("_min") for name in _named(quantized) if name.endswith("_min")} - {"kernel"}
    known = (*unpublished.MOVING_RANGES, *unpublished.INPUT_RANGES)
    assert stems
    assert all(stem.startswith(known) for stem in stems), stems


def test_a_step_moves_a_range_by_a_thousandth(quantized: Any) -> None:
    # TFMOT begins at -6 to 6; tanh gives at most 1, and these examples push it there.
    high = next(weight for name, weight in _named(quantized).items() if name.startswith("output_max"))
    before = float(high.numpy())
    answers = quantized(np.full((8, 4), 50.0, np.float32), training=True)
    seen = max(float(np.max(answers)), 0.0)
    expected = unpublished.DECAY * before + (1 - unpublished.DECAY) * seen
    assert float(high.numpy()) == pytest.approx(expected, abs=1e-3)
    assert float(high.numpy()) < before


def test_a_random_layer_of_a_twin_has_a_generator_whose_state_can_be_set() -> None:
    import tf_keras

    tf_keras.backend.experimental.enable_tf_random_generator()
    model = tf_keras.Sequential([tf_keras.Input((64,)), tf_keras.layers.Dropout(0.5)])
    (generator,) = unpublished.random_generators(model)
    ones, draws = np.ones((1, 64), np.float32), []
    for seed in (1, 2, 1):
        generator.reset_from_seed(seed)
        state = np.array(generator.state)
        draws += [np.asarray(model(ones, training=True))]
        generator.state.assign(state)
        np.testing.assert_array_equal(model(ones, training=True), draws[-1])
    np.testing.assert_array_equal(draws[0], draws[2])
    assert (draws[0] != draws[1]).any()
