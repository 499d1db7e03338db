"""Makes a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import keras_tuner
import numpy as np

from trimtab import progress
from trimtab.artifacts import dataset, hyperparameters, training
from trimtab.artifacts.hyperparameters import Hyperparameters
from trimtab.artifacts.model import MODEL_FILE, AsItCame, ModelLineage, TrainSummary, write_scores
from trimtab.artifacts.store import ContentStore
from trimtab.batch import side_by_side
from trimtab.compress.traits import measure
from trimtab.config.config import Config
from trimtab.config.model import Model
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy.champion import Snapshot
from trimtab.models import cost, registry
from trimtab.stages import settings
from trimtab.stages import snapshot as snapshots
from trimtab.stages.making import constant_answer, still_rising
from trimtab.stages.making.cost import cost_of
from trimtab.stages.making.teaching import taught
from trimtab.tasks.of_labels import meant
from trimtab.train import as_it_came, determinism, distribution, loop
from trimtab.train.history import History
from trimtab.train.scores import validation_scores
from trimtab.train.settings import TrainSettings
from trimtab.train.spec import model_spec
from trimtab.train.warm_start import copy_weights
from trimtab.train.workspace import workspace

STAGE, SCRATCH = "train", "scratch"


@dataclass(frozen=True)
class _Trained:
    """A trained model.

    Attributes:
        start: What training started from: ``champion v3``, ``scratch``, or nothing to be said.
        why: Why.
        came: What an archive was worth before.
    """

    network: keras.Model
    history: History
    start: str
    why: str
    came: AsItCame | None = None


def make(
    run_uri: str, ref: str, label: str, dataset_ref: str, hyperparameters_ref: str, folds: Sequence[str] = ()
) -> None:
    """Trains the config's model, and keeps it.

    Args:
        run_uri: The URI of the run's directory.
        ref: The entry to make.
        label: The stage, and the fold if it is not the first.
        dataset_ref: The dataset.
        hyperparameters_ref: The hyper-parameters.
        folds: The models of the other folds, if it is the first one's.
    """
    store, config = ContentStore(run_uri), settings.of(run_uri)
    data = dataset.read(store, dataset_ref, ["train", "validation"])
    values = hyperparameters.read(store, hyperparameters_ref)
    trained = _trained(config, data, values, run_uri, label, snapshots.retrained(run_uri))
    scores = validation_scores(trained.network, data)
    with store.create(ref) as draft:
        trained.network.save(draft.path / MODEL_FILE)
        write_scores(draft.path, scores)
        draft.lineage = ModelLineage(
            dataset=dataset_ref, hyperparameters=hyperparameters_ref, folds=list(folds)
        )
        draft.summary = _summary(trained, values, scores, data)


def _trained(
    config: Config,
    data: Dataset,
    values: Hyperparameters,
    run_uri: str,
    label: str,
    snapshot: Snapshot | None,
) -> _Trained:
    determinism.prepare(config.seed)
    hp = keras_tuner.HyperParameters()
    hp.values.update(values.model)
    with distribution.strategy().scope():
        network = registry.build(config.model, model_spec(data.schema), hp)
    came = _came(network, data, config.model) if config.model.archive else None
    start, why = _start(network, data, snapshot, config.model) if snapshot else ("", "")
    is_warm = start not in ("", SCRATCH)
    epochs = {"epochs": config.retrain.epochs} if is_warm and config.retrain.epochs else {}
    train_settings = TrainSettings.of(config, data, {**values.optimizer, **epochs})
    if train_settings.train.epochs == 0:
        as_it_came.refuse_another_way(came, config.model)
        return _Trained(network, History(), start, why, came)
    binding = {"start": cost.weights_sha256(network)} if is_warm or config.model.archive else {}
    with workspace(run_uri, STAGE, label.removeprefix(STAGE).strip()) as space:
        history = loop.fit(
            network,
            data,
            train_settings,
            label=label,
            workspace=space,
            binding=binding,
            labels=taught(data, train_settings.train.teacher),
        )
    return _Trained(network, history, start, why, came)


def _came(network: keras.Model, data: Dataset, model: Model) -> AsItCame | None:
    """Returns what the network is worth as it came, and says so."""
    came = as_it_came.judge(lambda x: side_by_side(network.predict_on_batch(x)), data, model)
    if came is not None:
        progress.say(STAGE, f"the archive as it came: {as_it_came.told(came)}")
    return came


def _start(network: keras.Model, data: Dataset, snapshot: Snapshot, built: Model) -> tuple[str, str]:
    """Copies the champion's weights where they fit, and returns what training starts from, and why."""
    if snapshot.training is None:
        why = "; ".join(snapshot.plan.reasons)
    elif data.schema_changes:
        why = f"the schema has changed: {'; '.join(data.schema_changes)}"
    elif data.sides_changed:
        why = f"the champion may have been trained on test rows: {'; '.join(data.sides_changed)}"
    elif not (why := copy_weights(network, snapshot.training / training.MODEL_FILE, built)):
        start, why = f"champion v{snapshot.plan.version}", "the data and the model are of the same kind"
        progress.say(STAGE, f"starts from {start}")
        return start, why
    progress.say(STAGE, f"starts from scratch: {why}")
    return SCRATCH, why


def _summary(trained: _Trained, values: Hyperparameters, scores: np.ndarray, data: Dataset) -> TrainSummary:
    network, history = trained.network, trained.history
    return TrainSummary(
        weights_sha256=cost.weights_sha256(network),
        cost=cost_of(network),
        traits=measure(network),
        history=history.epochs,
        best_epoch=history.best_epoch,
        stopped_early=history.stopped_early,
        validation=_validation(history, scores, data),
        seconds_per_epoch=sum(entry["seconds"] for entry in history.epochs) / max(1, len(history.epochs)),
        hyperparameters=values,
        warnings=_warnings(trained, scores, data),
        start=trained.start,
        start_reason=trained.why,
        as_it_came=trained.came,
    )


def _warnings(trained: _Trained, scores: np.ndarray, data: Dataset) -> list[str]:
    headline = meant(data.schema).judging.headline
    came = trained.came.warning if trained.came else ""
    return [
        *([came] if came else []),
        *constant_answer.warnings(data, scores, is_trained=bool(trained.history.epochs)),
        *still_rising.warnings(trained.history, headline),
    ]


def _validation(history: History, scores: np.ndarray, data: Dataset) -> dict[str, float]:
    """Returns the metrics of the weights that were kept, on the validation split."""
    if not len(scores):
        return {}
    metrics = {meant(data.schema).judging.headline.metric: float(scores.mean())}
    if "val_loss" in history.kept_epoch:
        metrics["loss"] = history.kept_epoch["val_loss"]
    return metrics
