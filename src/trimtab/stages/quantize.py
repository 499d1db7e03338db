"""The quantize stage: one candidate, as a LiteRT file, from one pruned model.

A candidate that cannot be made is ``ok: false`` with its reason, never a failed stage.
"""

from __future__ import annotations

import json
import traceback
from typing import Any

from trimtab.config.config import Config, split_candidate
from trimtab.config.recipes import NoQuantize, Quantize
from trimtab.errors import StorageError, TrimtabError
from trimtab.stages.imports import light_imports
from trimtab.stages.prune import FLOAT_FILE, MODEL_FILE
from trimtab.stages.stage import StageRecord, recorded
from trimtab.storage.artifact import Artifact, create, load

FLATBUFFER_FILE, CANDIDATE_FILE = "model.tflite", "candidate.json"


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
        recipe, _ = split_candidate(candidate)
        parent = load(load(shortlist, "shortlist").path / recipe, "model")
        _, method = settings.candidates()[candidate]
        try:
            flatbuffer, difference = _quantize(
                settings, run, record, method, dataset, hyperparameters, parent
            )
            outcome: dict[str, Any] = {"ok": True, "reason": "", "max_difference": difference}
        except StorageError:
            raise  # no fault of the candidate's: run again, it may be the best
        except Exception as error:
            # A candidate that fails, for whatever reason, is a candidate less and not a run less.
            flatbuffer, outcome = b"", {"ok": False, "reason": _reason(error, record), "max_difference": None}
        with create(quantized, "candidate") as draft:
            if flatbuffer:
                (draft.path / FLATBUFFER_FILE).write_bytes(flatbuffer)
            found = {
                "candidate": candidate,
                **outcome,
                "cost": parent.lineage["cost"] if flatbuffer else None,
            }
            (draft.path / CANDIDATE_FILE).write_text(json.dumps(found, indent=2) + "\n")
            draft.lineage = {**parent.lineage, **found, "quantize": method.method, "parent": parent.digest}
        record.summary |= {**found, "size_bytes": len(flatbuffer)}


def _quantize(
    config: Config,
    run: str,
    record: StageRecord,
    method: Quantize,
    dataset: str,
    hyperparameters: str,
    parent: Artifact,
) -> tuple[bytes, float]:
    """Returns the candidate's file, and the largest difference of its outputs from Keras'."""
    if isinstance(method, NoQuantize):
        return (parent.path / FLOAT_FILE).read_bytes(), float(parent.lineage["max_difference"])
    with light_imports():
        from trimtab.compress import registry
        from trimtab.compress.convert import compare
        from trimtab.compress.no_quantize import PROBE_EXAMPLES
        from trimtab.data.dataset.dataset import Dataset
        from trimtab.models import archive
        from trimtab.stages.context import compression_context

    data = Dataset.open(dataset)
    context = compression_context(
        config=config,
        run=run,
        record=record,
        data=data,
        hyperparameters=hyperparameters,
        parent=parent,
    )
    model = archive.load(parent.path / MODEL_FILE)
    flatbuffer = registry.quantize_method(method.method)(model, method, context)
    return flatbuffer, compare(model, flatbuffer, context.calibration(PROBE_EXAMPLES))


def _reason(error: Exception, record: StageRecord) -> str:
    if isinstance(error, TrimtabError):
        return error.describe()
    record.summary["traceback"] = traceback.format_exc()
    return f"unexpected {type(error).__name__}: {error}"
