"""A Keras 3 operation inside a tf_keras model, as it is: for what has no twin, so that the rest has one.

The operation computes with variables of the tf_keras model, which trains and stores them. TFMOT sees a layer
of a kind that it does not know, and leaves it alone.
"""

from __future__ import annotations

import inspect
import itertools
from functools import cache
from typing import Any

import keras
import numpy as np

from trimtab.compress.tfmot.layers import refused

_operations: dict[str, tuple[Any, Any]] = {}
"""Operations and the structures of their arguments, which layers are made again of in this process. They are
no attributes of a layer: tf_keras would track what is in them."""
_numbers = itertools.count()


class _Tensor:
    """Stands for a tensor in a structure of arguments."""

    def __repr__(self) -> str:
        return "a tensor"


def call(operation: Any, name: str, layers: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
    """Returns what an operation gives of tensors of a tf_keras model.

    Args:
        operation: A Keras 3 layer, or another operation.
        name: What its layer is called.
        layers: The layers of operations so far, by name; an operation that is called again, with arguments
            of the same structure, has one.
        args: Its arguments; what are no tensors is part of the layer.
        kwargs: The same by name.

    Raises:
        CompressionError: If it is called again with arguments of another structure.
    """
    import tf_keras

    symbolic = type(tf_keras.Input((1,)))
    tensors = [leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, symbolic)]
    template = keras.tree.map_structure(
        lambda leaf: _Tensor() if isinstance(leaf, symbolic) else leaf, (args, kwargs)
    )
    if name in layers:
        _check_same(operation, layers[name].key, template)
    else:
        key = f"{name}/{next(_numbers)}"
        _operations[key] = operation, template
        trainable = getattr(operation, "trainable", True)
        layers[name] = _untouched()(key=key, name=name, dtype="float32", trainable=trainable)
    return layers[name](tensors)


def known() -> dict[str, Any]:
    """Returns the classes that tf_keras needs to know to make a twin again."""
    return {_untouched().__name__: _untouched()}


@cache
def _untouched() -> type[Any]:
    import tensorflow as tf
    import tf_keras

    class Untouched(tf_keras.layers.Layer):  # type: ignore[misc]  # untyped
        """See the module."""

        def __init__(self, key: str, **settings: Any) -> None:
            super().__init__(**settings)
            self.key = key
            self.states: list[Any] = []

        def get_config(self) -> dict[str, Any]:
            """Returns what it is made again of, in this process alone."""
            return {**super().get_config(), "key": self.key}

        def compute_mask(self, inputs: Any, mask: Any = None) -> None:
            """Gives no mask: those of Keras 3 are tensors like any other."""

        def build(self, input_shape: Any) -> None:
            """Makes a variable of each of the operation's."""
            operation, _ = _operations[self.key]
            for place, variable in enumerate(_variables(operation)):
                self.states.append(
                    self.add_weight(
                        name=f"state_{place}",
                        shape=tuple(variable.shape),
                        dtype=variable.dtype,
                        initializer=_constant(np.asarray(variable)),
                        trainable=variable.trainable,
                    )
                )
            super().build(input_shape)

        @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:  # noqa: ARG002
            """Runs the operation."""
            operation, template = _operations[self.key]
            tensors = iter(inputs if isinstance(inputs, list | tuple) else [inputs])
            args, kwargs = keras.tree.map_structure(
                lambda leaf: next(tensors) if isinstance(leaf, _Tensor) else leaf, template
            )
            if "training" in inspect.signature(operation.call).parameters:
                kwargs = {**kwargs, "training": bool(training)}
            pairs = list(zip(_variables(operation), self.states, strict=True))
            scope = keras.StatelessScope(
                [(variable, tf.convert_to_tensor(state)) for variable, state in pairs]
            )
            with scope:
                answer = operation(*args, **kwargs)
            for variable, state in pairs:
                if not variable.trainable and training:
                    state.assign(scope.get_current_value(variable))
            return answer

    return Untouched


def _check_same(operation: Any, key: str, template: Any) -> None:
    if repr(_operations[key][1]) != repr(template):
        raise refused(operation, "is called twice with other arguments, and has no twin in tf_keras")


def _variables(operation: Any) -> list[Any]:
    return list(getattr(operation, "variables", []))


def _constant(value: np.ndarray) -> Any:
    import tensorflow as tf

    return lambda _, dtype=None, **__: tf.constant(value, dtype=dtype)
