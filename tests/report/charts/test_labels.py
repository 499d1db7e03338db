from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from trimtab.report.charts.labels import CHARACTER, HEIGHT, Box, Label, place

BOUNDS = Box(0, 0, 500, 300)
POINTS = st.lists(st.tuples(st.floats(20, 480), st.floats(20, 280)), min_size=1, max_size=40)


def box(label: Label) -> Box:
    width = len(label.text) * CHARACTER
    left = label.x - {"start": 0, "middle": width / 2, "end": width}[label.anchor]
    return Box(left, label.y - HEIGHT + 2, left + width, label.y + 2)


@given(POINTS)
def test_labels_never_hide_points_or_each_other(points):
    texts = [(i, f"candidate {i}") for i in range(len(points))]
    placed = place(points, texts, BOUNDS, forced=0, important=5)
    boxes = [box(label) for label in placed.values()]
    assert all(a.overlap(b) < 1 for a, b in combinations(boxes, 2))
    assert all(one.overlap(Box(x - 5, y - 5, x + 5, y + 5)) < 1 for one in boxes for x, y in points)
    assert all(one.left >= -0.1 and one.right <= 500.1 for one in boxes)


def test_a_lonely_point_has_its_label_at_its_right():
    label = place([(100, 100)], [(0, "int8")], BOUNDS, forced=0, important=0)[0]
    assert label.anchor == "start"
    assert label.x > 100


def test_a_forced_label_is_there_even_in_a_crowd():
    crowd = [(100 + dx, 100 + dy) for dx in range(-60, 61, 6) for dy in range(-30, 31, 6)]
    texts = [(i, "chosen one") for i in range(len(crowd))]
    assert len(place(crowd, texts, BOUNDS, forced=1, important=1)) < len(crowd)
    assert 0 in place(crowd, texts, BOUNDS, forced=1, important=1)


def test_a_label_that_fits_nowhere_is_left_out():
    assert place([(10, 10)], [(0, "x" * 200)], BOUNDS, forced=1, important=1) == {}
