"""The shortlist stage: what survives, what is dropped and why, without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trimtab.config.budget import Budget
from trimtab.config.config import Config
from trimtab.errors import ArtifactError
from trimtab.stages import shortlist
from trimtab.stages.stage import records
from trimtab.storage import artifact

RECIPES = [
    {"prune": {"method": "channels", "ratio": 0.5}, "quantize": ["int8", "none"]},
    {"prune": {"method": "magnitude", "sparsity": 0.9}, "quantize": ["int8"]},
    {"prune": "none", "quantize": ["none", "float16"]},
]
CONFIG = Config.model_validate(
    {"data": {"train": "x.csv"}, "model": {"architecture": "mlp"}, "recipes": RECIPES}
).model_dump_json()


def right(share: float, n: int = 1000) -> np.ndarray:
    return (np.arange(n) < share * n).astype(np.float32)


def pruned(folder: Path, recipe: str, scores: np.ndarray | None, reason: str = "") -> str:
    with artifact.create(folder / recipe, "model") as draft:
        draft.lineage = {
            "recipe": recipe,
            "ok": scores is not None,
            "reason": reason,
            "task": "classification",
        }
        if scores is not None:
            (draft.path / "model.keras").write_bytes(recipe.encode())
            np.save(draft.path / "validation_scores.npy", scores)
    return str(folder / recipe)


def run(tmp_path: Path, paths: list[str]) -> list[str]:
    target = str(tmp_path / "shortlist")
    return shortlist.run(config=CONFIG, run=str(tmp_path / "run"), pruned=paths, shortlist=target)


def test_survivors_are_copied_and_their_candidates_come_in_the_order_of_the_config(tmp_path: Path) -> None:
    paths = [
        pruned(tmp_path, "magnitude-0.9", right(0.80)),
        pruned(tmp_path, "none", right(0.95)),
        pruned(tmp_path, "channels-0.5", right(0.945)),
    ]
    assert run(tmp_path, paths) == [
        "none--none",
        "channels-0.5--int8",
        "channels-0.5--none",
        "none--float16",
    ]
    found = artifact.load(tmp_path / "shortlist", "shortlist")
    inner = artifact.load(found.path / "channels-0.5", "model")
    assert (inner.path / "model.keras").read_bytes() == b"channels-0.5"
    assert sorted(path.name for path in found.path.iterdir() if path.is_dir()) == ["channels-0.5", "none"]
    content = json.loads((found.path / "shortlist.json").read_text())
    assert content["survivors"] == ["none", "channels-0.5"]
    assert "accuracy falls by at least 13." in content["dropped"]["magnitude-0.9"]
    (record,) = records(str(tmp_path / "run"))
    assert record.ok
    assert record.summary["dropped"] == content["dropped"]


def test_a_recipe_that_failed_keeps_its_reason(tmp_path: Path) -> None:
    paths = [pruned(tmp_path, "none", right(0.9)), pruned(tmp_path, "channels-0.5", None, "nothing to prune")]
    assert run(tmp_path, paths) == ["none--none", "none--float16"]
    content = json.loads((tmp_path / "shortlist" / "shortlist.json").read_text())
    assert content["dropped"] == {"channels-0.5": "nothing to prune", "magnitude-0.9": "no model was made"}


def test_a_damaged_model_stops_the_stage(tmp_path: Path) -> None:
    paths = [pruned(tmp_path, "none", right(0.9)), pruned(tmp_path, "channels-0.5", right(0.9))]
    (tmp_path / "channels-0.5" / "model.keras").write_bytes(b"channels-0.6")
    with pytest.raises(SystemExit):
        run(tmp_path, paths)
    assert "SHA-256" in records(str(tmp_path / "run"))[0].error


def test_without_the_baseline_there_is_no_shortlist(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        run(tmp_path, [pruned(tmp_path, "channels-0.5", right(0.9))])
    assert not (tmp_path / "shortlist").exists()


def test_tensorflow_stays_out() -> None:
    script = (
        "import sys, trimtab.stages.shortlist\n"
        "assert not {'tensorflow', 'keras', 'ai_edge_litert'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


BUDGET = Budget(max_accuracy_drop=0.02, max_error_increase=0.1, confidence=0.95)


@pytest.mark.parametrize(
    ("before", "after", "dropped"),
    [
        (right(0.95), right(0.95), False),
        (right(0.95), right(0.96), False),
        (right(0.95), right(0.93), False),
        (right(0.95), right(0.925), False),
        (right(0.95), right(0.90), True),
        (right(0.95, 20), right(0.90, 20), False),
        (right(1.0, 20), right(0.0, 20), True),
        (np.zeros(0, np.float32), np.zeros(0, np.float32), False),
        (np.ones(1, np.float32), np.zeros(1, np.float32), False),
    ],
)
def test_only_a_proven_drop_in_accuracy_counts(before: np.ndarray, after: np.ndarray, dropped: bool) -> None:
    assert bool(shortlist.over_budget(before, after, BUDGET, "classification")) is dropped


def test_only_a_proven_increase_of_the_error_counts() -> None:
    rng = np.random.default_rng(0)
    before = rng.exponential(2.0, 500).astype(np.float32)
    noise = rng.normal(1.0, 0.05, 500)
    assert not shortlist.over_budget(before, before * 1.09 * noise, BUDGET, "regression")
    reason = shortlist.over_budget(before, before * 1.3 * noise, BUDGET, "regression")
    assert "mean absolute error rises by at least 2" in reason
    assert "observed 29.8" in reason


def test_at_the_limit_the_error_rate_is_what_the_confidence_says() -> None:
    rng = np.random.default_rng(1)
    wrongly = 0
    for _ in range(2000):
        before = rng.random(1000) < 0.95
        broken = rng.random(1000) < 0.03
        mended = rng.random(1000) < 0.17
        # P(right before, wrong after) - P(wrong before, right after) = 0.95 * 0.03 - 0.05 * 0.17 = 0.02
        after = np.where(before, ~broken, mended)
        wrongly += bool(
            shortlist.over_budget(
                before.astype(np.float32), after.astype(np.float32), BUDGET, "classification"
            )
        )
    assert wrongly / 2000 < 0.065


def test_scores_of_other_examples_are_refused() -> None:
    with pytest.raises(ArtifactError, match="expected"):
        shortlist.over_budget(right(0.9), right(0.9, 999), BUDGET, "classification")
