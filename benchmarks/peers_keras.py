"""Keras' own `quantize`, as a peer: what its exports are, and what its archive is in TensorFlow itself.

It knows dense layers and embeddings, and leaves convolutions and recurrent layers as they are.
"""

from __future__ import annotations

import gzip
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from made import Made

MODES = ("int8", "int4", "float8")
_ROUNDS = 300


def quantize(model: Any, given: Callable[[int], Mapping[str, np.ndarray]]) -> Iterator[Made]:
    """Yields the exports of what Keras quantized, in each way, to each runtime that is installed."""
    from trimtab.runtimes.registry import installed

    for mode in MODES:
        for name in installed():
            yield Made("Keras", f"quantize {mode}", name, partial(_exported, model, mode, name, given))


def _exported(
    model: Any, mode: str, name: str, given: Callable[[int], Mapping[str, np.ndarray]], place: Path
) -> None:
    from trimtab.runtimes.registry import runtime

    serving = runtime(name)
    serving.convert(_quantized(model, mode), "none", serving.quantizers["none"].params(), place, given)


def _quantized(model: Any, mode: str) -> Any:
    import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.quantize(mode)
    return copy


def in_tensorflow(model: Any, example: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yields a line for each way: the bytes of the archive, and its time for one example, beside the floats.

    All take turns.

    Args:
        model: A Keras model.
        example: One, model-ready, by the names of the inputs.
    """
    models = {"float": model}
    for mode in MODES:
        try:
            models[mode] = _quantized(model, mode)
        # A peer raises what it will.
        except Exception as error:
            yield f"Keras quantize {mode}: not made: {type(error).__name__}: {str(error)[:200]}"
    calls = {name: _compiled(each, example) for name, each in models.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    for name, each in models.items():
        p50_us = statistics.median(times[name]) * 1e6
        yield f"Keras {name}, in TensorFlow: archive {_archive_bytes(each):,} B, p50 {p50_us:.0f} us"


def _compiled(model: Any, example: Mapping[str, np.ndarray]) -> Callable[[], object]:
    import tensorflow as tf

    (x,) = (tf.constant(each) for each in example.values())
    answer = tf.function(lambda: model(x, training=False))
    answer()
    return lambda: answer().numpy()


def _archive_bytes(model: Any) -> int:
    """Returns the bytes of a `.keras` file after gzip."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "model.keras"
        model.save(path)
        return len(gzip.compress(path.read_bytes(), 9))
