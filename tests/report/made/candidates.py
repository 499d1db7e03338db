"""Candidates as `select` leaves them: plausible numbers, the same for everyone."""

from __future__ import annotations

from typing import Any

import numpy as np

FLOAT_BYTES = 312_412
COST = {"parameters": 78_666, "macs": 2_510_000, "sparsity": 0.0}
SIZE = {"none": 1.0, "float16": 0.51, "dynamic_int8": 0.28, "int8": 0.29, "qat_int8": 0.30}
SPEED = {"none": 1.0, "float16": 1.02, "dynamic_int8": 0.62, "int8": 0.71, "qat_int8": 0.72}
LOSS = {"none": 0.0, "float16": 0.0, "dynamic_int8": 0.001, "int8": 0.004, "qat_int8": 0.003}


def confusion(classes: int, accuracy: float, examples: int) -> list[list[int]]:
    """Returns a matrix of the same examples whatever the accuracy: who is worse errs on more of them."""
    rng = np.random.default_rng(7)
    matrix = np.zeros((classes, classes), int)
    truth = np.arange(examples) % classes
    wrong = rng.permutation(examples) >= accuracy * examples
    # Mistakes prefer a neighbouring class, as real ones do.
    shift = np.where(rng.random(examples) < 0.7, 1, rng.integers(1, max(2, classes), examples))
    np.add.at(matrix, (truth, np.where(wrong, (truth + shift) % classes, truth)), 1)
    return matrix.tolist()


def per_class(matrix: list[list[int]], names: list[str]) -> dict[str, Any]:
    counts = np.array(matrix)
    right, true, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)
    found = {}
    for i, name in enumerate(names):
        precision, recall = right[i] / max(1, predicted[i]), right[i] / max(1, true[i])
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        found[name] = {
            "precision": float(precision), "recall": float(recall), "f1": float(f1), "examples": int(true[i]),
        }  # fmt: skip
    return found


def candidate(
    identifier: str, recipe: list[dict[str, Any]], names: list[str], examples: int, regression: bool
) -> dict[str, Any]:
    """Returns a candidate as `select` describes it."""
    params = {name: value for step in recipe[:-2] for name, value in next(iter(step.values())).items()}
    ((method, _),) = recipe[-2].items()
    ratio, sparsity = params.get("ratio", 0.0), params.get("sparsity", 0.0)
    keep = (1 - ratio) ** 1.6
    loss = LOSS[method] + 0.03 * ratio**2 + 0.05 * sparsity**4 + (0.25 if ratio > 0.75 else 0)
    size = int(FLOAT_BYTES * keep * SIZE[method])
    latency = 0.231 * (0.2 + 0.8 * keep) * SPEED[method]
    common = {
        "id": identifier,
        "recipe": recipe,
        "ok": True,
        "size_bytes": size,
        "gzip_bytes": int(size * (0.92 - 0.5 * sparsity)),
        "parameters": int(78_666 * keep),
        "macs": int(2_510_000 * keep),
        "sparsity": sparsity,
        "graph": {"operations": 31, "weights_bytes": 314_664, "operators": 16, "executed": 2},
        "latency_ms": {"p50": latency, "p95": latency * 1.18, "p99": latency * 1.4, "threads": 1},
        "drop": {"observed": loss, "upper_bound": loss + 0.006, "confidence": 0.95, "examples": examples},
    }
    if regression:
        mae = 41.3 * (1 + loss)
        return {**common, "metrics": {"rmse": mae * 1.3, "mae": mae, "r2": 0.48 - loss}}
    matrix = confusion(len(names), 0.9801 - loss, examples)
    accuracy = float(np.trace(matrix) / examples)
    observed = float(np.trace(confusion(len(names), 0.9801, examples)) / examples) - accuracy
    common["drop"] |= {
        "observed": observed,
        "upper_bound": observed + 0.3 / examples**0.5 * (0.2 + observed * 10),
    }
    metrics = {
        "accuracy": accuracy, "balanced_accuracy": accuracy - 0.001, "macro_f1": accuracy - 0.002,
        "log_loss": 0.09 + loss, "calibration_error": 0.012 + loss / 3,
    }  # fmt: skip
    return {**common, "metrics": metrics, "confusion": matrix, "per_class": per_class(matrix, names)}


def judged(found: dict[str, Any], limits: dict[str, Any], regression: bool) -> dict[str, Any]:
    """Returns a candidate with the verdict of the budget."""
    reasons, drop = [], found["drop"]["upper_bound"]
    limit = limits["max_error_increase"] if regression else limits["max_accuracy_drop"]
    if drop > limit:
        reasons.append(
            f"the proven drop of {drop * 100:.2f} points is over the budget of {limit * 100:g} points"
        )
    if found["latency_ms"]["p50"] > limits["max_latency_ms"]:
        reasons.append(
            f"{found['latency_ms']['p50']:.3f} ms is over the budget of {limits['max_latency_ms']} ms"
        )
    if found["size_bytes"] > limits["max_size_kb"] * 1000:
        reasons.append(
            f"{found['size_bytes'] / 1000:.1f} kB is over the budget of {limits['max_size_kb']} kB"
        )
    return {**found, "reasons": reasons, "within_budget": not reasons}


def dominated(one: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    def costs(c: dict[str, Any]) -> tuple[float, float, float]:
        return c["drop"]["observed"], c["latency_ms"]["p50"], c["size_bytes"]

    mine = costs(one)
    return any(all(a <= b for a, b in zip(costs(c), mine, strict=True)) and costs(c) != mine for c in others)
