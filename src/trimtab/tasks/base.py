"""What a task is: the protocol that each folder of this room fulfils.

A task's module has one object, ``TASK``. Meaning, judging and words are light to import: no TensorFlow, which
stages that do not train never load; ``learning`` is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

    from trimtab.config.data import Data
    from trimtab.tasks.headline import Headline
    from trimtab.tasks.metrics.base import Form, View
    from trimtab.tasks.quality import Quality

Array = NDArray[Any]
Floats = NDArray[np.floating]
YDtype = Literal["int64", "float32", "uint8"]
"""Of targets as they are stored: a class, numbers, or a class a pixel."""
Errors = Mapping[str, str] | None
"""By which errors numbers are learnt, by label."""


class Target(Protocol):
    """What is known of a label once the training split was seen; a dataset's schema is one."""

    @property
    def task(self) -> str:
        """Returns what it means, a name of ``registry.TASKS``; of several labels, what the first does."""

    @property
    def parts(self) -> Mapping[str, Target]:
        """Returns what is known of each of several labels by its name; of one label, nothing."""

    @property
    def loss_weight(self) -> float:
        """Returns what its loss is multiplied by, where there are several labels."""

    @property
    def classes(self) -> list[str]:
        """Returns the names of the classes in the order of the model's outputs; none where there are none."""

    @property
    def label_mean(self) -> float:
        """Returns the mean that was taken off the label."""

    @property
    def label_std(self) -> float:
        """Returns what the label was divided by."""

    @property
    def thresholds(self) -> list[float]:
        """Returns from which output on an answer is yes, as ``Judging.thresholds`` gives; none: the usual."""

    @property
    def input(self) -> Input:
        """Returns the model's input."""

    @property
    def normal(self) -> str:
        """Returns the label of normal rows, where all others are anomalies; else nothing."""

    @property
    def false_alarm_rate(self) -> float:
        """Returns the share of normal rows that may be taken for anomalies."""


class Input(Protocol):
    """The input of a model."""

    @property
    def kind(self) -> str:
        """Returns what it is, such as ``image``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Returns the shape of an example."""


class ValueCounts(Protocol):
    """The most frequent values of a column as text."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Returns how often each occurs."""

    @property
    def error(self) -> int:
        """Returns how far off a count may be; 0: all values are there."""


class Distinct(Protocol):
    """How many different values a column has."""

    @property
    def estimate(self) -> int:
        """Returns about how many."""


class LabelSummary(Protocol):
    """Statistics of a label's column; see ``data.statistics.column.ColumnSummary``."""

    missing: int
    words: int
    numbers: int
    integers: int
    mean: float

    @property
    def numeric(self) -> bool:
        """Returns whether every value is a number or missing as one."""

    @property
    def variance(self) -> float:
        """Returns the variance of the numbers."""

    @property
    def distinct(self) -> Distinct:
        """Returns how many different values there are."""

    @property
    def frequent(self) -> ValueCounts:
        """Returns the most frequent values."""


class LabelValues(Protocol):
    """The labels of some rows, as both readings of them."""

    @property
    def texts(self) -> pa.StringArray:
        """Returns them as text, ``(n,)``, null where it is missing."""

    @property
    def numbers(self) -> pa.DoubleArray:
        """Returns them as numbers, ``(n,)``, null where it is missing or none."""

    @property
    def masks(self) -> pa.BinaryArray:
        """Returns them as masks, ``(n,)``: see ``tasks.masks``."""

    def of(self, label: str) -> LabelValues:
        """Returns those of one of several labels."""


class Meaning(Protocol):
    """From labels to targets.

    Attributes:
        is_numeric: Whether a label is a number to statistics, drift and the search for leaks, in place of
            names.
        takes_several: Whether a row may have several labels: then ``LabelValues.texts`` are joined, see
            ``tasks.several``, and statistics count each of them.
        takes_masks: Whether labels are images of classes: see ``tasks.masks``.
        trains_on_normal_rows: Whether it is trained on rows with the label ``data.normal`` alone.
        y_dtype: Of the targets.
    """

    is_numeric: bool
    takes_several: bool
    takes_masks: bool
    trains_on_normal_rows: bool
    y_dtype: YDtype

    def y_shape(self, target: Target) -> tuple[int, ...]:
        """Returns the shape of one row's target: of one number ``()``; several are floats or bytes."""

    def is_likely(self, column: LabelSummary, config: Data) -> bool:
        """Returns whether a label means this task where the config names none.

        Args:
            column: Of all rows.
            config: The config's data section.
        """

    def unlabelled(self, column: LabelSummary, rows: int) -> int:
        """Returns how many of the rows have no label that this task can use."""

    def counts(self, column: LabelSummary) -> Mapping[str, int]:
        """Returns the rows of every class by its name; empty where there are no classes."""

    def classes(self, column: LabelSummary, label: str, config: Data) -> list[str]:
        """Returns the names of the classes, in order; empty where there are none.

        Args:
            column: Of all rows that are trained on.
            label: The label's column.
            config: The config's data section.

        Raises:
            DataError: If there are too many.
        """

    def objection(self, columns: Mapping[str, LabelSummary], config: Data) -> tuple[str, str] | None:
        """Returns what is wrong with labels that have no classes, and what to do; None: nothing.

        Args:
            columns: Of the labels, by split.
            config: The config's data section.
        """

    def scale(self, column: LabelSummary) -> tuple[float, float]:
        """Returns what is taken off a label and what it is then divided by: ``(0, 1)`` leaves it alone."""

    def outputs(self, target: Target) -> int:
        """Returns the width of the model's output."""

    def encode(self, labels: LabelValues, target: Target) -> tuple[Array, NDArray[np.bool_]]:
        """Returns labels as the model learns them, ``(n, *y_shape)``, and which rows have one.

        Args:
            labels: Of some rows.
            target: What is known of the label.
        """

    def class_indices(self, y: Array) -> list[int]:
        """Returns the classes that occur in encoded labels, each as often as it does."""


class Learning(Protocol):
    """What a model of this task ends in, and what it is trained for.

    Attributes:
        takes_class_weights: Whether classes may weigh differently in the loss.
        one_tells_two: Whether a model of two outputs may answer the second alone, as 1 minus the first.
        loss_weights: What the losses of several outputs are multiplied by; None where there is one output.
    """

    takes_class_weights: bool
    one_tells_two: bool
    loss_weights: list[float] | None

    def output(self, x: Any, outputs: int, name: str) -> Any:
        """Returns the last layer's output in float32, ``(batch, outputs)``, from features ``(batch, n)``."""

    def adapted(self, model: keras.Model, outputs: int) -> keras.Model:
        """Returns a user's model in the form of this task's others where it only looks different."""

    def objection(self, y: NDArray[np.float64]) -> tuple[str, str] | None:
        """Returns what is wrong with a model's outputs ``(n, outputs)``, and what to do; None: nothing."""

    def labels(self, x: Any, y: Any) -> Any:
        """Returns what the loss compares outputs with.

        Args:
            x: Model-ready examples, ``(batch, *shape)``.
            y: Their labels, ``(batch, *y_shape)``.
        """

    def loss(self, api: Any, *, soft: bool = False, errors: Errors = None) -> Any:
        """Returns the loss.

        Args:
            api: Keras, or another library with its interface.
            soft: Whether labels are mixed with what a teacher answers.
            errors: By which numbers are learnt, see ``config.errors_learnt``; None: the usual.
        """

    def metrics(self, api: Any, *, soft: bool = False) -> list[Any]:
        """Returns the metric that is shown of every epoch, under the headline's name."""

    def softened(self, answers: Any, temperature: float, y: Any) -> Any:
        """Returns what a teacher answers, ``(batch, outputs)``, as labels.

        Args:
            answers: The teacher's.
            temperature: What its logits are divided by, where it answers probabilities.
            y: The true labels of the same examples, as ``labels`` gives them.
        """

    def mixable(self, y: Any, outputs: int) -> Any:
        """Returns labels as ``labels`` gives them in the form of ``softened``'s."""


class Judging(Protocol):
    """How good a model's answers are.

    Attributes:
        headline: The metric that the task is about.
        form: What metrics see of answers and labels: those of ``registry.METRICS`` that judge this form can
            be limited.
    """

    headline: Headline
    form: Form

    def answers(self, inputs: Array, outputs: Floats) -> Floats:
        """Returns what outputs say of inputs, ``(n, …)``: themselves, or how badly they repeat them.

        All that follows judges answers, and calls them outputs.

        Args:
            inputs: Model-ready examples, ``(n, *shape)``.
            outputs: The model's, ``(n, outputs)``.
        """

    def view(self, outputs: Floats, labels: Array, target: Target, model_target: Target) -> View:
        """Returns labels and answers in that form; arguments as for ``scores``."""

    def thresholds(self, outputs: Floats, labels: Array, target: Target) -> list[float]:
        """Returns from which output on an answer of this model is yes; none where there is nothing to choose.

        They belong to the model: each candidate has its own, and they are deployed with it.

        Args:
            outputs: The model's on validation examples, ``(n, outputs)``.
            labels: Encoded labels of the same examples, ``(n, *y_shape)``.
            target: What both mean.
        """

    def scores(
        self, outputs: Floats, labels: Array, target: Target, model_target: Target
    ) -> NDArray[np.float64]:
        """Returns the score of every example, ``(n,)``.

        Args:
            outputs: The model's, ``(n, outputs)``.
            labels: Encoded labels, ``(n, *y_shape)``.
            target: What the labels mean.
            model_target: What the model's outputs mean: the same but for the model's thresholds, unless an
                older model answers new data.
        """

    def quality(self, outputs: Floats, labels: Array, target: Target) -> Quality:
        """Returns all metrics.

        Args:
            outputs: The model's, ``(n, outputs)``; finite.
            labels: Encoded labels, ``(n, *y_shape)``.
            target: What both mean, with the model's thresholds.
        """

    def no_better_than_a_constant(self, scores: Floats, labels: Array, target: Target) -> str:
        """Returns a warning if a model is hardly better than one constant answer; else nothing.

        Args:
            scores: Of the model, ``(n,)``, ``n`` > 0.
            labels: Encoded labels of the same examples.
            target: What they mean.
        """


class Words(Protocol):
    """What to call it.

    Attributes:
        output: What a model of this task answers, for messages about its shape.
    """

    output: str

    def answers(self, outputs: Floats, target: Target) -> Iterator[dict[str, Any]]:
        """Yields what predict and serve answer, a row at a time.

        Args:
            outputs: The model's, ``(n, outputs)``.
            target: What they mean.
        """


class Task(Protocol):
    """A task."""

    name: str
    meaning: Meaning
    judging: Judging
    words: Words

    @property
    def learning(self) -> Learning:
        """Returns how a model learns it; imports Keras."""
