"""AutoGraph, left out: TensorFlow's rewriting of Python's `if` and `for` over tensors into graphs.

It reads and rewrites the source of what maps a dataset, and of every layer that tf_keras calls, in every
process anew: half a second of each training, and more where TFMOT copies a model layer by layer. Neither our
feed nor TFMOT needs it: where they branch on tensors, they call TensorFlow's own conditions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tensorflow as tf

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")


def without_autograph(function: Callable[Arguments, Returned]) -> Callable[Arguments, Returned]:
    """Returns a function that does the same, and rewrites nothing but what `tf.function` is given."""

    @functools.wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Returned:
        returned: Returned = tf.autograph.experimental.do_not_convert(function)(*args, **kwargs)
        return returned

    return call
