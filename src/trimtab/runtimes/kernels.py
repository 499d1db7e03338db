"""What is counted of kernels, whatever the runtime: the constants that convolutions and dense layers use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.runtimes.base import Traits


@dataclass(frozen=True)
class Kernel:
    """An operator's constant.

    Attributes:
        values: As they are stored.
        zero: The stored value, or one for each element, that stands for 0.
        macs: Multiply-accumulates of one example in the operator.
    """

    values: NDArray[Any]
    zero: NDArray[Any] | int = 0
    macs: int = 0


def counted(
    kernels: Iterable[Kernel],
    operators: Mapping[str, int],
    operators_before: Mapping[str, int],
    arithmetic: Mapping[str, int],
) -> Traits:
    """Returns the traits of a model, given its operators and kernels."""
    kernels = list(kernels)
    size = sum(kernel.values.size for kernel in kernels)
    zeros = sum(int(np.sum(kernel.values == kernel.zero)) for kernel in kernels)
    return Traits(
        operators=dict(operators),
        operators_before=dict(operators_before),
        arithmetic=dict(arithmetic),
        parameters=size,
        macs=sum(kernel.macs for kernel in kernels),
        sparsity=zeros / size if size else 0.0,
        clusters=max((len(np.unique(kernel.values)) for kernel in kernels), default=0),
    )
