"""Makes an evaluation of a candidate's files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts import dataset, evaluation
from trimtab.artifacts.evaluation import Evaluation, EvaluationLineage, Examples, OutputEvaluation
from trimtab.artifacts.file import FileSummary
from trimtab.artifacts.store import ContentStore
from trimtab.batch import answered, fed
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.schema import DatasetSchema
from trimtab.errors import DataError, ModelError
from trimtab.runtimes import files
from trimtab.runtimes.base import LoadedModel, width
from trimtab.runtimes.registry import runtime
from trimtab.tasks.of_labels import meant

_BATCH = 256


def make(run_uri: str, ref: str, label: str, dataset_ref: str, file_ref: str) -> None:
    """Runs a candidate on the whole test split, and keeps what it answers and how good that is.

    So it does on the validation split: from that comes the order of the tests in ``select``.

    Args:
        run_uri: The URI of the run's directory.
        ref: The entry to make.
        label: The stage and the candidate.
        dataset_ref: The dataset; of its splits, validation and test are read.
        file_ref: The candidate's files.
    """
    del label
    store = ContentStore(run_uri)
    source, data = store.open(file_ref), dataset.read(store, dataset_ref, ["validation", "test"])
    about = FileSummary.model_validate(source.manifest.summary)
    serving = runtime(about.runtime)
    model = serving.load(source.path)
    outputs, labels = _outputs(model, data)
    _refuse_no_numbers(outputs)
    validation, own_schema = on_validation(model, data)
    quality = meant(data.schema).judging.quality(outputs, labels, own_schema)
    with store.create(ref) as draft:
        evaluation.write_examples(draft.path, Examples(quality.scores, outputs), validation)
        draft.counts = {"examples": len(labels)}
        draft.lineage = EvaluationLineage(dataset=dataset_ref, file=file_ref)
        draft.summary = Evaluation(
            task=data.schema.task,
            runtime=about.runtime,
            examples=len(labels),
            metrics=quality.metrics,
            per_class=quality.per_class,
            confusion=quality.confusion,
            thresholds=own_schema.thresholds,
            size_bytes=about.size_bytes,
            gzip_bytes=files.gzip_bytes(serving, source.path),
            cost=about.cost,
            outputs={
                name: OutputEvaluation(
                    task=data.schema.labels[name].task,
                    metrics=each.metrics,
                    per_class=each.per_class,
                    confusion=each.confusion,
                )
                for name, each in quality.outputs.items()
            },
        )


def _outputs(model: LoadedModel, data: Dataset) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Returns the outputs and the labels of the test split, in its order."""
    if not data.rows["test"]:
        raise DataError("the test split has no examples", path=str(data.path), field="data.test")
    if (count := width(model)) != data.schema.outputs:
        raise ModelError(f"expected {data.schema.outputs} outputs, found {count}")
    return _answers(model, data, "test")


def on_validation(model: LoadedModel, data: Dataset) -> tuple[Examples, DatasetSchema]:
    """Returns what it makes of the validation split, and what its outputs mean by the thresholds from there.

    What is proven does not depend on it: by it candidates are put in order, and a search finds them.
    """
    schema, judging = data.schema, meant(data.schema).judging
    if not data.rows["validation"]:
        empty = Examples(np.empty(0, np.float32), np.empty((0, schema.outputs), np.float32))
        return empty, schema.with_thresholds([])
    outputs, labels = _answers(model, data, "validation")
    answers = np.nan_to_num(outputs)
    own_schema = schema.with_thresholds(judging.thresholds(answers, labels, schema))
    scores = judging.scores(answers, labels, schema, own_schema)
    return Examples(scores.astype(np.float32), answers), own_schema


def _answers(model: LoadedModel, data: Dataset, split: str) -> tuple[NDArray[np.float32], NDArray[Any]]:
    judging, names = meant(data.schema).judging, data.schema.output_names
    parts = [
        (judging.answers(fed(x), answered(model.predict(x), names)), y)
        for x, y in data.batches(split, _BATCH)
    ]
    outputs, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    return outputs, labels


def _refuse_no_numbers(outputs: NDArray[np.float32]) -> None:
    broken = int((~np.isfinite(outputs)).any(axis=1).sum())
    if broken:
        raise ModelError(
            f"its outputs are not finite numbers on {broken:,} of {len(outputs):,} test examples"
        )
