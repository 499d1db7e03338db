"""The quantize stage: one candidate, as the files of its runtime, from one pruned model.

A candidate that cannot be made is ``ok: false`` with its reason, never a failed stage.
"""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

from trimtab.config.chains import UNCHANGED, Ending
from trimtab.config.config import Config
from trimtab.errors import StorageError, TrimtabError
from trimtab.runtimes import files
from trimtab.runtimes.registry import runtime
from trimtab.stages.imports import light_imports
from trimtab.stages.prune import FLOAT, FLOAT_ENDING, MODEL_FILE
from trimtab.stages.stage import StageRecord, recorded
from trimtab.storage.artifact import Artifact, create, load

CANDIDATE_FILE = "candidate.json"


def run(
    *,
    config: str,
    run: str,
    candidate: str,
    dataset: str,
    hyperparameters: str,
    shortlist: str,
    quantized: str,
) -> None:
    """Makes one candidate.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        candidate: Its id.
        dataset: The ``dataset`` artifact.
        hyperparameters: The ``hyperparameters`` artifact.
        shortlist: The ``shortlist`` artifact.
        quantized: Where the ``candidate`` artifact goes.
    """
    settings = Config.model_validate_json(config)
    with recorded("quantize", run, candidate, saves=True) as record:
        chosen, gathered = settings.candidates()[candidate], load(shortlist, "shortlist").path
        parent, ending = load(gathered / chosen.branch.id, "model"), chosen.ending
        trained = gathered / UNCHANGED / MODEL_FILE
        with create(quantized, "candidate") as draft:
            found: dict[str, Any] = {
                "candidate": candidate,
                "runtime": ending.runtime,
                "cost": None,
                "max_difference": None,
            }
            try:
                difference = _quantize(
                    settings, run, record, ending, dataset, hyperparameters, parent, trained, draft.path
                )
                found |= {"ok": True, "reason": "", "max_difference": difference}
                found |= {"cost": parent.lineage["cost"]}
                size = files.size_bytes(runtime(ending.runtime), draft.path)
            except StorageError:
                raise  # no fault of the candidate's: run again, it may be the best
            except Exception as error:
                # A candidate that fails, for whatever reason, is a candidate less and not a run less.
                found, size = found | {"ok": False, "reason": _reason(error, record)}, 0
                for path in files.paths(runtime(ending.runtime), draft.path):
                    path.unlink(missing_ok=True)
            (draft.path / CANDIDATE_FILE).write_text(json.dumps(found, indent=2) + "\n")
            draft.lineage = {**parent.lineage, **found, "parent": parent.digest}
            draft.lineage |= {"quantize": ending.step.name}
        record.summary |= {**found, "size_bytes": size}


def _quantize(
    config: Config,
    run: str,
    record: StageRecord,
    ending: Ending,
    dataset: str,
    hyperparameters: str,
    parent: Artifact,
    trained: Path,
    directory: Path,
) -> float:
    """Writes the candidate's files; returns the largest difference of their outputs from Keras'."""
    if ending.step.name == UNCHANGED and ending.runtime == FLOAT_ENDING.runtime:
        files.copy(runtime(ending.runtime), parent.path / FLOAT, directory)
        return float(parent.lineage["max_difference"])
    with light_imports():
        from trimtab.compress.ending import write
        from trimtab.data.dataset.dataset import Dataset
        from trimtab.models import archive
        from trimtab.stages.context import compression_context

    context = compression_context(
        config=config,
        run=run,
        record=record,
        item=record.item,
        data=Dataset.open(dataset),
        hyperparameters=hyperparameters,
        parent=parent,
        baseline=lambda: archive.load(trained),
    )
    return write(archive.load(parent.path / MODEL_FILE), ending, directory, context)


def _reason(error: Exception, record: StageRecord) -> str:
    if isinstance(error, TrimtabError):
        return error.describe()
    record.summary["traceback"] = traceback.format_exc()
    return f"unexpected {type(error).__name__}: {error}"
