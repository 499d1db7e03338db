"""What other tools, and people, call the fields of a config."""

from __future__ import annotations

from trimtab.config.known import Location

_NAMES = {
    "data.train": "path file files source csv dataset directory folder train_path train_file url uri",
    "data.label": "target target_column label_column class_column response outcome y y_column",
    "data.drop": "exclude ignore skip drop_columns exclude_columns ignore_columns",
    "data.columns": "dtypes types schema column_types",
    "data.split": "test_size test_split test_fraction validation_split validation_size val_split holdout",
    "data.validation": "val valid dev",
    "data.group_by": "group groups group_column",
    "data.task": "type problem problem_type",
    "model.architecture": "type name arch network kind model_type",
    "model.archive": "path file keras saved_model model_path checkpoint",
    "model.preset": "pretrained backbone",
    "train.learning_rate": "lr rate eta initial_learning_rate",
    "train.epochs": "n_epochs num_epochs max_epochs iterations",
    "train.batch_size": "batchsize",
    "train.early_stopping": "patience",
    "train.weight_decay": "l2 decay regularization",
    "train.class_weight": "weights class_weights",
    "train.augment": "augmentation augmentations",
    "train.teacher": "distill distillation",
    "tune.trials": "max_trials n_trials num_trials",
    "tune.algorithm": "tuner strategy sampler method",
    "recipes": "quantization quantize prune pruning sparsity compression compress passes methods",
    "budget.max_accuracy_drop": "accuracy accuracy_drop max_drop drop tolerance max_loss",
    "budget.max_latency_ms": "latency latency_ms max_latency",
    "budget.max_size_kb": "max_size size_kb size_mb max_size_mb",
    "budget.limits": "metric metrics f1 recall precision auc roc_auc",
    "budget.confidence": "alpha significance",
    "deploy.target": "path directory folder destination output bucket repository url uri",
    "resources.stages": "gpu gpus cpu cpus memory ram accelerator accelerators limits requests",
    "seed": "random_state random_seed",
    "name": "project experiment title",
}
_VALUES = {
    "data.task": {
        "binary": "classification",
        "multiclass": "classification",
        "multi-label": "multilabel",
        "autoencoder": "anomaly",
    },
    "train.loss": {"mse": "squared", "l2": "squared", "mae": "absolute", "l1": "absolute"},
    "budget.objective": {"speed": "latency", "fast": "latency", "fastest": "latency", "smallest": "size"},
    "runtimes": {"tflite": "litert", "onnx": "onnxruntime", "ort": "onnxruntime"},
}


def meant_value(location: Location, value: str) -> str | None:
    """Returns the value that another one may mean.

    Args:
        location: Where it stands.
        value: What stands there.
    """
    field = ".".join(str(key) for key in location if isinstance(key, str))
    return _VALUES.get(field, {}).get(value.lower())


def meant(location: Location) -> list[str]:
    """Returns the fields that the name of an unknown one may mean; where its own section has one, only that.

    Args:
        location: Where the unknown field stands.
    """
    *above, name = (str(key) for key in location)
    spelled = name.lower().replace("-", "_")
    found = [field for field, names in _NAMES.items() if spelled in names.split()]
    own = [field for field in found if field.split(".")[:-1] == above]
    return own or (found if len(above) <= 1 else [])
