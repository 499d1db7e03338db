"""What is measured of a candidate; its score and its answer on each example of validation and test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from trimtab.tasks.base import Target
from trimtab.tasks.headline import Better, Headline
from trimtab.tasks.quality import ClassMetrics
from trimtab.tasks.registry import headline_among, task

KIND, SCORES_FILE, ANSWERS_FILE = "evaluation", "scores.npy", "answers.npy"
VALIDATION_SCORES_FILE, VALIDATION_ANSWERS_FILE = "validation_scores.npy", "validation_answers.npy"
_Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Examples:
    """What a candidate made of a split; the labels are the dataset's, in its order.

    Attributes:
        scores: As the task judges them, ``(n,)``.
        answers: The outputs, ``(n, outputs)``: whatever metric is asked for, now or later, comes from them.
        own: What they mean where the labels do not say it: the model has thresholds or classes of its own.
    """

    scores: _Floats
    answers: _Floats
    own: Target | None = None


def write_examples(directory: Path, test: Examples, validation: Examples) -> None:
    """Writes what a candidate scored and answered.

    Args:
        directory: Where to.
        test: Of the test split.
        validation: Of the validation split, which may be empty.
    """
    np.save(directory / SCORES_FILE, test.scores.astype(np.float32))
    np.save(directory / ANSWERS_FILE, test.answers.astype(np.float32))
    np.save(directory / VALIDATION_SCORES_FILE, validation.scores.astype(np.float32))
    np.save(directory / VALIDATION_ANSWERS_FILE, validation.answers.astype(np.float32))


def read_test(directory: Path, own: Target | None = None) -> Examples:
    """Returns what a candidate made of the test split.

    Args:
        directory: Where it is.
        own: What its answers mean, see ``Examples``.
    """
    return Examples(_read(directory / SCORES_FILE), _read(directory / ANSWERS_FILE), own)


def read_validation(directory: Path, own: Target | None = None) -> Examples:
    """Returns what a candidate made of the validation split: of no examples, where there is none."""
    scores, answers = directory / VALIDATION_SCORES_FILE, directory / VALIDATION_ANSWERS_FILE
    return Examples(_read(scores), _read(answers), own)


def _read(path: Path) -> _Floats:
    """Returns an array that is read where it is looked at: of many candidates and classes, most are not."""
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except ValueError:  # an empty file cannot be mapped
        return np.asarray(np.load(path, allow_pickle=False))


class EvaluationLineage(BaseModel):
    """What was evaluated.

    Attributes:
        dataset: The reference of the dataset.
        file: The reference of the candidate's files.
        folds: The references of the evaluations of all folds, where it is of all of them: then ``dataset``
            and ``file`` are the first one's, which ships.
    """

    dataset: str
    file: str
    folds: list[str] = []


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


class OutputEvaluation(BaseModel):
    """Quality of one of several outputs; fields as of ``Evaluation``."""

    task: str
    metrics: dict[str, float]
    per_class: dict[str, ClassMetrics] = {}
    confusion: list[list[int]] = []

    @property
    def headline(self) -> Headline:
        """Returns the metric that it is about."""
        return task(self.task).judging.headline


class Evaluation(BaseModel):
    """Quality and size of a candidate on the whole test split.

    Attributes:
        task: What was judged; its headline is one of the metrics.
        runtime: What runs the files.
        metrics: Classification: accuracy, balanced_accuracy, macro_f1, log_loss, calibration_error (15 equal
            bins), and roc_auc where there are two classes. Regression: rmse, mae, r2, in the label's unit.
        per_class: By class name.
        confusion: Rows are true classes, columns predicted ones, in the order of the schema's classes.
        thresholds: From which output on an answer is yes, chosen on the validation split by its own answers;
            none where the task chooses nothing.
        size_bytes: Bytes of the files.
        gzip_bytes: Bytes of the files after gzip at level 9.
        outputs: Of several labels, each one's by name; what is above is the first one's.
        by_fold: The headline of each fold's model on its test rows; none without folds.
    """

    task: str
    runtime: str
    examples: int
    metrics: dict[str, float]
    per_class: dict[str, ClassMetrics] = {}
    confusion: list[list[int]] = []
    thresholds: list[float] = []
    size_bytes: int
    gzip_bytes: int
    cost: Cost
    by_fold: list[float] = []
    outputs: dict[str, OutputEvaluation] = Field({}, exclude_if=lambda outputs: not outputs)

    @property
    def headline(self) -> Headline:
        """Returns the metric that the proof and the budget are about."""
        return task(self.task).judging.headline


class HeadlineValue(BaseModel):
    """The metric that the task is about."""

    metric: str = Field(description="Its key among the metrics.")
    name: str = Field(description="As people call it.")
    value: float
    better: Better = Field(description="Which way is better.")
    unit: str = Field(description="Of a loss against another model: `points`, or `%` of the other's value.")

    @classmethod
    def of(cls, headline: Headline, value: float) -> HeadlineValue:
        """Returns a value of a task's own metric."""
        return cls(
            metric=headline.metric,
            name=headline.name,
            value=value,
            better=headline.better,
            unit=headline.unit,
        )

    @classmethod
    def among(cls, metrics: Mapping[str, float]) -> HeadlineValue | None:
        """Returns it of metrics that an earlier trimtab wrote, which did not say which one it is."""
        headline = headline_among(metrics)
        return None if headline is None else cls.of(headline, metrics[headline.metric])


class Drop(BaseModel):
    """The proven loss of quality against the baseline, on the same test examples.

    Classification: baseline accuracy minus the candidate's. Regression: relative increase of the mean
    absolute error. ``upper_bound`` is the one-sided upper confidence limit at ``confidence``.
    """

    observed: float
    upper_bound: float
    confidence: float
    examples: int


PartKind = Literal["class", "slice"]


class PartLoss(BaseModel):
    """What a candidate loses on a part of the test rows against the baseline, beside all other rows."""

    kind: PartKind
    part: str = Field(description="The class, or the slice in words: `region = north`.")
    examples: int = Field(description="Test examples in it.")
    loss: float = Field(description="As observed, in the headline's unit; below 0: it gains.")
    others: float = Field(description="The same of all other test examples.")
    larger: bool = Field(
        description="Whether its loss is proven larger than that of the others: with the budget's confidence "
        "no part is called so that is not, however many there are."
    )


class Latency(BaseModel):
    """Time of one example through the runtime, in milliseconds, measured beside the other finalists."""

    p50: float
    p95: float
    p99: float
    threads: int
    p50_interval: tuple[float, float] | None = Field(
        None, description="Where the median of yet other processes is on this machine, with 95 % confidence."
    )
    medians: list[float] = Field([], description="Of each process that it was measured in.")

    @property
    def p50_upper(self) -> float:
        """Returns what a limit of the median is held against: the upper end, where there is one."""
        return max(self.p50, self.p50_interval[1]) if self.p50_interval else self.p50
