"""What each pass and each runtime's int8 make of each kind of layer: the table of docs/matrix.md.

    PYTHONPATH=tests python -m compress.matrix     # writes it; some ten minutes

Each cell is a pass on a small model with one step of training, or a conversion, judged by its weights, by
its answers, and by being saved and loaded again.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
from compress.layer_kinds import BEFORE, IT, KINDS, Kind

from trimtab import registry
from trimtab.batch import INPUT, OUTPUT
from trimtab.compress import traits
from trimtab.compress.apply import apply
from trimtab.compress.base import Context
from trimtab.compress.ending import write
from trimtab.compress.graph.trace import trace
from trimtab.compress.recalibration import normalizations
from trimtab.compress.rounding.rounded import kernels
from trimtab.config.chains import Ending, Step
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.methods import KERAS
from trimtab.errors import TrimtabError
from trimtab.models.functional import as_functional
from trimtab.runtimes.registry import runtime

PAGE = Path(__file__).parents[2] / "docs" / "matrix.md"
ROWS = 64
MOST_ERROR, STEPS = 0.5, 0.01
"""Root mean square of what int8 answers otherwise, over that of the answers' deviation from their mean; and
of how far probabilities may be apart in any case, some steps of 1/256."""

RUNTIME_COLUMNS = [f"{name} int8" for name in registry.RUNTIMES]
COLUMNS = [*registry.PASSES, *RUNTIME_COLUMNS]

HEADER = """# What each pass does with each kind of layer

Made by `make matrix`: every cell is a run, the pass on a small model that has such a layer between layers
that every pass knows, with a step of training, or a conversion to 8 bits. The answers must be right, and a
Keras model the same when it was saved and loaded. A test runs some of the cells again.

| cell | means |
|---|---|
| works | the layer itself became narrower, thin, sparse, shared or 8 bits |
| passed | it has no kernel to change, and the pass works on all around it |
| left | it stays as it is (for `channels` with what feeds it; for 8 bits in floats); the rest is changed |
| far off | it is converted, and its answers are far from those in floats: the proof would reject it |
| refused | the whole model is, for the reason below |

A normalization of what may be all zeros, as these layers behind a ReLU are, has a range that 8 bits cannot
hold; `keep_float` or `max_drop` of `int8` leave it in floats.

"""


def cell(kind: Kind, column: str) -> str:
    """Returns what becomes of a kind of layer; a refusal begins with ``refused`` and says why.

    Raises:
        AssertionError: If what is made answers something else.
    """
    name, _, quantization = column.rpartition(" ")
    try:
        if column in RUNTIME_COLUMNS or registry.module(registry.PASSES, column).PASS.gives != KERAS:
            around, _ = _floats_around(kind.shape or (12,), name or "litert", quantization)
            floats, is_near = _converted(kind.model(), name or "litert", quantization)
            return "far off" if not is_near else "works" if floats <= around else "left"
        return _passed(kind, kind.model(), column)
    except TrimtabError as error:
        return f"refused: {error.message}"


def _passed(kind: Kind, model: keras.Model, name: str) -> str:
    params = registry.module(registry.PASSES, name).PASS.params
    given = {"epochs": 2, "learning_rate_factor": 1e-3, "spare_ends": False, "energy": 0.5}
    chosen = params(**{key: value for key, value in given.items() if key in params.model_fields})
    made = apply(Step(name, chosen), model, _context(model))
    _check_answers(model, made, close=name == "qat" and not normalizations(model))
    flat = as_functional(model, "model")
    if name == "channels" and not kind.weighs:
        return "passed" if _width(made, BEFORE) < _width(flat, BEFORE) else "left"
    if not kind.weighs:
        return "passed"
    return "works" if _is_changed(name, flat, made) else "left"


def _is_changed(name: str, flat: keras.Model, made: keras.Model) -> bool:
    """Returns whether the layer became what the pass makes of layers."""
    own = [layer for layer in flat.layers if layer.name.startswith(IT)]
    if name == "qat":
        return any(kernels(layer) for layer in own)
    found = traits.measure(made)
    marks = {
        "cluster": found.clusters,
        "magnitude": found.zeros,
        "block": found.zeros,
        "two_four": found.zeros,
    }
    if name in marks:
        paths = {
            weight.path for layer in made.layers if layer.name.startswith(IT) for weight in layer.weights
        }
        return bool(paths & set(marks[name]))
    if name == "low_rank":
        return len([layer for layer in made.layers if layer.name.startswith(IT)]) > len(own)
    dependencies = trace(flat)
    counts = [
        width for width in (*dependencies.widths.values(), *dependencies.counts) if width.layer.startswith(IT)
    ]
    fewer = [width.of(made.get_layer(width.layer).get_config()) < len(width.channels) for width in counts]
    return any(fewer) or any(_width(made, layer.name) < _width(flat, layer.name) for layer in own)


def _width(model: keras.Model, name: str) -> int:
    return int(model.get_layer(name).output.shape[-1])


def _check_answers(model: keras.Model, made: keras.Model, *, close: bool) -> None:
    x, _ = _data(model)
    answers = np.asarray(made(x))
    assert np.isfinite(answers).all()
    assert not close or np.abs(answers - np.asarray(model(x))).max() < 0.02
    with tempfile.TemporaryDirectory() as folder:
        made.save(f"{folder}/model.keras")
        loaded = keras.saving.load_model(f"{folder}/model.keras")
    np.testing.assert_allclose(loaded(x), answers, atol=1e-5)


@cache
def _floats_around(shape: tuple[int, ...], name: str, quantization: str) -> tuple[int, bool]:
    """Returns how many operators compute in floats in a model of what is around a layer alone."""
    return _converted(Kind(lambda x: x, shape).model(), name, quantization)


def _converted(model: keras.Model, name: str, quantization: str) -> tuple[int, bool]:
    """Returns how many operators of a model of 8 bits compute in floats, and whether its answers are near."""
    serving, step = runtime(name), _step(name, quantization)
    with tempfile.TemporaryDirectory() as folder:
        write(
            as_functional(model, "model"),
            Ending(quantization, step, name),
            Path(folder),
            _context(model),
        )
        x, _ = _data(model)
        answers, expected = serving.load(Path(folder)).predict({INPUT: x})[OUTPUT], np.asarray(model(x))
        error = np.sqrt(np.mean((answers - expected) ** 2))
        arithmetic = serving.traits(Path(folder)).arithmetic
    floats = sum(count for kind, count in arithmetic.items() if kind.startswith("float"))
    return floats, bool(error < max(STEPS, MOST_ERROR * np.std(expected - expected.mean(0))))


def _step(name: str, quantization: str) -> Step:
    if quantization in registry.PASSES:
        params = registry.module(registry.PASSES, quantization).PASS.params
        return Step(quantization, params(epochs=1, learning_rate_factor=1e-3))
    # In a run the rule is chosen on validation rows. NNCF's own first one is the mean of the examples' ends.
    ranges = "least_squares" if name == "openvino" else "min_max"
    return Step(quantization, runtime(name).quantizers[quantization].params(ranges=ranges))


def _data(model: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    rng, shape = np.random.default_rng(3), model.inputs[0].shape[1:]
    tokens = model.inputs[0].dtype == "int32"
    x = rng.integers(0, 50, (ROWS, *shape)) if tokens else rng.normal(size=(ROWS, *shape))
    return x.astype(model.inputs[0].dtype), rng.integers(0, 3, ROWS)


def _context(model: keras.Model) -> Context:
    x, y = _data(model)

    def fine_tune(
        trained: Any, tuning: FineTuning, *, callbacks: Sequence[Any] = (), library: Any = None
    ) -> None:
        api = library.api if library else keras
        rate = 1e-3 * tuning.learning_rate_factor
        trained.compile(api.optimizers.SGD(rate), "sparse_categorical_crossentropy", run_eagerly=True)
        trained.fit(x, y, batch_size=ROWS, epochs=tuning.epochs, verbose=0, callbacks=list(callbacks))

    loss = keras.losses.SparseCategoricalCrossentropy()
    return Context(
        seed=1,
        task="classification",
        steps_per_epoch=1,
        fine_tune=fine_tune,
        calibration=lambda count: x[:count],
        say=lambda text: None,
        labelled=lambda count: (x[:count], y[:count], loss),
    )


def table(cells: dict[str, dict[str, str]]) -> str:
    """Returns the page: a row a kind, a column a pass, and the reasons of refusals below."""
    reasons: list[str] = []
    lines = [f"| | {' | '.join(f'`{name}`' for name in COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for kind, row in cells.items():
        shown = [_shown(row[column], reasons) for column in COLUMNS]
        lines.append(f"| {kind} | {' | '.join(shown)} |")
    notes = [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    return "\n".join([*lines, "", *notes, ""] if notes else [*lines, ""])


def _shown(text: str, reasons: list[str]) -> str:
    state, _, reason = text.partition(": ")
    if state != "refused":
        return text.replace(": ", " ")
    if reason not in reasons:
        reasons.append(reason)
    return f"refused ({reasons.index(reason) + 1})"


def main() -> None:
    """Writes the page, or says what broke."""
    cells: dict[str, dict[str, str]] = {}
    broken = 0
    for name, kind in KINDS.items():
        cells[name] = {}
        for column in COLUMNS:
            try:
                cells[name][column] = cell(kind, column)
            except Exception as error:
                cells[name][column], broken = f"broken: {type(error).__name__}", broken + 1
                print(f"{name}, {column}: {type(error).__name__}: {error}", file=sys.stderr)
            print(f"{name}, {column}: {cells[name][column]}", flush=True)
    if broken:
        sys.exit(f"{broken} cells are broken: {PAGE.name} stays as it is")
    PAGE.write_text(HEADER + table(cells))


if __name__ == "__main__":
    main()
