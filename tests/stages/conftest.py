"""Real candidates on real digits, without TensorFlow: logistic regressions as LiteRT files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.storage import artifact

SHAPE = (8, 8, 1)
PADDING = 30_000


@pytest.fixture(scope="session")
def digits_weights(digits_dataset: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weights (10, 64) and the bias (10,) of a good linear classifier of the digits."""
    data = Dataset.open(digits_dataset)
    x, y = data.arrays("train")
    fitted = LogisticRegression(max_iter=2000).fit(data.model_input(x).reshape(len(x), -1), y)
    return fitted.coef_.astype(np.float32), fitted.intercept_.astype(np.float32)


@pytest.fixture
def digits_config() -> Callable[..., str]:
    """Returns a function that makes a config of five candidates, given the budget."""

    def make(**budget: object) -> str:
        recipes = [
            {"prune": "none", "quantize": ["none", "float16", "int8"]},
            {"prune": {"method": "magnitude", "sparsity": 0.5}, "quantize": ["none"]},
            {"prune": {"method": "channels", "ratio": 0.5}, "quantize": ["none"]},
        ]
        return Config.model_validate(
            {
                "data": {"train": "sklearn://digits"},
                "model": {"architecture": "cnn"},
                "recipes": recipes,
                "budget": budget,
            }
        ).model_dump_json()

    return make


@pytest.fixture
def make_candidate(tmp_path: Path, digits_dataset: Path) -> Callable[..., str]:
    """Returns a function that writes a ``candidate`` artifact: ``make_candidate(id, content, reason="")``."""
    fingerprint = Dataset.open(digits_dataset).fingerprint

    def make(name: str, content: bytes | None, reason: str = "", dataset: str = fingerprint) -> str:
        path = tmp_path / f"quantized-{name}"
        cost = {"parameters": 650, "macs": 640, "sparsity": 0.0}
        with artifact.create(path, "candidate") as draft:
            described = {"candidate": name, "ok": content is not None, "reason": reason, "cost": cost}
            (draft.path / "candidate.json").write_text(json.dumps({**described, "max_difference": 0.0}))
            if content is not None:
                (draft.path / "model.tflite").write_bytes(content)
            draft.lineage = {"dataset": dataset, "ok": content is not None}
        return str(path)

    return make


@pytest.fixture
def digits_candidates(
    make_candidate: Callable[..., str],
    linear_tflite: Callable[..., bytes],
    digits_weights: tuple[np.ndarray, np.ndarray],
) -> dict[str, str]:
    """Returns a baseline, one as good and smaller, one that failed, and one that has unlearned."""
    weights, bias = digits_weights
    baseline = linear_tflite(weights, bias, shape=SHAPE)
    half = linear_tflite(weights.astype(np.float16), bias.astype(np.float16), shape=SHAPE)
    noise = np.random.default_rng(0).normal(0, 1.0, weights.shape).astype(np.float32)
    return {
        "none--none": make_candidate("none--none", baseline + bytes(PADDING)),
        "none--float16": make_candidate("none--float16", half),
        "none--int8": make_candidate("none--int8", None, "LiteRT has no 8-bit kernel for TANH"),
        "magnitude-0.5--none": make_candidate(
            "magnitude-0.5--none", linear_tflite(weights + noise, bias, shape=SHAPE)
        ),
    }
