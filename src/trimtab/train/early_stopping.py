"""Early stopping whose state travels with the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from trimtab.config.train import EarlyStopping


@dataclass
class Patience:
    """Watches the validation loss.

    Attributes:
        config: The ``train.early_stopping`` section.
        best: The lowest loss so far.
        best_epoch: Its epoch, counted from 1; 0 before the first.
        best_weights: The weights after that epoch.
        waited: Epochs since then.
    """

    config: EarlyStopping
    best: float = float("inf")
    best_epoch: int = 0
    best_weights: list[np.ndarray] = field(default_factory=list)
    waited: int = 0

    def improved(self, epoch: int, loss: float) -> bool:
        """Takes in an epoch's loss and returns whether it is the best; the caller then sets the weights.

        Args:
            epoch: The epoch, counted from 1.
            loss: Its validation loss.
        """
        if self.best - loss > self.config.min_delta or self.best_epoch == 0:
            self.best, self.best_epoch, self.waited = loss, epoch, 0
            return True
        self.waited += 1
        return False

    @property
    def over(self) -> bool:
        """Returns whether patience ran out."""
        return self.waited >= self.config.patience
