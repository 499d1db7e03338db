import numpy as np
import pytest

from trimtab.artifacts.proof import Limit, Reach
from trimtab.evaluate.bounds.proportions import Sizes
from trimtab.evaluate.reach import reach
from trimtab.report.words.reach import sentence, wider


def known(max_loss, examples, groups=None, **kind) -> Reach:
    limit = Limit.model_validate({"metric": "accuracy", "bound": "proportions", "max_loss": max_loss})
    (found,) = reach([limit], Sizes.of(examples, groups), 0.95, **kind)
    return found


@pytest.mark.parametrize(
    ("max_loss", "examples", "said"),
    [
        (
            0.005,
            351,
            "351 test rows can prove a drop of 0.86 points at best, if every answer stays; "
            "602 would be needed for 0.5",
        ),
        (0.03, 351, "351 test rows can prove a drop of 0.86 points at best, if every answer stays"),
        (
            0.01,
            1,
            "1 test row can prove a drop of 96 points at best, if every answer stays; "
            "301 would be needed for 1",
        ),
        (0.01, 100_000, "100,000 test rows can prove a drop of 0.0031 points at best, if every answer stays"),
    ],
)
def test_it_says_what_the_rows_can_prove_and_what_it_would_take(max_loss, examples, said):
    assert sentence(known(max_loss, examples)) == said


@pytest.mark.parametrize("examples", [40, 351, 2000])
def test_the_budget_that_it_names_is_within_reach(examples):
    found = known(1e-6, examples)
    assert known(float(wider(found)), examples).is_enough


def test_copies_are_told_apart():
    said = sentence(known(0.005, 351, np.arange(351) % 284))
    assert said.startswith("351 test rows, 284 of them different, can prove a drop of 1.2 points at best, if")


def test_of_groups_it_says_how_many_more_it_would_take():
    said = sentence(known(0.05, 1000, np.arange(1000) % 20, grouped=True))
    assert said == (
        "1,000 test rows in 20 groups can prove a drop of 9.8 points at best; "
        "1,965 in 40 groups would be needed for 5"
    )
