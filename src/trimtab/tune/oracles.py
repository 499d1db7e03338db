"""KerasTuner's oracles, made from the ``tune`` section."""

from __future__ import annotations

import keras_tuner
from keras_tuner.oracles import BayesianOptimizationOracle, HyperbandOracle, RandomSearchOracle

from trimtab.config.tune import Tune
from trimtab.tasks.headline import Headline

EPOCHS = "tuner/epochs"
"""Hyperband's own hyper-parameter: the epochs of a trial."""


def objective(headline: Headline | None) -> keras_tuner.Objective:
    """Returns what trials are judged by: the task's headline on the validation split, or the loss."""
    if headline is None:
        return keras_tuner.Objective("val_loss", "min")
    return keras_tuner.Objective(f"val_{headline.metric}", "max" if headline.better == "higher" else "min")


def oracle(tune: Tune, headline: Headline | None, seed: int) -> keras_tuner.Oracle:
    """Returns a new oracle that asks for at most ``tune.trials`` trials.

    Args:
        tune: The ``tune`` section.
        headline: What the objective follows from; None: the loss, which is of all of several outputs.
        seed: The run's seed.
    """
    common = {
        "objective": objective(headline),
        # KerasTuner takes a seed of 0 for none, and draws one.
        "seed": seed + 1,
        # A bad trial never ends the search: the others may be good.
        "max_consecutive_failed_trials": tune.trials + 1,
    }
    if tune.algorithm == "random":
        return RandomSearchOracle(max_trials=tune.trials, **common)
    if tune.algorithm == "bayesian":
        # KerasTuner's default is 3 random points a dimension: more than the trials of most searches.
        points = max(3, tune.trials // 3)
        return BayesianOptimizationOracle(max_trials=tune.trials, num_initial_points=points, **common)
    hyperband = HyperbandOracle(
        max_epochs=tune.epochs, factor=tune.factor, hyperband_iterations=None, **common
    )
    hyperband.max_trials = tune.trials
    return hyperband
