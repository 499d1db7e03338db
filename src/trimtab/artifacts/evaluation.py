"""What is measured of a candidate; its score on each example, and its outputs on those of the test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from trimtab.tasks.headline import Headline
from trimtab.tasks.quality import ClassMetrics
from trimtab.tasks.registry import task

KIND, SCORES_FILE, OUTPUTS_FILE = "evaluation", "scores.npy", "outputs.npy"
VALIDATION_FILE = "validation_scores.npy"


def write_examples(
    directory: Path,
    scores: NDArray[np.float32],
    outputs: NDArray[np.float32],
    validation: NDArray[np.float32],
) -> None:
    """Writes what a candidate scored and answered.

    Args:
        directory: Where to.
        scores: On the test examples, ``(n,)``.
        outputs: On the test examples, ``(n, outputs)``.
        validation: Scores on the validation examples, ``(m,)``.
    """
    np.save(directory / SCORES_FILE, scores)
    np.save(directory / OUTPUTS_FILE, outputs)
    np.save(directory / VALIDATION_FILE, validation)


def read_scores(directory: Path) -> NDArray[np.float32]:
    """Returns the scores, ``(n,)``, as the task judges them."""
    return np.asarray(np.load(directory / SCORES_FILE, allow_pickle=False))


def read_validation(directory: Path) -> NDArray[np.float32]:
    """Returns the scores on the validation examples, ``(m,)``, of the same meaning."""
    return np.asarray(np.load(directory / VALIDATION_FILE, allow_pickle=False))


def read_outputs(directory: Path) -> NDArray[np.float32]:
    """Returns the outputs, ``(n, outputs)``."""
    return np.asarray(np.load(directory / OUTPUTS_FILE, allow_pickle=False))


class EvaluationLineage(BaseModel):
    """What was evaluated.

    Attributes:
        dataset: The reference of the dataset.
        file: The reference of the candidate's files.
    """

    dataset: str
    file: str


class Cost(BaseModel):
    """What a model is made of, counted on the Keras model that the candidate came from.

    Attributes:
        parameters: Weights, trainable or not.
        macs: Multiply-accumulates of one example through conv, depthwise and dense layers.
        sparsity: Share of zeros in the kernels of conv, depthwise and dense layers.
    """

    parameters: int
    macs: int
    sparsity: float


class Evaluation(BaseModel):
    """Quality and size of a candidate on the whole test split.

    Attributes:
        task: What was judged; its headline is one of the metrics.
        runtime: What runs the files.
        metrics: Classification: accuracy, balanced_accuracy, macro_f1, log_loss, calibration_error (15 equal
            bins), and roc_auc where there are two classes. Regression: rmse, mae, r2, in the label's unit.
        per_class: By class name.
        confusion: Rows are true classes, columns predicted ones, in the order of the schema's classes.
        size_bytes: Bytes of the files.
        gzip_bytes: Bytes of the files after gzip at level 9.
    """

    task: str
    runtime: str
    examples: int
    metrics: dict[str, float]
    per_class: dict[str, ClassMetrics] = {}
    confusion: list[list[int]] = []
    size_bytes: int
    gzip_bytes: int
    cost: Cost

    @property
    def headline(self) -> Headline:
        """Returns the metric that the proof and the budget are about."""
        return task(self.task).judging.headline


class Drop(BaseModel):
    """The proven loss of quality against the baseline, on the same test examples.

    Classification: baseline accuracy minus the candidate's. Regression: relative increase of the mean
    absolute error. ``upper_bound`` is the one-sided upper confidence limit at ``confidence``.
    """

    observed: float
    upper_bound: float
    confidence: float
    examples: int


class Latency(BaseModel):
    """Time of one example through the runtime, in milliseconds, measured beside the other finalists."""

    p50: float
    p95: float
    p99: float
    threads: int
