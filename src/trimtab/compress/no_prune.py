"""No pruning: the trained model as it is."""

from __future__ import annotations

import keras

from trimtab.compress.base import Context
from trimtab.config.recipes import NoPrune


def no_prune(model: keras.Model, params: NoPrune, context: Context) -> keras.Model:  # noqa: ARG001
    """Returns the model itself; see ``PruneMethod``."""
    return model
