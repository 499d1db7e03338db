from pathlib import Path

import pytest

from trimtab.errors import ModelError
from trimtab.runtimes.shapes import require_one_each


def test_a_model_takes_one_tensor_and_answers_with_one():
    require_one_each(1, 1, Path("a.onnx"))
    for inputs, outputs in ((2, 1), (1, 0)):
        with pytest.raises(ModelError, match=f"found {inputs} and {outputs}") as caught:
            require_one_each(inputs, outputs, Path("a.onnx"))
        assert caught.value.path == "a.onnx"
