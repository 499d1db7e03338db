"""What brings columns of unlike sizes to one stays in floats, by runtimes and in training for 8 bits."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.batch import INPUT, OUTPUT, fed
from trimtab.compress import columns
from trimtab.compress.base import Context
from trimtab.compress.ending import write
from trimtab.compress.rounding.model import rounding
from trimtab.config.chains import Ending, Step
from trimtab.runtimes.registry import is_installed, runtime

SIZES = np.array([4000.0, 0.01, 1.0, 30.0])


@pytest.fixture
def examples() -> np.ndarray:
    """Returns rows of columns of very unlike sizes."""
    return (np.random.default_rng(0).normal(1, 1, (200, 4)) * SIZES).astype(np.float32)


@pytest.fixture
def model(examples: np.ndarray) -> keras.Model:
    """Returns a model that brings its columns to one size."""
    keras.utils.set_random_seed(0)
    first = layers.Normalization(name="to_one")
    first.adapt(examples)
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(3)(layers.Dense(16, activation="relu")(first(inputs))))


def _error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.sqrt(np.square(found - expected).mean()) / expected.std())


# OpenVINO's quantizer takes the mean of the examples' ends for the first, which is no range of a table.
@pytest.mark.parametrize(
    ("name", "rule"), [("litert", "min_max"), ("onnxruntime", "min_max"), ("openvino", "least_squares")]
)
def test_8_bits_answer_as_floats_do(
    name: str, rule: str, model: keras.Model, examples: np.ndarray, tmp_path: Path
) -> None:
    if not is_installed(name):
        pytest.skip(f"the runtime {name} is not installed")
    step = Step("int8", runtime(name).quantizers["int8"].params(ranges=rule))
    context = Context(
        seed=0,
        task="classification",
        steps_per_epoch=1,
        fine_tune=lambda *_, **__: None,
        calibration=lambda count: fed({INPUT: examples[:count]}),
        say=lambda _: None,
    )
    write(model, Ending("int8", step, name), tmp_path / "files", context)
    found = runtime(name).load(tmp_path / "files").predict({INPUT: examples})[OUTPUT]
    assert _error(found, np.asarray(model(examples))) < 0.1


def test_training_for_8_bits_does_not_round_them(model: keras.Model, examples: np.ndarray) -> None:
    assert _error(np.asarray(rounding(model)(examples)), np.asarray(model(examples))) < 0.03


def test_pixels_and_what_is_no_first_layer_go_to_8_bits(model: keras.Model) -> None:
    pixels = layers.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.0524, 0.0502, 0.0506])
    image = keras.Input((8, 8, 3))
    assert columns.in_floats(keras.Model(image, pixels(image))) == []
    later = keras.Input((4,))
    inside = layers.Normalization(mean=[0.0] * 4, variance=list(SIZES**2))
    assert columns.in_floats(keras.Model(later, inside(layers.Dense(4)(later)))) == []
    assert [name for name, _ in columns.in_floats(model)] == ["to_one"]


def test_one_that_two_inputs_share_is_found_at_both() -> None:
    shared = layers.Normalization(mean=[0.0] * 4, variance=list(SIZES**2), name="to_one")
    inputs = [keras.Input((4,), name="before"), keras.Input((4,), name="after")]
    model = keras.Model(inputs, layers.Dense(2)(layers.Subtract()([shared(each) for each in inputs])))
    assert [(name, tensor.name) for name, tensor in columns.in_floats(model)] == [
        ("to_one", "before"),
        ("to_one", "after"),
    ]
