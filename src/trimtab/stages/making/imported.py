"""Takes a model that is in the files of a runtime: it is judged and quantized as it is, and never trained."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab import progress
from trimtab.artifacts import dataset
from trimtab.artifacts.evaluation import Cost
from trimtab.artifacts.model import AsItCame, ModelLineage, TrainSummary, write_scores
from trimtab.artifacts.store import ContentStore
from trimtab.batch import INPUT, answered, fed
from trimtab.config import brought
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import ConfigError, ModelError
from trimtab.runtimes import adopting, files, sources
from trimtab.runtimes.base import LoadedModel, Runtime
from trimtab.stages import settings
from trimtab.stages.making.constant_answer import warnings
from trimtab.stages.model_form import with_keras
from trimtab.tasks.of_labels import meant
from trimtab.train import as_it_came
from trimtab.train.scores import scores_by
from trimtab.train.spec import model_spec

STAGE = "train"
_CHECKED, _MOST_ROUNDED = 64, 0.05
_BEFORE_EXPORT = "Of PyTorch: torch.nn.Sequential(net, torch.nn.Softmax(1)), and export that."


def make(
    run_uri: str, ref: str, label: str, dataset_ref: str, hyperparameters_ref: str, folds: Sequence[str] = ()
) -> None:
    """Keeps the config's archive as a model that takes one example of the data at a time.

    Args:
        run_uri: The URI of the run's directory.
        ref: The entry to make.
        label: The stage, and the fold if it is not the first.
        dataset_ref: The dataset.
        hyperparameters_ref: The hyper-parameters; nothing was searched for.
        folds: The models of the other folds, if it is the first one's.
    """
    del label
    store, section = ContentStore(run_uri), settings.of(run_uri).model
    archive = str(section.archive)
    data = dataset.read(store, dataset_ref, ["train", "validation"])
    serving = sources.own_runtime(archive)
    assert serving is not None
    is_graph = brought.is_saved_model(archive)
    if data.schema.input.parts and not is_graph:
        raise ConfigError(
            f"a file of {serving.name} takes one input, found {len(data.schema.input.parts)}",
            field="data.inputs",
            hint="Of several inputs, models are Keras' (.keras, .h5, a builder) or SavedModels.",
        )
    if data.schema.labels and not is_graph:
        raise ConfigError(
            f"a file of {serving.name} gives one output, found {len(data.schema.labels)}",
            field="data.labels",
            hint="Of several outputs, models are Keras' (.keras, .h5, a builder) or SavedModels.",
        )
    memory_mb = (with_keras(section.limits) if is_graph else section.limits).memory_mb
    with store.create(ref) as draft:
        with sources.fetched(archive) as source:
            adopting.adopt(
                serving,
                source,
                draft.path,
                model_spec(data.schema),
                seconds=section.limits.seconds,
                memory_bytes=memory_mb << 20,
            )
        predict = _predicting(serving.load(draft.path), list(model_spec(data.schema).answers))
        _check(predict(fed(data.head("train", _CHECKED)[0])), data, archive)
        came, scores = as_it_came.judge(predict, data, section), scores_by(predict, data)
        if came is not None:
            progress.say(STAGE, f"the archive as it came: {as_it_came.told(came)}")
        as_it_came.refuse_another_way(came, section)
        write_scores(draft.path, scores)
        draft.lineage = ModelLineage(
            dataset=dataset_ref, hyperparameters=hyperparameters_ref, folds=list(folds)
        )
        draft.summary = _summary(serving, draft.path, came, scores, data)


def _predicting(model: LoadedModel, names: Sequence[str]) -> as_it_came.Predict:
    def predict(x: Any) -> NDArray[np.float32]:
        return answered(model.predict(x if isinstance(x, Mapping) else {INPUT: x}), names)

    return predict


def _summary(
    serving: Runtime, directory: Path, came: AsItCame | None, scores: NDArray[np.float32], data: Dataset
) -> TrainSummary:
    traits, content = serving.traits(directory), hashlib.sha256()
    for path in files.paths(serving, directory):
        content.update(path.read_bytes())
    return TrainSummary(
        weights_sha256=content.hexdigest(),
        cost=Cost(parameters=traits.parameters, macs=traits.macs, sparsity=traits.sparsity),
        runtime=serving.name,
        validation={came.metric: float(scores.mean())} if came else {},
        warnings=[*filter(None, [came and came.warning]), *warnings(data, scores, is_trained=False)],
        as_it_came=came,
    )


def _check(outputs: NDArray[np.float32], data: Dataset, archive: str) -> None:
    """Checks that a model answers training examples as the task needs."""
    if outputs.shape[1:] != (data.schema.outputs,):
        raise ModelError(
            f"expected {data.schema.outputs} outputs, found {outputs.shape[1:]}",
            path=archive,
            hint="One for each class of the labels; model.classes lists classes that no row has.",
        )
    if not np.isfinite(outputs).all():
        raise ModelError("its outputs are not finite numbers", path=archive)
    # Probabilities of 8 bits are off by half a step each, and their sum by more than those of floats.
    sums = outputs.sum(axis=1, keepdims=True)
    is_rounded = (np.abs(sums - 1) <= _MOST_ROUNDED) & (not data.schema.labels)
    answers = np.where(is_rounded, outputs / np.where(is_rounded, sums, 1), outputs).astype(np.float64)
    if objection := meant(data.schema).learning.objection(answers):
        raise ModelError(objection[0], path=archive, hint=f"{objection[1]} {_BEFORE_EXPORT}")
