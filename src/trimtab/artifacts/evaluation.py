"""What is measured of a candidate."""

from __future__ import annotations

from pydantic import BaseModel


class ClassMetrics(BaseModel):
    """Quality on the test examples of one class."""

    precision: float
    recall: float
    f1: float
    examples: int


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
        candidate: The candidate's id.
        runtime: What runs its files.
        ok: Whether there is a model; when not, ``reason`` says why and the rest is empty.
        metrics: Classification: accuracy, balanced_accuracy, macro_f1, log_loss, calibration_error (15 equal
            bins), and roc_auc where there are two classes. Regression: rmse, mae, r2, in the label's unit.
        per_class: By class name.
        confusion: Rows are true classes, columns predicted ones, in the order of the schema's classes.
        size_bytes: Bytes of the model's files.
        gzip_bytes: Bytes of the model's files after gzip at level 9.
    """

    candidate: str
    runtime: str = "litert"
    ok: bool
    reason: str = ""
    examples: int = 0
    metrics: dict[str, float] = {}
    per_class: dict[str, ClassMetrics] = {}
    confusion: list[list[int]] = []
    size_bytes: int = 0
    gzip_bytes: int = 0
    cost: Cost | None = None


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
