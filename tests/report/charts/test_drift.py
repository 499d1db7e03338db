import pytest

from trimtab.data.champion.drift import Bin, DriftReport, FeatureDrift
from trimtab.report.charts.drift import MOST_PANELS, MOST_ROWS, drift_panels, headline, p_value
from trimtab.report.words.numbers import percent


def feature(name="age", psi=0.5, p=1e-9, bins=None, **other):
    bins = bins or [("a", 0.5, 0.2), ("b", 0.5, 0.8)]
    return FeatureDrift.model_validate(
        {
            "name": name,
            "kind": "categorical",
            "aspect": "values",
            "is_label": False,
            "psi": psi,
            "test": "chi-square",
            "statistic": 12.5,
            "p_value": p,
            "adjusted_p_value": p,
            "drifted": psi >= 0.2 and p <= 0.01,
            "bins": [Bin(label=label, before=before, now=now) for label, before, now in bins],
            **other,
        }
    )


def report(*features):
    return DriftReport(rows_before=100, rows_now=50, max_psi=0.2, significance=0.01, features=list(features))


@pytest.mark.parametrize(
    ("psi", "p", "state"),
    [(0.5, 1e-9, "drifted"), (0.5, 0.2, "large"), (0.01, 1e-9, "small"), (0.01, 0.2, "stable")],
)
def test_both_limits_make_the_verdict(psi, p, state):
    (panel,) = drift_panels(report(feature(psi=psi, p=p)))
    assert panel.state == state
    assert panel.stands_out is (state != "stable")


def test_bars_are_as_long_as_the_shares():
    (panel,) = drift_panels(report(feature()))
    (a, b), longest = panel.pairs, panel.pairs[1].now
    assert (a.before, a.now, b.before) == pytest.approx((longest * 5 / 8, longest / 4, longest * 5 / 8))
    assert panel.bars + longest < panel.end
    assert b.shares == "50.0 % → 80.0 %"
    assert panel.evidence == "PSI 0.50, chi-square 12.5, p < 0.0001"


def test_of_many_bins_the_most_changed_are_shown_and_nothing_is_lost():
    bins = [(f"v{i}", 0.02, 0.02) for i in range(30)] + [("big", 0.1, 0.3), ("(other)", 0.3, 0.1)]
    (panel,) = drift_panels(report(feature(bins=bins)))
    assert len(panel.pairs) == MOST_ROWS
    names = [pair.whole for pair in panel.pairs]
    assert (names[-2], names[-1]) == ("big", "(all others)")
    shown = MOST_ROWS - 2
    assert panel.pairs[-1].shares.startswith(percent(0.9 - 0.02 * shown, 1))


def test_long_names_are_cut_and_kept_whole_for_the_pointer():
    (panel,) = drift_panels(report(feature(bins=[("x" * 50, 1, 1)])))
    assert len(panel.pairs[0].name) < 25
    assert panel.pairs[0].whole == "x" * 50


def test_the_headline_names_each_column_once():
    assert headline(report()) == "No column can be compared."
    assert headline(report(feature(psi=0.0))) == "Nothing has drifted."
    assert headline(report(feature(), feature(aspect="tokens"))) == "age has drifted."
    two = report(feature(), feature("y", is_label=True))
    assert headline(two) == "age, y (label) have drifted."
    assert "and 3 more" in headline(report(*(feature(f"c{i}") for i in range(8))))


def test_very_many_columns_have_no_panel_each():
    assert len(drift_panels(report(*(feature(f"c{i}") for i in range(500))))) == MOST_PANELS


@pytest.mark.parametrize(("value", "text"), [(0.0, "p < 0.0001"), (0.0314, "p = 0.031"), (1.0, "p = 1.0")])
def test_p_values_as_people_read_them(value, text):
    assert p_value(value) == text
