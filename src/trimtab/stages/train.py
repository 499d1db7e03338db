"""The ``train`` stage: from a dataset and hyper-parameters to a trained model."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trimtab import progress
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy import training
from trimtab.deploy.champion import Snapshot
from trimtab.errors import ArtifactError
from trimtab.stages.imports import light_imports
from trimtab.stages.stage import StageRecord, recorded
from trimtab.storage import artifact

if TYPE_CHECKING:
    import keras
    import numpy as np

    from trimtab.train.history import History

STAGE, SCRATCH = "train", "scratch"


@dataclass(frozen=True)
class _Trained:
    """A trained model.

    Attributes:
        start: What training started from: ``champion v3``, ``scratch``, or nothing to be said.
        why: Why.
    """

    network: keras.Model
    history: History
    start: str
    why: str


def run(
    *,
    config: str,
    run: str,
    dataset: str,
    hyperparameters: str,
    model: str,
    champion: str | None = None,
) -> None:
    """Trains the config's model and writes it as a ``model`` artifact.

    A model from an archive starts from the archive's weights, and a retrained one from the champion's as long
    as the data and the architecture are still the same.

    Args:
        config: The resolved config as JSON.
        run: The URI of the run's directory.
        dataset: The ``dataset`` artifact to read.
        hyperparameters: The ``hyperparameters`` artifact to read.
        model: The ``model`` artifact to write.
        champion: The ``champion`` artifact of a retraining.

    Raises:
        SystemExit: If the data, the model or the training cannot be used; the record says why.
    """
    with recorded(STAGE, run, saves=True) as record:
        parsed, data = Config.model_validate_json(config), Dataset.open(dataset)
        found, values = (
            artifact.load(hyperparameters, "hyperparameters"),
            read_hyperparameters(hyperparameters),
        )
        snapshot = Snapshot.open(champion) if champion else None
        trained = _trained(parsed, data, values, run, snapshot)
        _write(trained, parsed, data, values, found.digest, Path(model), record)


def read_hyperparameters(path: str) -> dict[str, dict[str, Any]]:
    """Returns ``{"model": {...}, "optimizer": {...}}`` of a verified ``hyperparameters`` artifact.

    Args:
        path: The artifact's directory.

    Raises:
        ArtifactError: If it is not whole, or holds something else.
    """
    file = artifact.load(path, "hyperparameters").path / "hyperparameters.json"
    try:
        content = json.loads(file.read_bytes())
        return {"model": dict(content.get("model", {})), "optimizer": dict(content.get("optimizer", {}))}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ArtifactError(f"no usable hyper-parameters: {error}", path=str(file)) from error


def _trained(
    config: Config,
    data: Dataset,
    values: dict[str, dict[str, Any]],
    run: str,
    champion: Snapshot | None,
) -> _Trained:
    with light_imports():
        import keras_tuner

        from trimtab.models import registry
        from trimtab.models.cost import weights_sha256
        from trimtab.train import determinism, distribution, loop
        from trimtab.train.settings import TrainSettings
        from trimtab.train.spec import model_spec
        from trimtab.train.workspace import workspace

    determinism.prepare(config.seed)
    hp = keras_tuner.HyperParameters()
    hp.values.update(values["model"])
    with distribution.strategy().scope():
        network = registry.build(config.model, model_spec(data.schema), hp)
    start, why = _start(network, data, champion) if champion else ("", "")
    is_warm = start not in ("", SCRATCH)
    epochs = {"epochs": config.retrain.epochs} if is_warm and config.retrain.epochs else {}
    settings = TrainSettings.of(config, {**values["optimizer"], **epochs})
    binding = {"start": weights_sha256(network)} if is_warm or config.model.archive else {}
    with workspace(run, STAGE) as space:
        history = loop.fit(network, data, settings, label=STAGE, workspace=space, binding=binding)
    return _Trained(network, history, start, why)


def _start(network: keras.Model, data: Dataset, champion: Snapshot) -> tuple[str, str]:
    """Copies the champion's weights where they fit, and returns what training starts from, and why."""
    from trimtab.train.warm_start import copy_weights

    if champion.training is None:
        why = "; ".join(champion.plan.reasons)
    elif data.schema_changes:
        why = f"the schema has changed: {'; '.join(data.schema_changes)}"
    elif data.sides_changed:
        why = f"the champion may have been trained on test rows: {'; '.join(data.sides_changed)}"
    elif not (why := copy_weights(network, champion.training / training.MODEL_FILE)):
        start, why = f"champion v{champion.plan.version}", "the data and the model are of the same kind"
        progress.say(STAGE, f"starts from {start}")
        return start, why
    progress.say(STAGE, f"starts from scratch: {why}")
    return SCRATCH, why


def _write(
    trained: _Trained,
    config: Config,
    data: Dataset,
    values: dict[str, dict[str, Any]],
    hyperparameters: str,
    target: Path,
    record: StageRecord,
) -> None:
    import numpy as np

    from trimtab.models.cost import parameters, weights_sha256
    from trimtab.train.scores import validation_scores
    from trimtab.train.spec import model_spec

    network, history = trained.network, trained.history
    scores, checksum = validation_scores(network, data), weights_sha256(network)
    signature = {"spec": asdict(model_spec(data.schema)), "classes": data.schema.classes}
    with artifact.create(target, "model") as draft:
        network.save(draft.path / "model.keras")
        (draft.path / "signature.json").write_text(json.dumps(signature, indent=2))
        (draft.path / "history.json").write_text(json.dumps(history.to_json(), indent=2))
        np.save(draft.path / "validation_scores.npy", scores)
        draft.counts = {"parameters": parameters(network), "epochs": len(history.epochs)}
        draft.lineage = {
            **_lineage(config, data, values),
            "weights_sha256": checksum,
            "parent": hyperparameters,
            "start": trained.start,
        }
    warnings = _warnings(data, scores)
    for warning in warnings:
        progress.say(STAGE, f"warning: {warning}")
    record.summary = {
        "history": history.epochs,
        "best_epoch": history.best_epoch,
        "stopped_early": history.stopped_early,
        "weights_sha256": checksum,
        "validation": _validation(history, scores, data),
        "parameters": parameters(network),
        "seconds_per_epoch": sum(entry["seconds"] for entry in history.epochs) / len(history.epochs),
        "hyperparameters": values,
        "warnings": warnings,
        "start": trained.start,
        "start_reason": trained.why,
    }


def _lineage(config: Config, data: Dataset, values: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Returns what a trained model was made from; it is the model of the recipe that prunes nothing."""
    return {
        "dataset": data.fingerprint,
        "config_hash": hashlib.sha256(config.model_dump_json().encode()).hexdigest(),
        "hyperparameters": values,
        "code": config.model.code.checksums() if config.model.code else {},
        "task": data.schema.task,
        "recipe": "none",
        "ok": True,
        "reason": "",
    }


def _validation(history: History, scores: np.ndarray, data: Dataset) -> dict[str, float]:
    """Returns the metrics of the weights that were kept, on the validation split."""
    if not len(scores):
        return {}
    metric = "accuracy" if data.schema.task == "classification" else "mae"
    found = {metric: float(scores.mean())}
    if "val_loss" in history.kept:
        found["loss"] = history.kept["val_loss"]
    return found


def _warnings(data: Dataset, scores: np.ndarray) -> list[str]:
    """Returns a warning when the model is not better than a constant answer."""
    import numpy as np

    if not len(scores):
        return []
    y = np.concatenate([labels for _, labels in data.blocks("validation")])
    hint = "Train longer, change the learning rate or the model, or look at the data."
    if data.schema.task == "classification":
        constant = float(np.bincount(y).max() / len(y))
        # One-sided, at 95 %, by the normal approximation: on few examples, chance alone can look better.
        if scores.mean() - constant < 1.645 * math.sqrt(constant * (1 - constant) / len(y)):
            return [
                f"the model is right on {scores.mean():.1%} of {len(y)} validation examples, not clearly "
                f"more than always guessing the most frequent class ({constant:.1%}). {hint}"
            ]
        return []
    constant = float(np.abs(y - np.median(y)).mean() * data.schema.label_std)
    if scores.mean() >= constant:
        return [
            f"the model's mean absolute error on validation is {scores.mean():.4g}; always "
            f"guessing the median gives {constant:.4g}. {hint}"
        ]
    return []
