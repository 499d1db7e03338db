"""The prune stage: one recipe applied to the trained model, fine-tuned, converted and counted.

Beside ``model.keras`` it writes ``float/``, its files for LiteRT, checked against Keras: the float candidate
is then a copy, and its task need not import TensorFlow. A recipe that fails leaves an artifact with
``ok: false`` and the reason in its lineage; only the baseline must not fail.
"""

from __future__ import annotations

import shutil
import traceback
from typing import Any

from trimtab.config.chains import BASELINE, UNCHANGED, Ending, Step
from trimtab.config.config import Config
from trimtab.errors import CompressionError, ModelError, StorageError, TrimtabError
from trimtab.runtimes.quantizations import Float32
from trimtab.stages.imports import light_imports
from trimtab.stages.stage import StageRecord, recorded
from trimtab.storage.artifact import Artifact, Draft, create, load

MODEL_FILE, FLOAT, SCORES_FILE = "model.keras", "float", "validation_scores.npy"
FLOAT_ENDING = Ending(BASELINE, Step(UNCHANGED, Float32()), "litert")
CARRIED_FILES = ("signature.json", "history.json")


def run(
    *, config: str, run: str, recipe: str, dataset: str, hyperparameters: str, model: str, pruned: str
) -> None:
    """Prunes the trained model by one recipe.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        recipe: The id of the pruning.
        dataset: The ``dataset`` artifact.
        hyperparameters: The ``hyperparameters`` artifact.
        model: The trained ``model`` artifact.
        pruned: Where the pruned ``model`` artifact goes.
    """
    settings = Config.model_validate_json(config)
    with recorded("prune", run, recipe, saves=True) as record:
        parent = load(model, "model")
        with create(pruned, "model") as draft:
            draft.lineage = {**parent.lineage, "recipe": recipe, "parent": parent.digest}
            for name in CARRIED_FILES:
                shutil.copy2(parent.path / name, draft.path / name)
            try:
                found = _prune(settings, run, record, dataset, hyperparameters, parent, draft)
            except StorageError:
                raise  # no fault of the recipe's: run again, it may be the best
            except Exception as error:
                # A recipe that fails, for whatever reason, is a candidate less and not a run less.
                found = _failed(error, recipe, record)
                for name in (MODEL_FILE, SCORES_FILE):
                    (draft.path / name).unlink(missing_ok=True)
                shutil.rmtree(draft.path / FLOAT, ignore_errors=True)
            draft.lineage |= found
        record.summary |= found


def _prune(
    config: Config,
    run: str,
    record: StageRecord,
    dataset: str,
    hyperparameters: str,
    parent: Artifact,
    draft: Draft,
) -> dict[str, Any]:
    """Writes the pruned model's files, and returns what is to be known of it."""
    with light_imports():
        import numpy as np

        from trimtab.compress import ending, traits
        from trimtab.compress.apply import apply
        from trimtab.compress.base import Context
        from trimtab.data.dataset.dataset import Dataset
        from trimtab.models import archive, cost
        from trimtab.stages.context import compression_context
        from trimtab.train.scores import validation_scores

    branch, data = config.branches()[record.item], Dataset.open(dataset)

    def context(item: str) -> Context:
        return compression_context(
            config=config,
            run=run,
            record=record,
            item=item,
            data=data,
            hyperparameters=hyperparameters,
            parent=parent,
            baseline=lambda: source,
        )

    made = source = archive.load(parent.path / MODEL_FILE)
    for place, step in enumerate(branch.steps):
        made = apply(step, made, context(f"{branch.id}.{place}" if place else branch.id))
    max_difference = ending.write(made, FLOAT_ENDING, draft.path / FLOAT, context(branch.id))
    if made is source:
        shutil.copy2(parent.path / MODEL_FILE, draft.path / MODEL_FILE)
        shutil.copy2(parent.path / SCORES_FILE, draft.path / SCORES_FILE)
    else:
        made.save(draft.path / MODEL_FILE)
        np.save(draft.path / SCORES_FILE, validation_scores(made, data))
    return {
        "ok": True,
        "reason": "",
        "task": data.schema.task,
        "weights_sha256": cost.weights_sha256(made),
        "max_difference": max_difference,
        "traits": traits.measure(made).model_dump(),
        "cost": {
            "parameters": cost.parameters(made),
            "macs": cost.macs(made),
            "sparsity": cost.sparsity(made),
        },
    }


def _failed(error: Exception, recipe: str, record: StageRecord) -> dict[str, Any]:
    """Returns what is to be known of a recipe that failed; the baseline's failure is the run's."""
    if recipe == UNCHANGED:
        if isinstance(error, CompressionError):
            raise ModelError(error.message, field=error.field, hint=error.hint) from error
        raise error
    if isinstance(error, TrimtabError):
        return {"ok": False, "reason": error.describe()}
    record.summary["traceback"] = traceback.format_exc()
    return {"ok": False, "reason": f"unexpected {type(error).__name__}: {error}"}
