"""What training leaves behind beside the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class History:
    """The epochs of a run.

    Attributes:
        epochs: One entry an epoch: ``epoch`` (counted from 1), ``loss``, the metric, ``val_loss``, the metric
            on the validation split, ``learning_rate`` and ``seconds``.
        best_epoch: With early stopping, the epoch whose weights were kept, counted from 1.
        stopped_early: Whether patience ran out before the last epoch.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int | None = None
    stopped_early: bool = False

    def to_json(self) -> dict[str, Any]:
        """Returns the history as JSON-able data."""
        return asdict(self)

    @property
    def kept_epoch(self) -> dict[str, float]:
        """Returns the entry of the epoch whose weights the model has."""
        return self.epochs[(self.best_epoch or len(self.epochs)) - 1] if self.epochs else {}
