"""Whole runs of tasks that are neither one class a row nor a number, as a user starts them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from in_process import trimtab as command
from sklearn.datasets import load_breast_cancer, load_digits

pytestmark = pytest.mark.slow

TRAITS = {"even": {0, 2, 4, 6, 8}, "prime": {2, 3, 5, 7}, "loop": {0, 6, 8, 9}}
MANY = [
    [["none", "dynamic_int8", "int8", "qat_int8"]],
    [{"channels": {"ratio": 0.25, "epochs": 2, "teacher": "baseline"}}, "none"],
    [{"magnitude": {"sparsity": 0.5, "epochs": 2}}, "none"],
]
LABELS = {
    "name": "traits",
    "data": {"train": "digits.csv", "label": list(TRAITS)},
    "model": {"architecture": "mlp", "params": {"units": 48}},
    "train": {"epochs": 10, "batch_size": 32, "learning_rate": 0.003},
    "recipes": MANY,
    "budget": {
        "max_accuracy_drop": 0.3,
        "limits": [{"metric": "macro_f1", "max_drop": 0.4}],
        "per_class": {"metric": "recall", "max_drop": 0.5},
    },
}
ANOMALIES = {
    "name": "tumours",
    "data": {"train": "sklearn://breast_cancer", "normal": "benign"},
    "model": {"architecture": "autoencoder", "params": {"units": 48, "bottleneck": 6}},
    "train": {"epochs": 20, "batch_size": 16, "learning_rate": 0.003},
    "runtimes": ["litert", "onnxruntime"],
    "recipes": MANY,
    "budget": {"max_accuracy_drop": 0.3},
}


def trimtab(directory: Path, *arguments: str) -> str:
    done = command(directory, *arguments)
    assert done.returncode in (0, 5), done.stderr[-3000:]
    return done.stdout


def run(directory: Path, config: dict[str, Any]) -> dict[str, Any]:
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    result: dict[str, Any] = json.loads(trimtab(directory, "run", "config.yaml", "--json"))
    for candidate in result["candidates"]:
        assert candidate["ok"] or "no operator was quantized" in candidate["reasons"][0], candidate
    assert len([candidate for candidate in result["candidates"] if candidate["ok"]]) >= 5
    return result


def answers(directory: Path, name: str, rows: str) -> list[dict[str, Any]]:
    lines = trimtab(directory, "predict", f"runs/deployed/{name}", "--input", rows).splitlines()
    return [json.loads(line) for line in lines]


def test_several_labels_a_row_go_from_the_data_to_answers(tmp_path: Path) -> None:
    digits = load_digits()
    with (tmp_path / "digits.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"p{place}" for place in range(64)), *TRAITS])
        for pixels, digit in zip(digits.data, digits.target, strict=True):
            writer.writerow([*pixels, *(int(digit in having) for having in TRAITS.values())])
    result = run(tmp_path, LABELS)
    assert result["data"]["classes"] == list(TRAITS)
    assert {test["limit"] for test in result["proof"]["tested"][0]["limits"]} >= {"macro F1"}
    for candidate in (one for one in result["candidates"] if one["ok"]):
        assert len(candidate["thresholds"]) == 3
        assert candidate["metrics"]["sample_f1"] > 0.8
        assert set(candidate["per_class"]) == set(TRAITS)
    chosen = next(one for one in result["candidates"] if one["id"] == result["chosen"])
    schema = json.loads((tmp_path / "runs/deployed/traits/1/schema.json").read_text())
    assert schema["thresholds"] == chosen["thresholds"]
    found = answers(tmp_path, "traits", "digits.csv")
    for answer in found[:50]:
        probabilities = answer["probabilities"].values()
        past = [share >= least for share, least in zip(probabilities, schema["thresholds"], strict=True)]
        assert answer["labels"] == [name for name, is_past in zip(TRAITS, past, strict=True) if is_past]
    right = [
        set(answer["labels"]) == {name for name, having in TRAITS.items() if digit in having}
        for answer, digit in zip(found, digits.target, strict=True)
    ]
    assert sum(right) / len(right) > 0.8


def test_anomalies_are_found_by_a_model_that_saw_none(tmp_path: Path) -> None:
    result = run(tmp_path, ANOMALIES)
    assert result["data"]["rows"]["train"] < 300
    for candidate in (one for one in result["candidates"] if one["ok"]):
        assert candidate["metrics"]["roc_auc"] > 0.8
        assert len(candidate["thresholds"]) == 1
    (limit,) = result["proof"]["limits"]
    assert (limit["metric"], limit["bound"]) == ("roc_auc", "area")
    cancer = load_breast_cancer()
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(cancer.feature_names)
        writer.writerows(cancer.data)
    found = [answer["is_anomaly"] for answer in answers(tmp_path, "tumours", "rows.csv")]
    malignant = [is_it for is_it, kind in zip(found, cancer.target, strict=True) if kind == 0]
    benign = [is_it for is_it, kind in zip(found, cancer.target, strict=True) if kind == 1]
    assert sum(benign) / len(benign) < 0.15
    assert sum(malignant) / len(malignant) > 3 * sum(benign) / len(benign)
