"""A pass of somebody else's: one file, and one line in the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from trimtab.compress.base import Context, Pass
from trimtab.config.base import Section
from trimtab.config.parameters import MAIN, among
from trimtab.errors import CompressionError

if TYPE_CHECKING:
    import keras


class Rounding(Section):
    """How coarse the weights become."""

    digits: int = Field(
        2, ge=1, le=6, description="Decimal digits that stay.", json_schema_extra=MAIN | among(1, 2, 3)
    )


class RoundedKernels(Pass[Rounding]):
    """Kernels rounded to a few decimal digits."""

    params = Rounding
    keeps = frozenset({"zeros", "two_four", "clusters", "widths"})
    source = "https://en.wikipedia.org/wiki/Rounding"

    def __call__(self, model: keras.Model, params: Rounding, context: Context) -> keras.Model:
        """Returns a model with rounded kernels; see ``Pass``."""
        import numpy as np

        from trimtab.models.functional import as_functional, copy

        rounded = copy(as_functional(model, model.name))
        kernels = [weight for weight in rounded.weights if weight.name == "kernel"]
        if not kernels:
            raise CompressionError("it has no kernels to round", field=model.name)
        for weight in kernels:
            weight.assign(np.round(weight.numpy(), params.digits))
        return rounded


PASS = RoundedKernels()
