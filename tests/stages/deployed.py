"""A run from its prepared data to its deployed model: stage after stage, in one process for all of them.

Stages make things in processes of their own, which are forked, and so cheap, where TensorFlow has not run: it
has in a test's process, and has not in this one.
"""

from __future__ import annotations

from dataclasses import dataclass

from stages.home import Home
from stages.retraining import constant_times

from trimtab.config.config import Config
from trimtab.evaluate import latency
from trimtab.stages import compare, data_prep, deploy, evaluate, prune, quantize, select, train


@dataclass(frozen=True)
class Made:
    """The references of what the stages made."""

    trained: str
    quantized: str
    evaluated: str


def prepared(home: Home, config: Config) -> None:
    """Takes a run to its prepared data."""
    home.configure(config)
    home.dataset = home.task(data_prep.run, config.model_dump_json())


def deployed(home: Home) -> Made:
    """Takes a run from its prepared data to its deployed model; every model takes as long to answer."""
    made: Made = home.task(_deployed, home.dataset, sabotage=_no_latencies)
    home.trained = made.trained
    return made


def _no_latencies() -> None:
    latency.sample = constant_times


def _deployed(run: str, dataset: str) -> Made:
    trained = train.run(run, dataset)
    quantized = quantize.run(run, "1/1", dataset, prune.run(run, "1/1", dataset, trained))
    evaluated = evaluate.run(run, "1/1", dataset, quantized)
    assert select.run(run, dataset, trained, [evaluated])
    assert compare.run(run, dataset)
    deploy.run(run, dataset, trained)
    return Made(trained, quantized, evaluated)
