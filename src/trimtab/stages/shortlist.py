"""The shortlist stage: gathers the pruned models, and drops those that already broke the accuracy budget.

Every quantization of a pruned model costs a task of its own, and none gains accuracy back worth the name; so
a model whose loss on the validation examples is *proven* to exceed the budget is not quantized at all. The
proof is one-sided and paired. With ``b`` and ``c`` the scores of baseline and model on the same example, and
``m`` the budget's margin, the excess of an example is

- classification (1 for right, 0 for wrong): ``(b - c) - m``,
- regression (absolute error): ``c - (1 + m) * b``, Fieller's linearization of a ratio of means,

and a model is dropped when the lower confidence limit of the mean excess, by the normal approximation, is
above 0. A model in doubt stays: the final proof is ``select``'s, on test examples that nothing was chosen on.

Source: Fieller, "Some problems in interval estimation", Journal of the Royal Statistical Society B 16, 1954.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from statistics import NormalDist

import numpy as np

from trimtab.config.budget import Budget
from trimtab.config.chains import UNCHANGED
from trimtab.config.config import Config
from trimtab.errors import ArtifactError, ModelError
from trimtab.stages.stage import recorded
from trimtab.storage.artifact import Artifact, create, load

SCORES_FILE = "validation_scores.npy"
SHORTLIST_FILE = "shortlist.json"


def run(*, config: str, run: str, pruned: list[str], shortlist: str) -> list[str]:
    """Gathers the pruned models that may still meet the budget.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        pruned: The ``model`` artifacts of all recipes, in any order.
        shortlist: Where the ``shortlist`` artifact goes: a directory for every surviving recipe, and
            ``shortlist.json`` with the reasons of those dropped.

    Returns:
        The ids of the candidates to make, in the config's order; the float baseline is always the first.
    """
    settings = Config.model_validate_json(config)
    with recorded("shortlist", run) as record:
        models = {str(model.lineage["recipe"]): model for model in (load(path, "model") for path in pruned)}
        dropped = _dropped(models, settings)
        survivors = [recipe for recipe in settings.branches() if recipe in models and recipe not in dropped]
        with create(shortlist, "shortlist") as draft:
            for recipe in survivors:
                shutil.copytree(models[recipe].path, draft.path / recipe)
            found = {"survivors": survivors, "dropped": dropped}
            (draft.path / SHORTLIST_FILE).write_text(json.dumps(found, indent=2) + "\n")
            draft.counts = {"models": len(survivors)}
        candidates = [
            name for name, candidate in settings.candidates().items() if candidate.branch.id in survivors
        ]
        record.summary = {**found, "candidates": candidates}
        return candidates


def _dropped(models: dict[str, Artifact], settings: Config) -> dict[str, str]:
    """Returns why each model that does not survive is left out, by recipe."""
    baseline = models.get(UNCHANGED)
    if baseline is None:
        raise ArtifactError("the baseline model is missing among the pruned models", field=UNCHANGED)
    if not baseline.lineage["ok"]:
        raise ModelError(str(baseline.lineage["reason"]), path=str(baseline.path))
    reference, dropped = _scores(baseline), {}
    for recipe in settings.branches():
        model = models.get(recipe)
        if model is None:
            dropped[recipe] = "no model was made"
        elif not model.lineage["ok"]:
            dropped[recipe] = str(model.lineage["reason"])
        elif model is not baseline:
            reason = over_budget(reference, _scores(model), settings.budget, str(baseline.lineage["task"]))
            dropped.update({recipe: reason} if reason else {})
    return dropped


def over_budget(baseline: np.ndarray, scores: np.ndarray, budget: Budget, task: str) -> str:
    """Returns why a model is proven to break the accuracy budget, or an empty string.

    Args:
        baseline: The baseline's validation scores, ``(examples,)``: 1 for right and 0 for wrong, or the
            absolute error.
        scores: The model's scores on the same examples, ``(examples,)``.
        budget: The limits, and how sure to be.
        task: ``classification`` or ``regression``.

    Raises:
        ArtifactError: If the two were not scored on the same number of examples.
    """
    if baseline.shape != scores.shape:
        raise ArtifactError(f"expected {baseline.shape} validation scores, found {scores.shape}")
    before, after, n = baseline.astype(np.float64), scores.astype(np.float64), len(scores)
    if n < 2:
        return ""
    if task == "classification":
        margin, scale, what = budget.max_accuracy_drop, 1.0, "accuracy falls by"
        excess = (before - after) - margin
    else:
        margin, scale, what = budget.max_error_increase, float(before.mean()), "mean absolute error rises by"
        excess = after - (1 + margin) * before
    z = NormalDist().inv_cdf(budget.confidence)
    lower = float(excess.mean()) - z * float(excess.std(ddof=1)) / math.sqrt(n)
    if not lower > 0:
        return ""
    least = f"at least {margin + lower / scale:.2%} (observed {margin + float(excess.mean()) / scale:.2%})"
    return (
        f"{what} {least} at {budget.confidence:.0%} confidence on {n} validation examples; "
        f"the budget allows {margin:.2%}"
    )


def _scores(model: Artifact) -> np.ndarray:
    scores: np.ndarray = np.load(Path(model.path) / SCORES_FILE, allow_pickle=False)
    return scores
