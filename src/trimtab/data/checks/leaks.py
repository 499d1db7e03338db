"""Features that give the label away: known only after the outcome, or made from it.

Kaufman et al. (2012, "Leakage in Data Mining") find leaks by looking for features that know too much. How
much a feature alone knows is its *skill*: every value (numbers in 16 quantile bins, the 16 most frequent
words) is replaced by the label's mean or class shares among the rows of the other four of five folds with
that value, and the result is scored against the label: for classification by the Gini coefficient
``2 AUC - 1``, averaged over the classes one against the rest; for regression by R².

Strong features are common and innocent: the worst radius of a tumour has a skill of 0.93 in the Wisconsin
data, the length of a petal 0.97 in the iris data. But they have company: other features know nearly as much,
and together more. So a feature is flagged when

1. it alone decides the label: its skill is at least 0.995; or
2. it stands apart: it knows nearly as much as all other features together or more (0.9 times the skill of a
   regularized linear model of their bins), and far more than the next best one. For classification, its
   skill is at least 0.5 and at least 1.5 times the next best; for regression, it is at least 0.9 and leaves
   at most half of what the next best leaves unexplained.

On the bank marketing data, ``duration`` (known only once the call is over) has a skill of 0.62, the next best
feature 0.29, and all fifteen others together 0.49. Regression asks for more since one dominant cause is
nothing unusual there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from trimtab.data.values import values
from trimtab.tasks import several

if TYPE_CHECKING:
    from trimtab.data.schema import Column
    from trimtab.data.statistics.sample import Sample

DECIDES = 0.995
_TOGETHER_RATIO = 0.9
_CLASSIFICATION_SKILL, _NEXT_BEST_RATIO = 0.5, 1.5
_REGRESSION_SKILL, _UNEXPLAINED_RATIO = 0.9, 0.5
_BINS = 16
_FOLDS = 5
_LEAST_ROWS, _MOST_ROWS = 50, 20_000
_MOST_CLASSES = 20
_MOST_OTHERS = 200
_BLOCK_CELLS = 1 << 20
Bins = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Leak:
    """A feature that knows too much.

    Attributes:
        column: Its name.
        skill: Its skill alone.
        next_best: The best skill of any other feature alone.
    """

    column: str
    skill: float
    next_best: float


def leaks(sample: Sample, label: str, columns: list[Column], *, is_numeric: bool) -> list[Leak]:
    """Returns the features that give the label away, the strongest first; none for fewer than 50 rows.

    Args:
        sample: Rows of the training split.
        label: The label's column.
        columns: The input columns; free text and encoded files are not looked at.
        is_numeric: Whether the label is a number, in place of a class.
    """
    features = [column for column in columns if column.kind in ("numeric", "categorical")]
    if not features or sample.counts.sum() < _LEAST_ROWS:
        return []
    rows = _rows(sample)
    folds = rows % _FOLDS
    targets = _targets(sample.rows.column(label).take(pa.array(rows)), is_numeric=is_numeric)
    bins = _all_bins(sample, rows, features)
    skills = _skills(bins, targets, folds, is_numeric=is_numeric)
    order = sorted(range(len(features)), key=lambda index: (-skills[index], index))
    best, next_best = skills[order[0]], skills[order[1]] if len(order) > 1 else 0.0
    flagged = [index for index in order if skills[index] >= DECIDES]
    if (
        not flagged
        and len(order) > 1
        and _is_far_above(best, next_best, is_numeric=is_numeric)
        and best
        >= _TOGETHER_RATIO
        * _skill_together(bins[order[1 : _MOST_OTHERS + 1]], targets, folds, is_numeric=is_numeric)
    ):
        flagged = order[:1]
    return [
        Leak(features[index].name, skills[index], next_best if index == order[0] else best)
        for index in flagged
    ]


def _is_far_above(best: float, next_best: float, *, is_numeric: bool) -> bool:
    if is_numeric:
        return best >= _REGRESSION_SKILL and 1 - best <= _UNEXPLAINED_RATIO * (1 - next_best)
    return best >= _CLASSIFICATION_SKILL and best >= _NEXT_BEST_RATIO * next_best


def _rows(sample: Sample) -> Bins:
    """Returns the places of the sampled rows, each as often as it occurs (up to a bound).

    Rows are sorted by hash, so that every fifth one is a random fold; copies of a row are in one fold.
    """
    different = len(sample.counts)
    times = np.minimum(sample.counts, max(1, _MOST_ROWS // different))
    return np.repeat(np.arange(different), times)


def _targets(column: pa.ChunkedArray, *, is_numeric: bool) -> Floats:
    """Returns ``(rows, classes)`` of zeros and ones (the 20 most frequent), or numbers ``(rows, 1)``."""
    if is_numeric:
        return np.nan_to_num(np.asarray(values.numbers(column), np.float64))[:, None]
    texts = [value or "" for value in values.texts(column).to_pylist()]
    if any(text.startswith(several.MARK) for text in texts):
        return _several_targets([several.parted(text) for text in texts])
    _, codes, counts = np.unique(texts, return_inverse=True, return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:_MOST_CLASSES]
    targets: Floats = (codes[:, None] == frequent).astype(np.float64)
    return targets


def _several_targets(rows: list[list[str]]) -> Floats:
    """Returns ``(rows, labels)`` of zeros and ones, where a row may have several of the labels."""
    counts = Counter(label for row in rows for label in row)
    places = {label: place for place, (label, _) in enumerate(sorted(counts.most_common(_MOST_CLASSES)))}
    targets = np.zeros((len(rows), len(places)))
    for row, labels in enumerate(rows):
        targets[row, [places[label] for label in labels if label in places]] = 1
    return targets


def _all_bins(sample: Sample, rows: Bins, features: list[Column]) -> Bins:
    """Returns the bin of each value, ``(features, rows)``; numbers of many columns at once."""
    places = {feature.name: at for at, feature in enumerate(features)}
    bins = np.empty((len(features), len(rows)), np.int64)
    for names, numbers in sample.matrices([each.name for each in features if each.kind == "numeric"]):
        bins[[places[name] for name in names]] = _number_bins(numbers[:, rows])
    for at, feature in enumerate(features):
        if feature.kind != "numeric":
            bins[at] = _word_bins(sample.rows.column(feature.name).take(pa.array(rows)))
    return bins


def _number_bins(numbers: Floats) -> Bins:
    """Returns the quantile bin of each number, ``(columns, rows)``; missing values are in the last one."""
    missing = np.isnan(numbers)
    bins = np.zeros(numbers.shape, np.int64)
    whole = ~missing.any(axis=1)
    q = np.linspace(0, 1, _BINS + 1)[1:-1]
    edges = np.full((len(q), len(numbers)), np.nan)
    edges[:, whole] = np.quantile(np.sort(numbers[whole], axis=1), q, axis=1)  # in half the time
    for at in np.flatnonzero(~whole & ~missing.all(axis=1)):
        edges[:, at] = np.quantile(numbers[at][~missing[at]], q)
    for place, edge in enumerate(edges):
        is_another = edge != edges[place - 1] if place else np.ones(len(edge), bool)
        bins += (numbers > edge[:, None]) & is_another[:, None]
    bins[missing] = _BINS
    return bins


def _word_bins(column: pa.ChunkedArray) -> Bins:
    """Returns the place of each word among the most frequent ones; all others have one, too."""
    words = [value or "" for value in values.texts(column).to_pylist()]
    _, codes, counts = np.unique(words, return_inverse=True, return_counts=True)
    places = np.full(len(counts), _BINS)
    frequent = np.argsort(-counts, kind="stable")[:_BINS]
    places[frequent] = np.arange(len(frequent))
    return places[codes]


def _skills(bins: Bins, targets: Floats, folds: Bins, *, is_numeric: bool) -> list[float]:
    """Returns the skill of each feature alone."""
    step = max(1, _BLOCK_CELLS // targets.size)
    skills: list[float] = []
    for start in range(0, len(bins), step):
        predicted = _target_means(bins[start : start + step], targets, folds)
        skills += _skill(predicted, targets, is_numeric=is_numeric).tolist()
    return skills


def _target_means(bins: Bins, targets: Floats, folds: Bins) -> Floats:
    """Returns every row's mean target among the rows of the other folds in its bin.

    The shape is ``(targets, features, rows)``. Means are drawn towards the overall mean by the weight of one
    row.
    """
    of_feature = np.arange(len(bins))[:, None]
    size = len(bins) * _FOLDS * (_BINS + 1)
    cells = (of_feature * _FOLDS + folds) * (_BINS + 1) + bins
    shape = (len(bins), _FOLDS, _BINS + 1)
    rows = np.bincount(cells.ravel(), minlength=size).reshape(shape)
    result = np.empty((targets.shape[1], *bins.shape))
    for place, target in enumerate(targets.T):
        sums = np.bincount(cells.ravel(), np.tile(target, len(bins)), size).reshape(shape)
        means = (sums.sum(1, keepdims=True) - sums + target.mean()) / (rows.sum(1, keepdims=True) - rows + 1)
        result[place] = means.ravel()[cells]
    return result


def _skill(predicted: Floats, targets: Floats, *, is_numeric: bool) -> Floats:
    """Returns the skill of each feature.

    Args:
        predicted: By every feature, ``(targets, features, rows)``.
        targets: ``(rows, targets)``.
        is_numeric: Whether the target is a number, in place of classes.
    """
    if is_numeric:
        total = ((targets - targets.mean()) ** 2).sum()
        if not total:
            return np.zeros(predicted.shape[1])
        return np.asarray(1 - ((targets.T - predicted[0]) ** 2).sum(axis=1) / total)
    scores = [_gini(of_class, positive) for of_class, positive in zip(predicted, targets.T, strict=True)]
    return np.asarray(np.mean(scores, axis=0))


def _gini(predicted: Floats, positive: Floats) -> Floats:
    """Returns ``2 AUC - 1`` of each feature, the AUC by the Mann-Whitney statistic.

    Args:
        predicted: ``(features, rows)``.
        positive: Which rows are, ``(rows,)``.
    """
    wins, losses = positive.sum(), len(positive) - positive.sum()
    if not wins or not losses:
        return np.zeros(len(predicted))
    # Equal predictions share their mean rank. SciPy has this too, but its import costs a second.
    order = np.argsort(predicted, axis=1)
    ordered = np.take_along_axis(predicted, order, axis=1)
    is_new = np.ones(ordered.shape, bool)
    is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.flatnonzero(is_new)
    counts = np.diff(first, append=ordered.size)
    mean_ranks = np.repeat(first % len(positive) + (counts + 1) / 2, counts).reshape(ordered.shape)
    ranks = (mean_ranks * (positive > 0)[order]).sum(axis=1)
    return np.asarray(2 * (ranks - wins * (wins + 1) / 2) / (wins * losses) - 1)


def _skill_together(bins: Bins, targets: Floats, folds: Bins, *, is_numeric: bool) -> float:
    """Returns the cross-validated skill of a linear model of several features' bins."""
    from sklearn.linear_model import LogisticRegression, Ridge  # a second that few data sets should pay
    from sklearn.preprocessing import OneHotEncoder

    inputs = OneHotEncoder(handle_unknown="ignore").fit_transform(bins.T)
    predicted = np.zeros_like(targets)
    for fold in range(_FOLDS):
        rest, held = folds != fold, folds == fold
        if is_numeric:
            predicted[held, 0] = Ridge(1.0).fit(inputs[rest], targets[rest, 0]).predict(inputs[held])
            continue
        predicted[held] = _probabilities(LogisticRegression(max_iter=300), inputs, targets, rest)[held]
    return float(_skill(predicted.T[:, None], targets, is_numeric=is_numeric)[0])


def _probabilities(model: Any, inputs: Any, targets: Floats, rest: Any) -> Floats:
    """Returns every row's probabilities ``(rows, classes)`` by a model of the rows of ``rest``."""
    predicted = np.zeros_like(targets)
    if (targets.sum(axis=1) <= 1).all():
        fitted = model.fit(inputs[rest], targets[rest].argmax(axis=1))
        predicted[:, fitted.classes_] = fitted.predict_proba(inputs)
        return predicted
    for place, target in enumerate(targets.T):  # of several labels a row, each by itself
        predicted[:, place] = target[rest].mean()
        if len(np.unique(target[rest])) == 2:
            predicted[:, place] = model.fit(inputs[rest], target[rest]).predict_proba(inputs)[:, 1]
    return predicted
