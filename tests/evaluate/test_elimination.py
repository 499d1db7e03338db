"""Which models are proven to break the accuracy budget on validation examples."""

from __future__ import annotations

import numpy as np
import pytest

from trimtab.config.budget import Budget
from trimtab.errors import ArtifactError
from trimtab.evaluate.elimination import over_budget


def right(share: float, n: int = 1000) -> np.ndarray:
    return (np.arange(n) < share * n).astype(np.float32)


BUDGET = Budget(max_accuracy_drop=0.02, max_error_increase=0.1, confidence=0.95)


@pytest.mark.parametrize(
    ("before", "after", "dropped"),
    [
        (right(0.95), right(0.95), False),
        (right(0.95), right(0.96), False),
        (right(0.95), right(0.93), False),
        (right(0.95), right(0.925), False),
        (right(0.95), right(0.90), True),
        (right(0.95, 20), right(0.90, 20), False),
        (right(1.0, 20), right(0.0, 20), True),
        (np.zeros(0, np.float32), np.zeros(0, np.float32), False),
        (np.ones(1, np.float32), np.zeros(1, np.float32), False),
    ],
)
def test_only_a_proven_drop_in_accuracy_counts(before: np.ndarray, after: np.ndarray, dropped: bool) -> None:
    assert bool(over_budget(before, after, BUDGET, "classification")) is dropped


def test_only_a_proven_increase_of_the_error_counts() -> None:
    rng = np.random.default_rng(0)
    before = rng.exponential(2.0, 500).astype(np.float32)
    noise = rng.normal(1.0, 0.05, 500)
    assert not over_budget(before, before * 1.09 * noise, BUDGET, "regression")
    reason = over_budget(before, before * 1.3 * noise, BUDGET, "regression")
    assert "mean absolute error rises by at least 2" in reason
    assert "observed 29.8" in reason


def test_at_the_limit_the_error_rate_is_what_the_confidence_says() -> None:
    rng = np.random.default_rng(1)
    wrongly = 0
    for _ in range(2000):
        before = rng.random(1000) < 0.95
        broken = rng.random(1000) < 0.03
        mended = rng.random(1000) < 0.17
        # P(right before, wrong after) - P(wrong before, right after) = 0.95 * 0.03 - 0.05 * 0.17 = 0.02
        after = np.where(before, ~broken, mended)
        wrongly += bool(
            over_budget(before.astype(np.float32), after.astype(np.float32), BUDGET, "classification")
        )
    assert wrongly / 2000 < 0.065


@pytest.mark.parametrize("n", [165, 1000])
def test_good_models_are_not_dropped_because_the_baselines_epoch_was_chosen_on_the_same_examples(
    n: int,
) -> None:
    """Thirty epochs are equally good, the best on these examples is kept; the model is at the budget."""
    rng, epochs, runs = np.random.default_rng(2), 30, 500
    dropped, uncorrected = 0, 0
    for _ in range(runs):
        common = rng.random(n) < 0.85
        answers = np.where(common, True, rng.random((epochs, n)) < 0.6).astype(np.float32)
        before = answers[answers.mean(axis=1).argmax()]
        # As good as any epoch but for the budget: 0.94 - 0.02.
        after = np.where(common, rng.random(n) < 1 - 0.02 / 0.85, rng.random(n) < 0.6).astype(np.float32)
        uncorrected += bool(over_budget(before, after, BUDGET, "classification"))
        dropped += bool(over_budget(before, after, BUDGET, "classification", choices=epochs))
    assert dropped / runs <= 0.05
    assert uncorrected / runs > 0.1


def test_a_model_that_is_clearly_over_the_budget_is_dropped_whatever_was_chosen() -> None:
    reason = over_budget(right(0.95), right(0.85), BUDGET, "classification", choices=200)
    assert "on which the baseline was chosen among 200" in reason


def test_examples_in_groups_prove_less() -> None:
    before, after = right(0.95), right(0.90)
    assert over_budget(before, after, BUDGET, "classification")
    assert not over_budget(before, after, BUDGET, "classification", groups=np.arange(1000) // 50)


def test_scores_of_other_examples_are_refused() -> None:
    with pytest.raises(ArtifactError, match="expected"):
        over_budget(right(0.9), right(0.9, 999), BUDGET, "classification")
