"""What a Keras model is made of, counted."""

from __future__ import annotations

import keras

from trimtab.artifacts.evaluation import Cost
from trimtab.models import cost


def cost_of(model: keras.Model) -> Cost:
    """Returns a model's parameters, multiply-accumulates and share of zeros."""
    return Cost(parameters=cost.parameters(model), macs=cost.macs(model), sparsity=cost.sparsity(model))
