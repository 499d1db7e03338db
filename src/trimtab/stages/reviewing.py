"""What TensorBoard shows of models and of test examples: read from the store, in a process of its own.

It may take memory, or crash, and costs the report nothing then but a warning.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab import progress
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts.evaluation import Evaluation, EvaluationLineage, read_test
from trimtab.artifacts.file import FileLineage, FileSummary
from trimtab.artifacts.model import MODEL_FILE, ModelLineage, ModelSummary
from trimtab.artifacts.selection import SelectSummary
from trimtab.artifacts.store import ContentStore
from trimtab.batch import fed
from trimtab.config.chains import BASELINE, Branch, Ending
from trimtab.config.config import Config
from trimtab.config.methods import FLOAT
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.pooled import Pooled
from trimtab.data.kinds.registry import input_kind
from trimtab.data.schema import DatasetSchema
from trimtab.errors import TrimtabError
from trimtab.quiet import quiet
from trimtab.report.tensorboard.graph import write_graph
from trimtab.report.tensorboard.histograms import write_histograms, write_kernels
from trimtab.report.tensorboard.most_wrong import write_most_wrong
from trimtab.report.tensorboard.overlays import write_overlays
from trimtab.report.tensorboard.pr_curves import write_pr_curves
from trimtab.report.tensorboard.projector import rows_shown, write_projector
from trimtab.runtimes.registry import runtime
from trimtab.stages import children
from trimtab.stages.imports import light_imports
from trimtab.tasks.metrics.base import View
from trimtab.tasks.of_labels import meant

MOST_BRANCHES = 40
_BATCH, _SECONDS = 256, 20.0


@dataclass(frozen=True)
class ReviewSubject:
    """What is reviewed, as references of the store.

    Attributes:
        dataset: The dataset.
        evaluations: Of every candidate, by its id.
        chosen: The chosen candidate; the baseline where none is.
        branches: A candidate of every branch, by the branch's id.
        quantized: By each quantized candidate, the one of the same model in floats; empty: there is none.
    """

    dataset: str
    evaluations: Mapping[str, str]
    chosen: str
    branches: Mapping[str, str]
    quantized: Mapping[str, str]

    @classmethod
    def of(cls, config: Config, selected: SelectSummary) -> ReviewSubject:
        """Returns what a run has selected from."""
        branches = {
            branch.id: next(
                (ending.candidate for ending in branch.endings if ending.candidate in selected.evaluations),
                "",
            )
            for branch in config.branches().values()
        }
        return cls(
            dataset=selected.dataset,
            evaluations=selected.evaluations,
            chosen=selected.chosen or BASELINE,
            branches={name: candidate for name, candidate in branches.items() if candidate},
            quantized={
                ending.candidate: _in_floats(branch, ending, selected)
                for branch in config.branches().values()
                for ending in branch.endings
                if ending.step.name != FLOAT and ending.candidate in selected.evaluations
            },
        )


def _in_floats(branch: Branch, ending: Ending, selected: SelectSummary) -> str:
    others = [
        other.candidate
        for other in branch.endings
        if (other.step.name, other.runtime) == (FLOAT, ending.runtime)
        and other.candidate in selected.evaluations
    ]
    return next(iter(others), "")


def write_more(run_uri: str, directory: Path, subject: ReviewSubject) -> str:
    """Writes it, as far as it can be made, and returns why not all of it is there; empty: it is.

    Args:
        run_uri: The URI of the run's directory.
        directory: The directory of the review.
        subject: What is reviewed.
    """
    crash = children.run("report", _write, run_uri, directory, subject)
    return "" if crash is None else crash.reason.splitlines()[0]


def _write(run_uri: str, directory: Path, subject: ReviewSubject) -> None:
    store = ContentStore(run_uri)
    data = datasets.pooled(store, subject.dataset)
    form, classes = meant(data.schema).judging.form, data.schema.classes
    told = {
        name: _answers(store, subject.evaluations[name], data)
        for name in dict.fromkeys((BASELINE, subject.chosen))
    }
    views = {name: _view(*each, data) for name, each in told.items()}
    for name, view in views.items():
        write_pr_curves(directory / name, form, view, classes)
    if form == "masks":
        write_overlays(directory, told[subject.chosen][0], views[subject.chosen], data)
    else:
        write_most_wrong(directory, form, views[subject.chosen], data)
    models = {
        branch: _models(store, subject.evaluations[candidate])
        for branch, candidate in subject.branches.items()
    }
    for branch, files in list(models.items())[:MOST_BRANCHES]:
        if files:
            write_histograms(directory / "weights" / branch, files)
    for candidate, plain in list(subject.quantized.items())[:MOST_BRANCHES]:
        before = _kernels(store, subject.evaluations[plain]) if plain else {}
        if after := _kernels(store, subject.evaluations[candidate]):
            write_kernels(directory / "weights" / candidate, before, after)
    for name, candidate in (("baseline", BASELINE), ("champion", subject.chosen)):
        if files := _models(store, subject.evaluations[candidate]):
            write_graph(directory / "graph" / name, files[-1])
    if files := _models(store, subject.evaluations[BASELINE]):
        _project(directory, files[-1], data.first, views[BASELINE])


def _answers(store: ContentStore, evaluation: str, data: Pooled) -> tuple[NDArray[Any], DatasetSchema]:
    """Returns a candidate's answers on the test split, and what they mean.

    With folds these are the first one's: the model that ships, on the rows that it was made without.
    """
    lineage = EvaluationLineage.model_validate(store.open(evaluation, []).lineage)
    entry = store.open(lineage.folds[0] if lineage.folds else evaluation)
    thresholds = Evaluation.model_validate(entry.manifest.summary).thresholds
    return np.asarray(read_test(entry.path).answers), data.schema.with_thresholds(thresholds)


def _view(answers: NDArray[Any], own_schema: DatasetSchema, data: Pooled) -> View:
    """Returns labels and a candidate's answers on the test split, as metrics see them."""
    return meant(data.schema).judging.view(answers, data.labels(), data.schema, own_schema)


def _models(store: ContentStore, evaluation: str) -> list[Path]:
    """Returns the Keras models that a candidate comes from, the trained one first; none: it has none."""
    file = EvaluationLineage.model_validate(store.open(evaluation, []).lineage).file
    ref = FileLineage.model_validate(store.open(file, []).lineage).model
    files: list[Path] = []
    while ref:
        entry = store.open(ref, [MODEL_FILE])
        if ModelSummary.model_validate(entry.manifest.summary).runtime:
            return []
        files.insert(0, entry.path / MODEL_FILE)
        ref = ModelLineage.model_validate(entry.lineage).parent
    return files


def _kernels(store: ContentStore, evaluation: str) -> Mapping[str, NDArray[Any]]:
    """Returns the kernels of a candidate's files."""
    entry = store.open(EvaluationLineage.model_validate(store.open(evaluation, []).lineage).file)
    serving = runtime(FileSummary.model_validate(entry.manifest.summary).runtime)
    return serving.weights(entry.path)


def _project(directory: Path, model: Path, data: Dataset, view: View) -> None:
    """Writes the last hidden layer of the first test rows, as many as are computed in a while."""
    try:
        with quiet():
            vectors = _hidden(model, data)
    except TrimtabError as error:
        progress.say("report", f"TensorBoard has no embeddings: {error.message}")
        return
    labels = [_label(value, data) for value in view.labels[: len(vectors)]]
    is_pixels = input_kind(data.schema.input.kind).is_pixels
    images = _stored(data, len(vectors)) if is_pixels else None
    write_projector(directory, vectors, labels, images)


def _hidden(model: Path, data: Dataset) -> NDArray[Any]:
    """Returns what the last layer with weights is given, ``(n, width)``."""
    with light_imports():
        import keras

        from trimtab.models import archive
    network = archive.load(model)
    last = next(layer for layer in reversed(network.layers) if layer.weights)
    hidden = keras.Model(network.inputs, last.input)
    parts: list[NDArray[Any]] = []
    until, rows, most = time.monotonic() + _SECONDS, 0, data.rows["test"]
    for x, _ in data.batches("test", _BATCH):
        activations = np.asarray(hidden.predict_on_batch(fed(x)))
        parts.append(activations.reshape(len(activations), -1))
        rows, most = rows + len(activations), rows_shown(data.rows["test"], parts[0].shape[1])
        if rows >= most or time.monotonic() > until:
            break
    return np.concatenate(parts)[:most]


def _label(value: Any, data: Dataset) -> str:
    classes = data.schema.classes
    form = meant(data.schema).judging.form
    if form == "classes":
        return classes[int(value)]
    if form in ("labels", "masks"):
        return " ".join(name for name, there in zip(classes, value, strict=True) if there > 0)
    return f"{float(value):.5g}"


def _stored(data: Dataset, rows: int) -> NDArray[Any]:
    parts, seen = list[NDArray[Any]](), 0
    for x, _ in data.blocks("test"):
        parts.append(x[: rows - seen])
        seen += len(parts[-1])
        if seen >= rows:
            break
    return np.concatenate(parts)
