"""Test rows that decide again: counted beside the champion, and paid for where the config asks for it."""

from __future__ import annotations

import hashlib
import json

from trimtab.artifacts.proof import Reuse
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy import ledger
from trimtab.deploy.repository import Repository
from trimtab.evaluate.spending import confidence
from trimtab.stages import settings

_NO_LIMITS = {"objective", "threads", "streams", "proof", "confidence", "size"}


def enter(config: Config, run_uri: str, data: Dataset) -> Reuse:
    """Writes down that this run decides by these test rows, before it looks at them.

    Args:
        config: The config.
        run_uri: The URI of the run's directory; one that goes on decides no second time.
        data: The dataset.

    Returns:
        How often they have decided.
    """
    limits = _digest(config)
    decisions = ledger.enter(
        Repository(settings.target(config, run_uri)), data.test_fingerprint, limits, run_uri
    )
    return Reuse(
        rule=config.proof.reuse,
        test_rows=data.test_fingerprint,
        decisions=len(decisions),
        same_limits=sum(decision.limits == limits for decision in decisions),
        asked=config.budget.confidence,
    )


def before(config: Config, run_uri: str, data: Dataset) -> int:
    """Returns how often these test rows have decided for other runs."""
    decisions = ledger.read(Repository(settings.target(config, run_uri))).of(data.test_fingerprint)
    return sum(decision.run != run_uri for decision in decisions)


def spent(asked: float, used: Reuse) -> float:
    """Returns the confidence that a test is made at, so that what is asked for holds over all decisions."""
    return confidence(asked, used.decisions) if used.rule == "spend" else asked


def paid(config: Config, used: Reuse) -> Config:
    """Returns the config with the confidences that the tests of this decision are made at."""
    budget = {"confidence": spent(config.budget.confidence, used)}
    retrain = {"confidence": spent(config.retrain.confidence, used)}
    return config.model_copy(
        update={
            "budget": config.budget.model_copy(update=budget),
            "retrain": config.retrain.model_copy(update=retrain),
        }
    )


def _digest(config: Config) -> str:
    limits = config.budget.model_dump(mode="json", exclude=_NO_LIMITS)
    return hashlib.sha256(json.dumps(limits, sort_keys=True).encode()).hexdigest()
