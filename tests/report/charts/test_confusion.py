import pytest

from trimtab.artifacts.selection import CandidateResult
from trimtab.report.charts.confusion import LEVELS, confusion_plot, most_confused, shortened


def candidate(matrix):
    return CandidateResult(id="a--b", recipe=[], ok=True, confusion=matrix)


def test_every_cell_that_is_not_zero_is_drawn_once():
    plot = confusion_plot(candidate([[8, 2, 0], [0, 10, 0], [1, 0, 0]]), ["a", "b", "c"])
    assert sum(cells.path.count("M") for cells in plot.cells) == 4
    assert sorted(plot.sparse) == [[0, 0, 8], [0, 1, 2], [1, 1, 10], [2, 0, 1]]
    assert {(column, row): count for column, row, count, _ in plot.counts}[1, 0] == 2
    levels = {(cells.kind, cells.level) for cells in plot.cells}
    assert ("right", LEVELS) in levels
    assert ("wrong", LEVELS) in levels, "a class that is never recognized stands out"


@pytest.mark.parametrize(
    ("classes", "numbered", "named"), [(2, True, True), (30, False, True), (120, False, False)]
)
def test_numbers_and_names_are_left_out_where_there_is_no_room(classes, numbered, named):
    matrix = [[9 if r == c else 1 for c in range(classes)] for r in range(classes)]
    plot = confusion_plot(candidate(matrix), [f"class {i}" for i in range(classes)])
    assert bool(plot.counts) == numbered
    assert bool(plot.names) == named
    assert len(plot.view.split()) == 4


def test_long_names_are_cut_and_stand_slanted():
    names = ["a class with quite a long name", "b"]
    plot = confusion_plot(candidate([[1, 0], [0, 1]]), names)
    assert plot.names[0][1] == shortened(names[0])
    assert plot.names[0][2] == names[0]
    wide = confusion_plot(candidate([[1] * 12] * 12), [f"a long name {i}" for i in range(12)])
    assert wide.slanted


def test_a_class_without_examples_and_no_matrix_at_all():
    assert confusion_plot(candidate([[3, 0], [0, 0]]), ["a", "b"]).cells
    assert confusion_plot(candidate([]), ["a"]) is None


def test_the_pairs_confused_most_often_come_first():
    before, after = candidate([[5, 1, 0], [0, 5, 3], [0, 0, 5]]), candidate([[2, 4, 0], [0, 5, 3], [0, 0, 5]])
    pairs = [
        (p.true, p.predicted, p.baseline, p.chosen) for p in most_confused(before, after, ["a", "b", "c"])
    ]
    assert pairs == [("a", "b", 1, 4), ("b", "c", 3, 3)]
