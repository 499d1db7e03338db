"""Which parts of the test rows select looks at: classes, and the slices of the budget."""

import numpy as np

from trimtab.artifacts.claim import Rows
from trimtab.artifacts.evaluation import Examples
from trimtab.config.budget import Budget
from trimtab.stages import uneven


class Schema:
    def __init__(self, task, classes):
        self.task, self.classes, self.notations = task, classes, {}
        self.parts = {}


def rows(labels, after, slices):
    scores = {"none--none": np.ones(len(labels)), "none--int8": np.asarray(after, float)}
    examples = {name: Examples(found, np.zeros((len(labels), 1))) for name, found in scores.items()}
    return Rows(labels, None, slices, examples)


def test_classes_and_slices_are_told_apart_by_their_rows():
    found = rows(np.array([0, 0, 1, 1]), [0, 1, 1, 1], {"region": ["north", "south", "south", None]})
    losses = uneven.losses(
        "none--int8", found, Schema("classification", ["no", "yes"]), Budget(slices=["region"])
    )
    assert {(one.kind, one.part): (one.examples, one.loss) for one in losses} == {
        ("class", "no"): (2, 0.5),
        ("class", "yes"): (2, 0.0),
        ("slice", "region = north"): (1, 1.0),
        ("slice", "region = south"): (2, 0.0),
        ("slice", "region missing"): (1, 0.0),
    }


def test_a_row_with_several_labels_counts_for_each():
    labels = np.array([[1, 1], [0, 1], [1, 0]])
    losses = uneven.losses(
        "none--int8", rows(labels, [0.5, 1, 1], {}), Schema("multilabel", ["a", "b"]), Budget()
    )
    assert {one.part: (one.examples, one.loss) for one in losses} == {"a": (2, 0.25), "b": (2, 0.25)}


def test_the_baseline_loses_nothing_against_itself():
    found = rows(np.array([0, 1]), [1, 1], {})
    assert uneven.losses("none--none", found, Schema("classification", ["no", "yes"]), Budget()) == []
