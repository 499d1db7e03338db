"""What the validation examples let one expect of the test: draws of every candidate's p-value.

Nothing here has seen a test label, so that whatever is planned on it leaves the test valid; a poor forecast
costs power, never the level. Losses against the baseline are taken as normal:

- *Noise.* The variance of a mean is the candidate's own, shrunk toward that of all (few examples differ, and
  a candidate without any is not without variance). Correlations are two numbers, one within a family of
  candidates and one between families: a full matrix from so few examples misleads more than it tells.
- *Prior.* Losses grow in proportion to what is saved, and deviate by family and by candidate, by as much as
  the likelihood of the validation scores says (a mixture over a grid, as in C. E. Rasmussen and C. K. I.
  Williams, "Gaussian Processes for Machine Learning", 2006, chapter 5).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from trimtab.evaluate.bounds import paired_proportions

_Floats = NDArray[np.float64]

_DRAWS = 512
_SEED = 0
_POOLED_EXAMPLES = 60
_LEAST_INDEPENDENT = 0.2
_TEST_INDEPENDENT = 0.02
_AT_THE_START = 0.2
_SLOPES, _BY_FAMILY, _BY_CANDIDATE = (0.3, 2.0), (0.03, 0.2, 1.0), (0.03, 0.2, 1.0)
_LEAST_WEIGHT = 0.01
_USUAL_CONFIDENCE, _OUT_OF_QUESTION = 0.95, 1e-4


@dataclass(frozen=True)
class Validation:
    """What is known of the candidates before the test.

    Attributes:
        losses: Loss against the baseline on each validation example, ``(examples, candidates)``, of which the
            mean is what the budget limits; no examples, where there is no validation split.
        costs: Cost of each candidate over the baseline's, ``(candidates,)``.
        families: The family of each candidate, such as its branch.
    """

    losses: _Floats
    costs: _Floats
    families: Sequence[str]

    @property
    def same_family(self) -> NDArray[np.bool_]:
        """Returns which pairs of candidates are of one family, ``(candidates, candidates)``."""
        codes = np.unique(np.asarray(self.families), return_inverse=True)[1]
        return np.asarray(codes[:, None] == codes[None, :])


def p_values(
    validation: Validation,
    limit: float,
    test_examples: int,
    least_variance: float = 0.0,
    *,
    paired: bool = False,
) -> _Floats:
    """Returns draws of the p-values of a test, ``(draws, candidates)``; the same for the same arguments.

    Args:
        validation: What is known.
        limit: The largest mean loss that the budget allows.
        test_examples: How many examples the test has.
        least_variance: The least variance of a loss at the limit.
        paired: Whether losses are 1, 0 or -1: of answers that are right or wrong, beside the baseline's.
    """
    variances, correlations = _noise(validation, limit)
    spread = np.sqrt(np.outer(variances, variances))
    random = np.random.default_rng(_SEED)
    losses = _posterior_draws(
        validation, limit, spread * _with_independent(correlations, _LEAST_INDEPENDENT), random
    )
    test = _root(_with_independent(correlations, _TEST_INDEPENDENT))
    noise = random.standard_normal(losses.shape) @ test.T
    if paired:
        return _of_paired_answers(losses, noise, _gains(validation.losses), limit, test_examples)
    losses += noise * np.sqrt(variances / test_examples)
    deviation = np.sqrt(np.maximum(variances, least_variance) / test_examples)
    return np.asarray(ndtr((losses - limit) / deviation))


def _of_paired_answers(losses: _Floats, noise: _Floats, gains: _Floats, limit: float, n: int) -> _Floats:
    """Returns p-values of the paired test, ``(draws, candidates)``.

    Args:
        losses: Draws of the true losses, ``(draws, candidates)``.
        noise: What the test adds to them, in standard deviations.
        gains: The share of examples that each candidate alone gets right, ``(candidates,)``.
        limit: The largest loss that is allowed.
        n: How many examples the test has.
    """
    seen = losses + noise * np.sqrt((np.maximum(losses, 0) + 2 * gains) / n)
    lost = n * np.maximum(seen + gains, 0)
    drawn = ndtr(paired_proportions.score(lost, np.broadcast_to(n * gains, lost.shape), n, limit))
    reachable = [_least_p_value(round(n * gain), n, limit) for gain in gains]
    return np.asarray(np.maximum(drawn, reachable))


def _gains(losses: _Floats) -> _Floats:
    """Returns the share that each candidate alone gets right: examples are few, so about that of all."""
    examples, candidates = losses.shape
    if not examples:
        return np.zeros(candidates)
    seen = (losses < 0).mean(axis=0)
    mean = float(seen.mean())
    return np.asarray(mean + (seen - mean) * (examples * mean) / (examples * mean + _POOLED_EXAMPLES))


@lru_cache(maxsize=4096)
def _least_p_value(gains: int, n: int, limit: float) -> float:
    """Returns the p-value of a candidate that loses nothing; 0 where that is small beside any level."""
    if (1 - limit) ** n < _OUT_OF_QUESTION:
        return 0.0
    return paired_proportions.p_value(0, gains, n, limit, _USUAL_CONFIDENCE)


def _noise(validation: Validation, limit: float) -> tuple[_Floats, _Floats]:
    """Returns the variances of one example's loss, ``(candidates,)``, and the correlations of a pair."""
    examples, candidates = validation.losses.shape
    if examples < 2:
        return np.full(candidates, max(limit, 1e-12)), np.eye(candidates)
    losses = validation.losses.astype(np.float32)
    covariance = np.cov(losses, rowvar=False, ddof=0).reshape(candidates, candidates).astype(np.float64)
    covariance[np.diag_indices(candidates)] += max(limit, 1e-6) ** 2 / examples
    variances = np.diag(covariance)
    informative = _informative_examples(losses)
    pooled = (informative * variances + _POOLED_EXAMPLES * variances.mean()) / (
        informative + _POOLED_EXAMPLES
    )
    return pooled, _two_correlations(covariance / np.sqrt(np.outer(variances, variances)), validation)


def _informative_examples(losses: NDArray[np.float32]) -> float:
    """Returns on how many examples a variance rests: those that differ, if they differ by as much."""
    squares = np.square(losses, dtype=np.float64)
    fourth = float(np.square(squares).sum())
    return float(squares.sum()) ** 2 / fourth / losses.shape[1] if fourth else 0.0


def _two_correlations(correlations: _Floats, validation: Validation) -> _Floats:
    same = validation.same_family
    pairs = same & ~np.eye(len(same), dtype=bool)
    between = max(float(correlations[~same].mean()), 0.0) if not same.all() else 0.0
    within = max(float(correlations[pairs].mean()), between) if pairs.any() else between
    structured = np.where(same, within, between)
    structured[np.diag_indices(len(same))] = 1
    return structured


def _with_independent(correlations: _Floats, share: float) -> _Floats:
    return np.asarray((1 - share) * correlations + share * np.eye(len(correlations)))


def _posterior_draws(
    validation: Validation, limit: float, covariance: _Floats, random: np.random.Generator
) -> _Floats:
    """Returns draws of the true losses, ``(draws, candidates)``, given the validation losses."""
    savings = 1 - validation.costs
    expected = limit * savings
    priors = [limit**2 * prior for prior in _priors(savings, validation.same_family)]
    examples = len(validation.losses)
    if examples < 2:
        posteriors = [(1.0, np.zeros(len(savings)), prior) for prior in priors]
    else:
        seen = validation.losses.mean(axis=0) - expected
        posteriors = [_posterior(prior, covariance / examples, seen) for prior in priors]
    likelihoods = np.array([log for log, _, _ in posteriors])
    weights = np.exp(likelihoods - likelihoods.max())
    weights = np.where(weights < _LEAST_WEIGHT, 0, weights)
    places = np.round(_DRAWS * np.cumsum(weights) / weights.sum()).astype(int)
    parts = [
        mean + random.standard_normal((count, len(mean))) @ _root(variance).T
        for count, (_, mean, variance) in zip(np.diff(places, prepend=0), posteriors, strict=True)
        if count
    ]
    return np.asarray(expected + np.concatenate(parts))


def _priors(savings: _Floats, same_family: NDArray[np.bool_]) -> list[_Floats]:
    """Returns covariances of the losses over the limit, each ``(candidates, candidates)``."""
    alike, alone = same_family.astype(np.float64), np.eye(len(savings))
    return [
        _AT_THE_START**2 + slope**2 * np.outer(savings, savings) + family**2 * alike + candidate**2 * alone
        for slope, family, candidate in itertools.product(_SLOPES, _BY_FAMILY, _BY_CANDIDATE)
    ]


def _posterior(prior: _Floats, noise: _Floats, seen: _Floats) -> tuple[float, _Floats, _Floats]:
    """Returns the logarithm of the likelihood, and the mean and the covariance of the losses."""
    factor = np.linalg.cholesky(prior + noise)
    whitened = np.linalg.solve(factor, seen)
    gain = np.linalg.solve(factor, prior)
    log = -0.5 * float(whitened @ whitened) - float(np.log(np.diag(factor)).sum())
    return log, gain.T @ whitened, prior - gain.T @ gain


def _root(covariance: _Floats) -> _Floats:
    """Returns a square root of a matrix that may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
