"""What a pass is: one step of a chain, which makes a smaller Keras model, or the files of a runtime.

A pass is one file of this room, with one object, ``PASS``, and one line in ``trimtab.registry``. Its module
is light to import, because what it declares is read wherever a config is: the libraries that it needs are
imported by what uses them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from trimtab.config.base import Section
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.methods import KERAS

if TYPE_CHECKING:
    import keras
    import numpy as np

Params = TypeVar("Params", bound=Section)

Files = Mapping[str, bytes]
"""The contents of a runtime's files by name."""


class FineTune(Protocol):
    """Trains a model in place, exactly resumable, as the ``train`` section and a pass's parameters say."""

    def __call__(
        self, model: Any, tuning: FineTuning, *, callbacks: Sequence[Any] = (), library: Any = None
    ) -> None:
        """Trains.

        Args:
            model: A Keras 3 model, or one of another library.
            tuning: How long, how fast, and by whose labels.
            callbacks: What is called at every step, of the model's own library.
            library: What the loop does differently for the model's library; None: it is a Keras 3 model.

        Raises:
            TrainingError: If the loss is no longer a number, or memory runs out.
        """


class Scales(Protocol):
    """Weighs Keras models as they would be served: what a pass cannot tell from their weights."""

    def gzip_bytes(self, model: keras.Model, name: str, quantization: str) -> int:
        """Returns the bytes of a model's files after gzip.

        Args:
            model: A Keras model.
            name: Of the files' runtime.
            quantization: One of its own quantizations, with the usual parameters.

        Raises:
            CompressionError: If the runtime cannot take the model so.
        """

    def milliseconds(self, models: Sequence[keras.Model], name: str, quantization: str) -> list[float]:
        """Returns the median latency of each model, one example on one thread, all measured in turns.

        Args:
            models: Keras models.
            name: As above.
            quantization: As above.

        Raises:
            CompressionError: If the runtime cannot take one of them so.
        """


@dataclass(frozen=True)
class Context:
    """What a pass may use beside the model.

    Attributes:
        seed: The run's seed.
        task: The task's name.
        steps_per_epoch: Training batches in an epoch.
        fine_tune: Trains a model in place.
        calibration: Returns ``n`` model-ready examples, drawn over all of training, ``(n, *input_shape)``: as
            ``batch.fed`` gives them, an array, or by name where there are several inputs.
        say: Reports one line of progress.
        labelled: Returns ``n`` of them with what the loss compares their answers with, and the loss, of these
            and of answers; None: there are no labels.
        validation_loss: Returns the loss of a Keras model on validation examples; None: there are none.
        scales: Weighs models as they would be served; None: nothing is measured, as in a rehearsal, and
            a pass goes by what it can count.
    """

    seed: int
    task: str
    steps_per_epoch: int
    fine_tune: FineTune
    calibration: Callable[[int], Any]
    say: Callable[[str], None]
    labelled: Callable[[int], tuple[Any, np.ndarray, Callable[[Any, Any], Any]]] | None = None
    validation_loss: Callable[[keras.Model], float] | None = None
    scales: Scales | None = None


class Pass(ABC, Generic[Params]):
    """A pass; its docstring's first paragraph says in a sentence what it does.

    Attributes:
        params: The class of its parameters: types, defaults, ranges, descriptions and search ranges.
        gives: ``keras``, or the name of the runtime whose files it gives.
        needs: Of ``data`` (training examples), ``gradients`` (it trains) and ``labels``.
        makes: Traits that the model has after it: see ``config.methods.TRAITS``.
        keeps: Traits that it does not destroy in a model that has them.
        source: Where the method is described.
    """

    params: type[Params]
    gives: ClassVar[str] = KERAS
    needs: ClassVar[frozenset[str]] = frozenset()
    makes: ClassVar[frozenset[str]] = frozenset()
    keeps: ClassVar[frozenset[str]] = frozenset()
    source: ClassVar[str] = ""

    @property
    def summary(self) -> str:
        """Returns what it does, in a sentence."""
        return " ".join((type(self).__doc__ or "").split("\n\n")[0].split())

    @abstractmethod
    def __call__(self, model: keras.Model, params: Params, context: Context) -> keras.Model | Files:
        """Returns what the pass makes of a model.

        Args:
            model: A Keras model, which keeps its weights.
            params: The pass's parameters.
            context: What it may use.

        Returns:
            A new Keras model, or, of a pass that gives a runtime's files, these.

        Raises:
            CompressionError: If the model cannot take it, or if its target was not reached.
            TrainingError: If a fine-tuning diverges.
        """
