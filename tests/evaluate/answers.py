"""Rows with labels, and what models make of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from trimtab.artifacts.evaluation import Examples
from trimtab.artifacts.proof import LimitTest
from trimtab.config.budget import Budget
from trimtab.evaluate.demands import demands
from trimtab.evaluate.limits import Demand, Split
from trimtab.tasks.registry import task


@dataclass(frozen=True)
class Target:
    """See ``tasks.base.Target``."""

    classes: list[str] = field(default_factory=list)
    label_mean: float = 0.0
    label_std: float = 1.0
    thresholds: list[float] = field(default_factory=list)


N, FRAUD = 2_000, Target(["fine", "fraud"])


def frauds(n: int = N, seed: int = 0) -> tuple[Split, Examples, Examples]:
    """Returns rows of which a tenth is fraud, what a good model makes of them, and one that sees no fraud."""
    random = np.random.default_rng(seed)
    labels = (random.random(n) < 0.1).astype(np.int64)
    good = 1 / (1 + np.exp(-random.normal(6 * labels - 3, 1.2)))
    slices = {
        "region": pa.array(np.where(random.random(n) < 0.3, "north", "south")),
        "age": pa.array([f"{age:.0f}" for age in random.uniform(18, 90, n)]),
    }
    split = Split("classification", FRAUD, n, lambda: labels, slices)
    return split, made(split, good), made(split, good * 0.3)


def made(split: Split, fraud: np.ndarray) -> Examples:
    answers = np.stack([1 - fraud, fraud], axis=1).astype(np.float32)
    scores = task(split.task).judging.scores(answers, split.labels, split.target, split.target)
    return Examples(scores.astype(np.float32), answers)


NUMBERS = Target([], label_mean=50.0, label_std=10.0)


def numbers(worse: float, n: int = 3_000) -> tuple[Split, Examples, Examples]:
    random = np.random.default_rng(0)
    labels = random.normal(size=n).astype(np.float32)
    split = Split("regression", NUMBERS, n, lambda: labels)
    error = random.normal(size=n) * 0.2

    def answered(scale: float) -> Examples:
        answers = (labels + scale * error)[:, None].astype(np.float32)
        scores = task("regression").judging.scores(answers, labels, NUMBERS, NUMBERS)
        return Examples(scores.astype(np.float32), answers)

    return split, answered(1.0), answered(1 + worse)


def asked(split: Split, **budget: Any) -> list[Demand]:
    return demands(Budget.model_validate(budget), split)


def stands(split: Split, before: Examples, after: Examples, **budget: Any) -> dict[str, LimitTest]:
    found = [one.test(split, before, after, 0.95) for one in asked(split, **budget)]
    return {test.limit: test for test in found}
