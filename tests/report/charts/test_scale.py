import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.report.charts.scale import Scale, spread


def test_values_become_pixels_linearly_and_by_ratios():
    assert Scale(0, 10, 100, 200)(2.5) == 125
    assert Scale(1, 100, 0, 200, log=True)(10) == 100
    assert Scale(0, 10, 200, 100)(10) == 100


def test_ticks_are_round_and_have_no_more_digits_than_they_need():
    assert [text for _, text in Scale(0.04, 0.27, 0, 1).ticks(5)] == ["0.05", "0.10", "0.15", "0.20", "0.25"]
    assert [text for _, text in Scale(900, 3100, 0, 1).ticks(5)] == [
        "1,000",
        "1,500",
        "2,000",
        "2,500",
        "3,000",
    ]
    assert [text for _, text in Scale(4, 400, 0, 1, log=True).ticks()] == [
        "5",
        "10",
        "20",
        "50",
        "100",
        "200",
    ]


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 10))
@example(1.0, 400_001.0, 2)
def test_there_are_some_ticks_but_not_too_many_and_all_lie_on_the_axis(low, width, about):
    scale = Scale(low, low + width, 0, 1000)
    ticks = scale.ticks(about)
    assert 1 <= len(ticks) <= about + 1
    assert all(-0.1 <= pixel <= 1000.1 for pixel, _ in ticks)


@pytest.mark.parametrize("values", [[3.0], [3.0, 3.0], [0.0], [-1.0, 5.0]])
def test_an_axis_is_never_empty(values):
    low, high = spread(values, 0.1)
    assert low < min(values) <= max(values) < high


def test_an_axis_does_not_begin_below_its_floor():
    assert spread([0.1, 5.0], 0.1, floor=0.0)[0] == 0.0


def test_values_outside_are_found_and_clamped():
    scale = Scale(0, 1, 0, 100)
    assert 0.5 in scale
    assert 1.5 not in scale
    assert scale.clamp(1.5) == 1
