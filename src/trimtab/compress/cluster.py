"""Weight sharing: the weights of a kernel have a few values, which are trained on; see ``sharing``.

The model is as fast as before. Its file is smaller after gzip, in floats and in 8 bits. Zeros of a sparse
model are a value of their own and stay, and so does a narrower model's width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from trimtab.compress.base import Context, Pass
from trimtab.compress.parameters import SpareEnds
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.parameters import MAIN, among
from trimtab.errors import CompressionError

if TYPE_CHECKING:
    import keras

LEAST = 4
"""Weights to a value at least: a smaller kernel would not be smaller for it, and stays as it is."""


class Cluster(FineTuning):
    """How many values a kernel's weights have, and how long these are trained."""

    clusters: int = Field(
        16,
        ge=2,
        le=256,
        description="Values that the weights of a kernel have, beside zero.",
        json_schema_extra=MAIN | among(8, 16, 32, 64),
    )
    spare_ends: SpareEnds = True
    epochs: int = Field(
        3, ge=1, description="Epochs of training the values.", json_schema_extra=among(1, 2, 5, 10)
    )


class Clustering(Pass[Cluster]):
    """Weights that share a few values in each kernel, trained without losing them."""

    params = Cluster
    needs = frozenset({"data", "gradients", "labels"})
    makes = frozenset({"clusters"})
    keeps = frozenset({"zeros", "two_four", "clusters", "widths"})
    source = "https://arxiv.org/abs/1510.00149"

    def __call__(self, model: keras.Model, params: Cluster, context: Context) -> keras.Model:
        """Returns a model with few values in each kernel; see ``Pass``."""
        import keras
        import numpy as np

        from trimtab.compress.kernels import copied, kernels
        from trimtab.compress.masks import keep_zeros
        from trimtab.compress.sharing import KeepShared, shared

        clustered = copied(model)
        chosen = _large(kernels(clustered, spare_ends=params.spare_ends), params.clusters, model.name)
        for kernel in chosen.values():
            kernel.assign(shared(np.array(kernel), params.clusters))
        callbacks = [KeepShared(list(chosen.values())), *keep_zeros(clustered, keras.callbacks)]
        context.fine_tune(clustered, params, callbacks=callbacks)
        _check(chosen, params.clusters)
        context.say(f"{len(chosen)} kernels have at most {params.clusters} values beside zero")
        return clustered


def _large(kernels: dict[str, Any], count: int, name: str) -> dict[str, Any]:
    """Returns the kernels that are smaller for so many values."""
    import numpy as np

    large = {layer: kernel for layer, kernel in kernels.items() if np.count_nonzero(kernel) >= LEAST * count}
    if not large:
        raise CompressionError(
            f"no kernel has {LEAST * count} weights or more beside zero, {LEAST} to each of {count} values",
            field=name,
            hint="Ask for fewer clusters.",
        )
    return large


def _check(kernels: dict[str, Any], count: int) -> None:
    import numpy as np

    for name, kernel in kernels.items():
        array = np.array(kernel)
        found = len(np.unique(array[array != 0]))
        if found > count:
            raise CompressionError(
                f"expected at most {count} values in its kernel, found {found}", field=name
            )


PASS = Clustering()
