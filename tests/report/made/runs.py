"""Records of runs as the stages leave them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from report.made.candidates import COST
from report.made.selection import select

from trimtab.artifacts.record import EntryRecord, StageRecord
from trimtab.config import chains
from trimtab.config.config import Config


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
