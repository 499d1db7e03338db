import math

import pytest

from trimtab.report.words import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (math.nan, "-"),
        (math.inf, "-"),
        (0.0, "0"),
        (0.07493, "0.0749"),
        (0.231, "0.231"),
        (35.31, "35.3"),
        (1234.5, "1,234"),
        (-2.5, "-2.50"),
        (1e-9, "1.00e-09"),
        (3e12, "3.00e+12"),
    ],
)
def test_a_number_has_three_significant_digits(value, text):
    assert numbers.decimal(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.05, "0.05"), (150, "150"), (12_500.25, "12,500.25"), (0.000838181818182, "0.000838")],
)
def test_a_limit_is_as_it_was_written_unless_it_was_computed(value, text):
    assert numbers.limit(value) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("accuracy", "accuracy"),
        ("macro_f1", "macro F1"),
        ("roc_auc", "ROC AUC"),
        ("mae", "MAE"),
        ("mean_iou", "mean IoU"),
    ],
)
def test_a_metric_is_written_as_people_write_it(name, text):
    assert numbers.metric(name) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(None, "-"), (0, "0 B"), (87_475, "87.5 kB"), (999_600, "1.00 MB"), (3_100_000_000, "3.10 GB")],
)
def test_a_size_has_the_unit_that_fits(size_bytes, text):
    assert numbers.size(size_bytes) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (7, "7"), (78_666, "78.7 k"), (2_510_000, "2.51 M"), (4e12, "4,000 G")]
)
def test_a_count_is_short(value, text):
    assert numbers.count(value) == text


def test_shares_and_points():
    assert numbers.percent(0.97218) == "97.22 %"
    assert numbers.points(0.0028) == "0.28"
    assert numbers.points(-0.00001) == "0.00"
    assert numbers.limit(0.2) == "0.2"
    assert numbers.limit(12_000.0) == "12,000"


@pytest.mark.parametrize(("seconds", "text"), [(4.21, "4.2 s"), (185, "3 min 05 s"), (7_800, "2 h 10 min")])
def test_a_duration(seconds, text):
    assert numbers.duration(seconds) == text


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (312, 80, "3.9x smaller"),
        (100, 80, "1.25x smaller"),
        (80, 100, "1.25x larger"),
        (100, 99, None),
        (None, 5, None),
        (5, 0, None),
    ],
)
def test_a_factor_is_said_in_words_and_only_where_there_is_one(before, after, words):
    assert numbers.factor(before, after, "smaller", "larger") == words
