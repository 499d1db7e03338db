"""Records of runs as the stages leave them: plausible numbers, drawn once, the same for everyone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trimtab.artifacts.record import EntryRecord, StageRecord
from trimtab.config import chains
from trimtab.config.config import Config

FLOAT_BYTES = 312_412
COST = {"parameters": 78_666, "macs": 2_510_000, "sparsity": 0.0}
SIZE = {"none": 1.0, "float16": 0.51, "dynamic_int8": 0.28, "int8": 0.29, "qat_int8": 0.30}
SPEED = {"none": 1.0, "float16": 1.02, "dynamic_int8": 0.62, "int8": 0.71, "qat_int8": 0.72}
LOSS = {"none": 0.0, "float16": 0.0, "dynamic_int8": 0.001, "int8": 0.004, "qat_int8": 0.003}


def config(classes: int, regression: bool, prunes: int) -> Config:
    """Returns a config with `prunes` ways to prune, each quantized four ways, and the baseline."""
    quantize = ["none", "float16", "dynamic_int8", "int8"]
    recipes: list[dict[str, Any]] = [{"prune": "none", "quantize": [*quantize, "qat_int8"]}]
    for index in range(prunes):
        ratio = round(0.2 + 0.7 * index / max(1, prunes), 3)
        method = (
            {"method": "channels", "ratio": ratio}
            if index % 2
            else {"method": "magnitude", "sparsity": ratio}
        )
        recipes.append({"prune": method, "quantize": quantize})
    return Config.model_validate(
        {
            "name": "prices" if regression else "digits",
            "data": {"train": "sklearn://digits", "label": "target"},
            "model": {"architecture": "mlp" if regression else "cnn"},
            "train": {"epochs": 20},
            "tune": {"trials": 6},
            "recipes": recipes,
            "budget": {"max_accuracy_drop": 0.02, "max_latency_ms": 0.2, "max_size_kb": 120},
        }
    )


def history(epochs: int, regression: bool, rng: np.random.Generator) -> list[dict[str, float]]:
    rows = []
    for epoch in range(1, epochs + 1):
        decay = np.exp(-epoch / (epochs / 4))
        loss, noise = 0.05 + 2.2 * decay, rng.normal(0, 0.01, 4)
        row = {
            "epoch": epoch,
            "loss": loss + abs(noise[0]),
            "val_loss": loss * 1.1 + 0.03 + abs(noise[1]),
            "learning_rate": 1e-3 * (1 - epoch / epochs),
            "seconds": 1.4,
        }
        name, scale = ("mae", loss) if regression else ("accuracy", 0.99 - 0.7 * decay)
        row[name], row[f"val_{name}"] = scale + noise[2], scale * (1.1 if regression else 0.98) + noise[3]
        rows.append({key: float(value) for key, value in row.items()})
    return rows


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
            f"{found['size_bytes'] / 1000:.1f} KB is over the budget of {limits['max_size_kb']} KB"
        )
    return {**found, "reasons": reasons, "within_budget": not reasons}


def dominated(one: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    def costs(c: dict[str, Any]) -> tuple[float, float, float]:
        return c["drop"]["observed"], c["latency_ms"]["p50"], c["size_bytes"]

    mine = costs(one)
    return any(all(a <= b for a, b in zip(costs(c), mine, strict=True)) and costs(c) != mine for c in others)


def proof(tested: list[dict[str, Any]], settings: Config, regression: bool, examples: int) -> dict[str, Any]:
    """Returns the proof of a fixed sequence that all candidates were in, but the last."""
    budget = settings.budget
    metric, bound, limit = (
        ("mae", "errors", budget.short_form("max_error_increase"))
        if regression
        else ("accuracy", "proportions", budget.short_form("max_accuracy_drop"))
    )
    tests = [
        {
            "candidate": one["id"],
            "confidence": 0.95,
            "upper_bound": one["drop"]["upper_bound"],
            "passed": one["drop"]["upper_bound"] <= limit,
        }
        for one in tested[:-1]
    ]
    return {
        "rule": "fixed_sequence",
        "confidence": 0.95,
        "examples": examples,
        "limits": [{"metric": metric, "bound": bound, "max_loss": limit}],
        "order": [
            {"candidate": one["id"], "share": float(not place), "then": after["id"]}
            for place, (one, after) in enumerate(itertools.pairwise(tested))
        ]
        + [{"candidate": one["id"], "share": 0.0} for one in tested[-1:]],
        "tested": tests,
        "stopped_at": [test["candidate"] for test in tests if not test["passed"]],
        "not_tested": {one["id"]: "not tested: its sequence ended before it" for one in tested[-1:]},
    }


def select(settings: Config, names: list[str], regression: bool, examples: int) -> dict[str, Any]:
    """Returns the summary of `select`: everyone judged, the best balance chosen, one not made."""
    everyone = []
    for identifier, one in settings.candidates().items():
        found = candidate(identifier, one.to_json(), names, examples, regression)
        limits = settings.budget.model_dump() | {
            name: settings.budget.short_form(name) for name in ("max_error_increase", "max_accuracy_drop")
        }
        everyone.append(judged(found, limits, regression))
    beaten = [dominated(one, everyone) for one in everyone]
    for one, worse in zip(everyone, beaten, strict=True):
        one["on_pareto_front"] = not worse
        if one["id"] == "none--qat_int8":
            reason = (
                "TFMOT cannot quantize the layer `rescaling` (Rescaling); int8 and dynamic_int8 still work"
            )
            keep = {"id": one["id"], "recipe": one["recipe"], "ok": False, "reasons": [reason]}
            one.clear()
            one.update(keep)
    within = [one for one in everyone if one.get("within_budget")]
    chosen = min(within, key=lambda c: c["latency_ms"]["p50"] * c["size_bytes"])["id"] if within else None
    return {
        "proof": proof([one for one in everyone if one.get("drop")][1:], settings, regression, examples),
        "baseline": everyone[0],
        "candidates": everyone,
        "chosen": chosen,
        "verdict": f"{chosen} is the best balance of {len(within)} candidates within the budget."
        if chosen
        else "No candidate is within the budget. Closest: none--int8. Allow more.",
        "latency_runs": 400,
        "cpu": "Intel(R) Xeon(R) Processor @ 2.10GHz",
    }


def data_summary(names: list[str], regression: bool) -> dict[str, Any]:
    columns = [
        {"name": "pixels", "kind": "numeric", "missing": 0, "mean": 4.88, "std": 6.02, "minimum": 0.0},
        {"name": "writer", "kind": "categorical", "missing": 12, "most_frequent": {"w07": 52, "w12": 44}},
    ]
    columns[0]["maximum"], columns[1]["distinct"] = 16.0, 43
    shares = {"train": 100, "validation": 11, "test": 28}
    counts = {split: {name: n + i % 9 for i, name in enumerate(names)} for split, n in shares.items()}
    return {
        "rows": {"train": 1293, "validation": 144, "test": 360},
        "task": "regression" if regression else "classification",
        "classes": [] if regression else names,
        "fingerprint": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "warnings": [
            "the column `duration` alone predicts the label with 97 % accuracy: is it known beforehand?"
        ],
        "class_counts": {} if regression else counts,
        "columns": columns,
        "input_shape": [8, 8, 1],
    }


def sharded(
    settings: Config, selection: dict[str, Any], examples: int, epochs: Callable[[], list[dict[str, float]]]
) -> list[StageRecord]:
    """Returns the records of the tasks that work on one of two shards."""
    everyone = {one["id"]: one for one in selection["candidates"]}
    records: dict[str, list[StageRecord]] = {"prune": [], "quantize": [], "evaluate": []}
    for shard in ("1/2", "2/2"):
        pruned, quantized, evaluated = ([], [], [])  # type: tuple[list[EntryRecord], ...]
        for branch in chains.shard(settings.branches(), shard):
            if branch.steps:
                about = {"weights_sha256": "cd" * 32, "cost": COST, "history": epochs()}
                pruned.append(EntryRecord(name=branch.id, seconds=9.5, summary=about))
            for ending in branch.endings:
                one = everyone[ending.candidate]
                if not one["ok"]:
                    reason = one["reasons"][0]
                    quantized.append(EntryRecord(name=one["id"], ok=False, seconds=4.1, reason=reason))
                    continue
                about = {
                    "runtime": "litert",
                    "size_bytes": one["size_bytes"],
                    "max_difference": 0.0,
                    "cost": COST,
                }
                quantized.append(EntryRecord(name=one["id"], seconds=4.1, summary=about))
                measured = ("metrics", "per_class", "confusion", "size_bytes", "gzip_bytes")
                about = {key: one[key] for key in measured if key in one}
                about |= {"runtime": "litert", "examples": examples, "cost": COST}
                about["task"] = "regression" if "mae" in one["metrics"] else "classification"
                evaluated.append(EntryRecord(name=one["id"], seconds=0.8, summary=about))
        for stage, entries in (("prune", pruned), ("quantize", quantized), ("evaluate", evaluated)):
            seconds = sum(entry.seconds for entry in entries)
            records[stage].append(StageRecord(stage=stage, shard=shard, seconds=seconds, entries=entries))
    return [record for stage in records.values() for record in stage]


def make_records(
    *,
    classes: int = 10,
    names: list[str] | None = None,
    regression: bool = False,
    prunes: int = 3,
    examples: int = 360,
) -> tuple[Config, list[StageRecord]]:
    """Returns the resolved config and the records of a whole run that went well."""
    names = names or [str(i) for i in range(classes)]
    settings, rng = config(len(names), regression, prunes), np.random.default_rng(0)
    selection = select(settings, [] if regression else names, regression, examples)
    trials = [
        {
            "trial": str(i),
            "values": {"width": 16 + 8 * i},
            "score": 0.9 + 0.01 * i,
            "reason": "",
            "seconds": 4.5,
        }
        for i in range(6)
    ]
    search = {"objective": "val_accuracy", "score": trials[5]["score"], "trials": trials}
    found = [
        StageRecord(stage="data_prep", seconds=1.8, summary=data_summary(names, regression)),
        StageRecord(stage="tune", seconds=31.0, summary=search),
        StageRecord(
            stage="train",
            seconds=42.3,
            summary={
                "history": history(20, regression, rng),
                "validation": {"loss": 0.12, "mae" if regression else "accuracy": 0.972},
                "weights_sha256": "ab" * 32,
                "cost": COST,
                "warnings": [],
                "best_epoch": 17,
            },
        ),
    ]
    found += sharded(settings, selection, examples, lambda: history(5, regression, rng))
    found.append(StageRecord(stage="select", seconds=3.7, summary=selection))
    if selection["chosen"]:
        why = "there is no champion to be compared with: no model is deployed at /runs/deployed/digits yet"
        compared = {"promote": True, "finding": "no_champion", "why": why}
        found.append(StageRecord(stage="compare", seconds=0.1, summary=compared))
        found.append(
            StageRecord(stage="deploy", seconds=1.2, summary={"uri": "/runs/deployed/digits/3", "version": 3})
        )
    for record in found:
        record.ok = True
        record.warnings = list(record.summary.get("warnings", []))
    return settings, found


@pytest.fixture(scope="session")
def run_records() -> Callable[..., tuple[Config, list[StageRecord]]]:
    """Returns `make_records`."""
    return make_records


def make_retraining(
    *, finding: str = "better", promote: bool = True, forced: bool = False, regression: bool = False
) -> tuple[Config, list[StageRecord]]:
    """Returns the resolved config and the records of a retraining of champion 3 that went well."""
    settings, found = make_records(prunes=0, regression=regression)
    who = {"by": "ada@lab", "reason": "the label was wrong"} if forced else None
    none: dict[str, Any] = {"count": 0, "first": []}
    changes = {
        "added": {"count": 1, "first": ["train/february.csv"]},
        "removed": none,
        "changed": none,
        "rows_before": {"train": 1293},
        "rows_after": {"train": 1500},
    }
    checked = {
        "needed": True,
        "reasons": ["there is new data: 1 file new: train/february.csv"],
        "changes": changes,
        "champion": 3,
        "forced": who,
    }
    planned = {
        "version": 3,
        "usable": True,
        "warm": True,
        "reasons": [],
        "candidates": list(settings.candidates()),
    }
    latency = {"p50": 0.1, "p95": 0.2, "p99": 0.3, "threads": 1}
    before, after = ({"mae": 41.0}, {"mae": 40.0}) if regression else ({"accuracy": 0.95}, {"accuracy": 0.97})
    drop = {"confidence": 0.95, "examples": 360}
    judged = {
        "promote": promote or forced,
        "finding": finding,
        "why": f"{finding} than v3, 95 % sure",
        "version": 3,
        "champion": {"metrics": before, "size_bytes": 30_000, "latency_ms": latency},
        "challenger": {"metrics": after, "size_bytes": 29_000, "latency_ms": latency},
        "loss": {"observed": -0.02, "upper_bound": -0.004, **drop},
        "gain": {"observed": 0.02, "upper_bound": 0.036, **drop},
        "tolerated": 0.02,
        "forced": who,
    }
    for record in found:
        if record.stage == "train":
            record.summary |= {"start": "champion v3", "start_reason": "the data is of the same kind"}
        if record.stage == "data_prep":
            record.summary |= {"schema_changes": ["the class d is new in label"], "drift": None}
    whole = [
        StageRecord(stage="check_data", ok=True, seconds=0.2, summary=checked),
        StageRecord(stage="plan", ok=True, seconds=0.1, summary=planned),
        *(record for record in found if record.stage not in ("compare", "deploy")),
        StageRecord(stage="compare", ok=True, seconds=0.7, summary=judged),
    ]
    if promote or forced:
        deployed = {"uri": "/runs/deployed/digits/4", "version": 4}
        whole.append(StageRecord(stage="deploy", ok=True, seconds=1.2, summary=deployed))
    return settings, whole


@pytest.fixture(scope="session")
def retrain_records() -> Callable[..., tuple[Config, list[StageRecord]]]:
    """Returns `make_retraining`."""
    return make_retraining
