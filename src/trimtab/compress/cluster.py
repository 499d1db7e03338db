"""Weight sharing: the weights of a kernel, or of each of its channels, have a few values, which are trained.

The model is as fast as before. Its file is smaller after gzip, in floats and in 8 bits. Zeros of a sparse
model are a value of their own and stay, and so does a narrower model's width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

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
    per: Literal["layer", "channel"] = Field(
        "layer",
        description="Whether a kernel shares its values, or each output channel has as many of its own.",
        json_schema_extra=among("layer", "channel"),
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
        from trimtab.compress.sharing import KeepShared, shared, shared_by_channel

        clustered = copied(model)
        chosen = _large(kernels(clustered, spare_ends=params.spare_ends), params, model.name)
        share = shared_by_channel if params.per == "channel" else shared
        for kernel in chosen.values():
            kernel.assign(share(np.array(kernel), params.clusters))
        callbacks = [KeepShared(list(chosen.values())), *keep_zeros(clustered, keras.callbacks)]
        context.fine_tune(clustered, params, callbacks=callbacks)
        _check(chosen, params)
        where = "in each output channel " if params.per == "channel" else ""
        context.say(f"{len(chosen)} kernels have {where}at most {params.clusters} values beside zero")
        return clustered


def _large(kernels: dict[str, Any], params: Cluster, name: str) -> dict[str, Any]:
    """Returns the kernels that are smaller for so many values."""
    count = params.clusters
    large = {layer: kernel for layer, kernel in kernels.items() if _weights(kernel, params) >= LEAST * count}
    if not large:
        where = "in each channel " if params.per == "channel" else ""
        raise CompressionError(
            f"no kernel has {where}{LEAST * count} weights or more beside zero, "
            f"{LEAST} to each of {count} values",
            field=name,
            hint="Ask for fewer clusters.",
        )
    return large


def _weights(kernel: Any, params: Cluster) -> int:
    """Returns the weights but zeros of a kernel, or the mean of its channels that have any."""
    import numpy as np

    array = np.array(kernel)
    if params.per == "layer":
        return int(np.count_nonzero(array))
    counts = np.count_nonzero(array.reshape(-1, array.shape[-1]), axis=0)
    return int(counts.sum()) // max(int(np.count_nonzero(counts)), 1)


def _check(kernels: dict[str, Any], params: Cluster) -> None:
    import numpy as np

    from trimtab.compress.sharing import values, values_by_channel

    found_in = values_by_channel if params.per == "channel" else values
    for name, kernel in kernels.items():
        found = found_in(np.array(kernel))
        if found > params.clusters:
            raise CompressionError(
                f"expected at most {params.clusters} values in its kernel, found {found}", field=name
            )


PASS = Clustering()
