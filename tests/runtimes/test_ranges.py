"""How ranges of activations are set, and that the best are taken."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from trimtab.batch import INPUT, OUTPUT, Batch
from trimtab.models.tensors import answer
from trimtab.runtimes import ranges
from trimtab.runtimes.ranges import RULES, Rule
from trimtab.runtimes.registry import is_installed, runtime

RUNTIMES = ["litert", "openvino", "onnxruntime"]


@pytest.fixture
def values() -> np.ndarray:
    """Returns the values of 200 examples, of which one is fifty times as large, ``(200, 128)``."""
    found = np.random.default_rng(0).normal(size=(200, 128)).astype(np.float32)
    found[7] *= 50
    return found


def test_min_max_is_what_was_found(values: np.ndarray) -> None:
    found = {"x": (float(values.min()), float(values.max()))}
    assert ranges.limits("min_max", found, {"x": values}) == found


def test_a_percentile_leaves_out_a_share_of_the_values(values: np.ndarray) -> None:
    ends = {"x": (float(values.min()), float(values.max()))}
    low, high = ranges.limits("percentile", ends, {"x": values})["x"]
    assert ((values < low) | (values > high)).mean() == pytest.approx(2 * ranges.CUT, abs=2e-4)


def test_least_squares_gives_up_the_one_example_that_is_unlike_the_others(values: np.ndarray) -> None:
    ends = {"x": (float(values.min()), float(values.max()))}
    low, high = ranges.limits("least_squares", ends, {"x": values})["x"]
    others = np.delete(values, 7, axis=0)
    assert ends["x"][1] > 90
    assert 2.5 < -low < 6
    assert 2.5 < high < 6

    def error(low: float, high: float) -> float:
        step = (high - low) / 255
        return float(np.square(np.clip(np.round((others - low) / step), 0, 255) * step + low - others).mean())

    assert error(low, high) < error(*ends["x"]) / 20


def test_a_range_stays_inside_what_was_found_and_is_never_empty() -> None:
    for rule in RULES:
        for numbers in (np.zeros((3, 4)), np.full((3, 4), 2.0), np.array([[0.0, 1.0]])):
            ends = {"x": (min(0.0, float(numbers.min())), float(numbers.max()) + 1)}
            low, high = ranges.limits(rule, ends, {"x": numbers.astype(np.float32)})["x"]
            assert ends["x"][0] <= low < high <= ends["x"][1]


def test_a_tensor_without_values_keeps_its_range(values: np.ndarray) -> None:
    for rule in RULES:
        assert ranges.limits(rule, {"y": (0.0, 1.0)}, {"x": values}) == {"y": (0.0, 1.0)}


def test_the_files_that_cost_least_are_kept(tmp_path: Path) -> None:
    asked: list[Path] = []

    def make(rule: Rule, place: Path) -> None:
        (place / "file").write_text(rule)

    def judge(place: Path) -> tuple[float, ...]:
        asked.append(place)
        return {"min_max": (1.0, 0.2), "percentile": (1.0, 0.1), "least_squares": (2.0, 0.0)}[
            (place / "file").read_text()
        ]

    assert ranges.best("auto", make, tmp_path, judge) == "percentile"
    assert (tmp_path / "file").read_text() == "percentile"
    assert not any(place.exists() for place in asked)


@pytest.mark.parametrize(("asked", "expected"), [("auto", "min_max"), ("least_squares", "least_squares")])
def test_without_validation_examples_or_a_choice_nothing_is_judged(
    tmp_path: Path, asked: str, expected: str
) -> None:
    made: list[str] = []
    assert ranges.best(asked, lambda rule, place: made.append(rule), tmp_path, None) == expected
    assert made == [expected]


@pytest.mark.parametrize("name", RUNTIMES)
def test_one_outlier_costs_much_and_the_choice_wins_it_back(
    name: str, models: dict[str, keras.Model], digits: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    if not is_installed(name):
        pytest.skip(f"the runtime {name} is not installed")
    serving, model, (x, y) = runtime(name), models["mlp"], digits
    examples = x[:200].copy()
    # NNCF takes the mean of the examples' ends for its own, which an outlier moves less.
    examples[17] *= 1_000_000 if name == "openvino" else 500

    def calibration(n: int) -> Batch:
        return {INPUT: examples[:n]}

    def accuracy(place: Path, rows: slice) -> float:
        found = serving.load(place).predict({INPUT: x[rows]})[OUTPUT]
        return float((found.argmax(axis=1) == y[rows]).mean())

    def made(asked: str, place: Path) -> str | None:
        place.mkdir()
        params = serving.quantizers["int8"].params(ranges=asked)
        return serving.convert(
            model, "int8", params, place, calibration, lambda each: (-accuracy(each, slice(1000, 1300)),)
        ).ranges

    test = slice(1300, None)
    floats = answer(model, {INPUT: x[test]})[OUTPUT]
    right = float((floats.argmax(axis=1) == y[test]).mean())
    assert made("min_max", tmp_path / "min_max") == "min_max"
    assert made("auto", tmp_path / "auto") in {"percentile", "least_squares"}
    assert accuracy(tmp_path / "min_max", test) < right - 0.1
    assert accuracy(tmp_path / "auto", test) > right - 0.02
