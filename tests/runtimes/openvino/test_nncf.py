"""What `max_drop` of OpenVINO's int8 promises."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from trimtab.models.tensors import answer
from trimtab.runtimes.registry import is_installed, runtime

pytestmark = pytest.mark.skipif(not is_installed("openvino"), reason="openvino is not installed")


def test_operators_go_back_to_floats_until_the_agreement_holds(
    models: dict[str, keras.Model], digits: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    serving, x = runtime("openvino"), digits[0]
    params = serving.quantizers["int8"].params(calibration_examples=100, max_drop=1e-6)
    serving.convert(models["mlp"], "int8", params, tmp_path, lambda n: {"input": x[:n]})
    judged = {"input": x[100:200]}
    expected, found = (
        answer(models["mlp"], judged)["output"],
        serving.load(tmp_path).predict(judged)["output"],
    )
    assert (expected.argmax(axis=1) == found.argmax(axis=1)).all()


def test_agreement_is_of_classes_or_of_values() -> None:
    from trimtab.runtimes.openvino.nncf import _agreement

    classes = np.array([[0.1, 0.9], [0.8, 0.2]])
    np.testing.assert_array_equal(_agreement(classes, np.array([[0.4, 0.6], [0.1, 0.9]])), [1, 0])
    values = np.array([[0.0], [2.0]])
    np.testing.assert_allclose(_agreement(values, values + 0.5), [0.5, 0.5])
