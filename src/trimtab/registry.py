"""What can be added to trimtab, by name: one line here, one file or folder there.

The modules are imported when they are asked for, so that listing names costs nothing, and so that the config
can hold a user's parameters against the declaration that stands beside the code.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

READERS = {
    "csv": "trimtab.data.readers.csv",
    "parquet": "trimtab.data.readers.parquet",
    "npz": "trimtab.data.readers.npz",
    "image_folder": "trimtab.data.readers.image_folder",
    "wav_folder": "trimtab.data.readers.wav_folder",
    "mask_folder": "trimtab.data.readers.mask_folder",
    "sklearn": "trimtab.data.readers.sklearn",
}
"""Each module has ``FORMAT``."""

INPUTS = {
    "tabular": "trimtab.data.encoders.tabular",
    "text": "trimtab.data.encoders.text",
    "image": "trimtab.data.encoders.image",
    "audio": "trimtab.data.encoders.audio",
    "ids": "trimtab.data.encoders.ids",
}
"""Each module has ``INPUT``. Every kind but a table is one column, which is of the kind's name."""

COMPOUNDS = {"named": "trimtab.data.encoders.named", "preset": "trimtab.data.encoders.preset_tokens"}
"""Each module has ``INPUT``, of what several inputs are together; no column is of such a kind."""

ARCHITECTURES = {
    "mlp": "trimtab.models.mlp",
    "autoencoder": "trimtab.models.autoencoder",
    "cnn": "trimtab.models.cnn",
    "resnet8": "trimtab.models.resnet8",
    "ds_cnn": "trimtab.models.ds_cnn",
    "text_cnn": "trimtab.models.text_cnn",
    "unet": "trimtab.models.unet",
    "id_bag": "trimtab.models.id_bag",
    "joined": "trimtab.models.joined",
    "dlrm": "trimtab.models.dlrm",
}
"""Each module has ``KINDS``, what it takes, and ``build``; ``REPEATS_ITS_INPUT`` if it does no more."""

IN_PIECES = ("mlp",)
"""Architectures that want the numbers of a table in pieces, too: data is prepared without their modules."""

PASSES = {
    "channels": "trimtab.compress.channels",
    "low_rank": "trimtab.compress.low_rank",
    "magnitude": "trimtab.compress.magnitude",
    "block": "trimtab.compress.block",
    "two_four": "trimtab.compress.two_four",
    "cluster": "trimtab.compress.cluster",
    "qat": "trimtab.compress.qat",
    "qat_int8": "trimtab.compress.tfmot.qat_int8",
}
"""Each module has ``PASS``."""

RUNTIMES = {
    "litert": "trimtab.runtimes.litert",
    "openvino": "trimtab.runtimes.openvino",
    "onnxruntime": "trimtab.runtimes.onnxruntime",
}
"""Each module has ``RUNTIME``."""

TASKS = {
    "anomaly": "trimtab.tasks.anomaly",
    "segmentation": "trimtab.tasks.segmentation",
    "multilabel": "trimtab.tasks.multilabel",
    "classification": "trimtab.tasks.classification",
    "regression": "trimtab.tasks.regression",
}
"""Each module has ``TASK``. A label means the first of them that takes it where the config names none."""

METRICS = {
    "accuracy": "trimtab.tasks.metrics.right",
    "balanced_accuracy": "trimtab.tasks.metrics.averaged",
    "macro_f1": "trimtab.tasks.metrics.averaged",
    "micro_f1": "trimtab.tasks.metrics.averaged",
    "sample_f1": "trimtab.tasks.metrics.several",
    "mean_iou": "trimtab.tasks.metrics.overlap",
    "iou": "trimtab.tasks.metrics.overlap",
    "pixel_accuracy": "trimtab.tasks.metrics.overlap",
    "recall": "trimtab.tasks.metrics.of_class",
    "precision": "trimtab.tasks.metrics.of_class",
    "top_k": "trimtab.tasks.metrics.right",
    "roc_auc": "trimtab.tasks.metrics.ranking",
    "average_precision": "trimtab.tasks.metrics.ranking",
    "log_loss": "trimtab.tasks.metrics.probabilities",
    "brier": "trimtab.tasks.metrics.probabilities",
    "calibration_error": "trimtab.tasks.metrics.probabilities",
    "ndcg_at_k": "trimtab.tasks.metrics.recommending",
    "recall_at_k": "trimtab.tasks.metrics.recommending",
    "mae": "trimtab.tasks.metrics.errors",
    "rmse": "trimtab.tasks.metrics.errors",
    "mape": "trimtab.tasks.metrics.errors",
    "r2": "trimtab.tasks.metrics.errors",
    "quantile_loss": "trimtab.tasks.metrics.errors",
}
"""Each module has ``METRICS``, with an entry of that name."""


STORES = {
    "gs": "trimtab.storage.gcs.objects",
    "s3": "trimtab.storage.s3.objects",
    "minio": "trimtab.storage.s3.objects",
}
"""The scheme of a URI to its store; each module has ``STORE``."""


def module(table: dict[str, str], name: str) -> ModuleType:
    """Returns the module that has what a table calls ``name``.

    Raises:
        KeyError: If the table has no such name.
    """
    # Asked for each of many columns: the import system takes ten times as long to find it again.
    return sys.modules.get(table[name]) or import_module(table[name])
