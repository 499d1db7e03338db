"""The evaluate stage: quality and size of one candidate, on the whole test split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from trimtab import progress
from trimtab.artifacts.evaluation import Cost, Evaluation
from trimtab.batch import INPUT, OUTPUT
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import ArtifactError, DataError, ModelError
from trimtab.evaluate import metrics
from trimtab.runtimes import files
from trimtab.runtimes.base import LoadedModel, width
from trimtab.runtimes.registry import DEFAULT, runtime
from trimtab.stages.stage import recorded
from trimtab.storage import artifact

CANDIDATE_FILE = "candidate.json"
EVALUATION_FILE, SCORES_FILE, OUTPUTS_FILE = "evaluation.json", "scores.npy", "outputs.npy"
_BATCH = 256


class _Candidate(BaseModel):
    """``candidate.json``, as far as this stage reads it."""

    candidate: str
    ok: bool
    reason: str = ""
    runtime: str = DEFAULT
    cost: Cost | None = None


def run(*, config: str, run: str, candidate: str, dataset: str, quantized: str, evaluation: str) -> None:
    """Evaluates a candidate through the runtime that will serve it.

    A candidate that could not be made, that the runtime refuses, or whose outputs are not numbers, is
    recorded with its reason; the run goes on without it.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        candidate: The candidate's id.
        dataset: The ``dataset`` artifact.
        quantized: The ``candidate`` artifact.
        evaluation: Where the ``evaluation`` artifact goes.
    """
    Config.model_validate_json(config)
    with recorded("evaluate", run, candidate) as record:
        source = artifact.load(quantized, "candidate")
        described = _described(source.path, candidate)
        data = Dataset.open(dataset)
        _check_lineage(source, data)
        arrays: dict[str, NDArray[np.float32]] = {}
        try:
            if not described.ok:
                raise ModelError(described.reason or "it could not be made, for no known reason")
            found, arrays = _evaluate(source.path, described, data)
        except ModelError as error:
            found = Evaluation(
                candidate=candidate,
                runtime=described.runtime,
                ok=False,
                reason=error.message,
                cost=described.cost,
            )
        with artifact.create(evaluation, "evaluation") as draft:
            (draft.path / EVALUATION_FILE).write_text(found.model_dump_json(indent=2) + "\n")
            for name, values in arrays.items():
                np.save(draft.path / name, values)
            draft.counts = {"examples": found.examples}
            draft.lineage = {
                "candidate": candidate,
                "quantized": source.digest,
                "dataset": data.fingerprint,
                "ok": found.ok,
                "reason": found.reason,
            }
        record.summary = found.model_dump(mode="json")
        progress.say(f"evaluate {candidate}", _in_a_line(found))


def _in_a_line(found: Evaluation) -> str:
    if not found.ok:
        return f"not usable: {found.reason.splitlines()[0]}"
    name = "accuracy" if "accuracy" in found.metrics else "mae"
    size = f"{found.size_bytes / 1000:,.1f} kB"
    return f"{name} {found.metrics[name]:.4g} on {found.examples:,} test examples, {size}"


def _described(directory: Path, candidate: str) -> _Candidate:
    described = _Candidate.model_validate_json((directory / CANDIDATE_FILE).read_bytes())
    if described.candidate != candidate:
        raise ArtifactError(
            f"expected candidate {candidate}, found {described.candidate}", path=str(directory)
        )
    return described


def _check_lineage(source: artifact.Artifact, data: Dataset) -> None:
    made_from = source.lineage.get("dataset", data.fingerprint)
    if made_from != data.fingerprint:
        raise ArtifactError(
            f"the candidate was made from data {made_from}, and this is {data.fingerprint}",
            path=str(source.path),
        )


def _evaluate(
    directory: Path, described: _Candidate, data: Dataset
) -> tuple[Evaluation, dict[str, NDArray[np.float32]]]:
    outputs, labels = _outputs(runtime(described.runtime).load(directory), data)
    broken = int((~np.isfinite(outputs)).any(axis=1).sum())
    if broken:
        raise ModelError(f"its outputs are not finite numbers on {broken:,} of {len(labels):,} test examples")
    schema = data.schema
    if schema.task == "classification":
        quality = metrics.classification(outputs, labels, schema.classes)
    else:
        quality = metrics.regression(outputs, labels, schema.label_mean, schema.label_std)
    serving = runtime(described.runtime)
    found = Evaluation(
        candidate=described.candidate,
        ok=True,
        examples=len(labels),
        metrics=quality.metrics,
        per_class=quality.per_class,
        confusion=quality.confusion,
        runtime=serving.name,
        size_bytes=files.size_bytes(serving, directory),
        gzip_bytes=files.gzip_bytes(serving, directory),
        cost=described.cost,
    )
    return found, {SCORES_FILE: quality.scores, OUTPUTS_FILE: outputs}


def _outputs(model: LoadedModel, data: Dataset) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Returns the outputs and the labels of the test split, in its order."""
    if not data.rows["test"]:
        raise DataError("the test split has no examples", path=str(data.path), field="data.test")
    if (found := width(model)) != data.schema.outputs:
        raise ModelError(f"expected {data.schema.outputs} outputs, found {found}")
    parts = [(model.predict({INPUT: x})[OUTPUT], y) for x, y in data.batches("test", _BATCH)]
    outputs, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    return outputs, labels
