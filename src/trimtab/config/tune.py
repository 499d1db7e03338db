"""The ``tune`` section: the search over the model's and the optimizer's hyper-parameters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trimtab.config.base import Section


class Tune(Section):
    """A KerasTuner search on the validation split."""

    algorithm: Literal["hyperband", "bayesian", "random"] = "bayesian"
    trials: int = Field(10, ge=1, le=10_000, description="Trials at most (hyperband: a cap on its brackets).")
    epochs: int = Field(5, ge=1, description="Epochs per trial (hyperband: at most, for the last rung).")
    factor: int = Field(3, ge=2, description="Hyperband's reduction factor.")
