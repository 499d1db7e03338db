"""How training rows are distributed, as the report shows it."""

import numpy as np
import pytest

from trimtab.data.kinds import histograms as module
from trimtab.data.kinds.histograms import histograms
from trimtab.data.schema import Column
from trimtab.data.statistics.distributions import Categories, Numbers


class Kind:
    def __init__(self, found):
        self.distributions = lambda column, summary: {"values": found}


def bars(monkeypatch, found):
    monkeypatch.setattr(module, "kind_of", lambda _: Kind(found))
    (one,) = histograms([Column(name="age", kind="numeric")], summary=None)
    return {bar.label: bar.share for bar in one.bars}


def test_ranges_cover_all_rows_and_far_values_do_not_press_them_together(monkeypatch):
    values = np.array([*range(1000), 1e9])
    found = bars(monkeypatch, Numbers(values, np.ones(1001), 1001, 1001, 0))
    assert len(found) == 12
    assert sum(found.values()) == pytest.approx(1)
    assert max(found.values()) < 0.12


def test_few_values_and_missing_ones_are_told_one_by_one(monkeypatch):
    found = bars(monkeypatch, Numbers(np.array([1.0, 2.0]), np.array([30.0, 10.0]), 40, 40, 10))
    assert found == {"1": 0.6, "2": 0.2, "(missing)": 0.2}


def test_of_many_values_the_rest_is_one_bar(monkeypatch):
    counts = {f"v{i}": 20 - i for i in range(15)}
    found = bars(monkeypatch, Categories(counts, 200, 200, 0))
    assert len(found) == 13
    assert next(iter(found)) == "v0"
    assert found["(others)"] == pytest.approx((200 - sum(list(counts.values())[:12])) / 200)


def test_an_empty_column_has_no_histogram(monkeypatch):
    monkeypatch.setattr(module, "kind_of", lambda _: Kind(Numbers(np.empty(0), np.empty(0), 0, 0, 5)))
    assert histograms([Column(name="age", kind="numeric")], summary=None) == []
