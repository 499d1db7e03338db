"""32-bit floats: the model as it is, in LiteRT's format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.compress.base import Context
from trimtab.compress.convert import FLOAT_TOLERANCE, compare, convert
from trimtab.config.recipes import NoQuantize
from trimtab.errors import CompressionError

if TYPE_CHECKING:
    import keras

PROBE_EXAMPLES = 32


def no_quantize(model: keras.Model, params: NoQuantize, context: Context) -> bytes:
    """Returns a float32 flatbuffer whose outputs equal the model's to 1e-4.

    Args:
        model: A Keras model.
        params: Nothing to set.
        context: Gives the training examples that the outputs are compared on.

    Raises:
        CompressionError: If LiteRT cannot take the model, or if it computes something else than Keras.
    """
    del params
    flatbuffer = convert(model)
    difference = compare(model, flatbuffer, context.calibration(PROBE_EXAMPLES))
    if not difference <= FLOAT_TOLERANCE:
        raise CompressionError(
            f"Keras and LiteRT outputs differ by {difference:.2g}, more than {FLOAT_TOLERANCE:g}",
            field=model.name,
        )
    return flatbuffer
