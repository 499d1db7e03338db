"""Which orders of steps are refused, and what is said to do."""

from __future__ import annotations

import pytest

from trimtab.config.base import Section
from trimtab.config.methods import KERAS, Method, passes
from trimtab.config.order import WORDS, destroyer


def step(name: str, makes: str = "", keeps: str = "") -> Method:
    traits = (frozenset(text.split()) for text in (makes, keeps))
    return Method(name, Section, "", KERAS, frozenset(), *traits, "")


@pytest.mark.parametrize("names", [[], ["two_four"], ["channels", "two_four"], ["magnitude", "channels"]])
def test_orders_that_keep_everything(names: list[str]) -> None:
    assert destroyer([passes()[name] for name in names]) is None


def test_the_order_that_works_is_told() -> None:
    known = passes()
    end = step("end", "", "zeros two_four widths")
    place, words = destroyer([known["magnitude"], known["two_four"], known["channels"], end])
    assert place == 2
    assert words == (
        "channels would destroy what two_four made, two zeros in every four weights; "
        "this order works: [magnitude, channels, two_four, end]"
    )


def test_it_goes_before_the_earliest_step_whose_work_it_destroys() -> None:
    first, second = step("first", "widths", "zeros"), step("second", "zeros", "widths")
    place, words = destroyer([first, second, step("rough"), step("end", "", "zeros widths")])
    assert (place, words.partition("; ")[2]) == (2, "this order works: [rough, first, second, end]")


def test_two_steps_that_destroy_each_other_have_no_order() -> None:
    one, other = step("one", "zeros"), step("other", "clusters")
    _, words = destroyer([one, other, step("end", "", "zeros clusters")])
    assert words.endswith("leave one of them out")


def test_the_last_step_cannot_go_before_others() -> None:
    _, words = destroyer([step("one", "clusters"), step("end")])
    assert words == f"end would destroy what one made, {WORDS['clusters']}; leave one of them out"
