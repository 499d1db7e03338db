import pytest

from trimtab.evaluate.spending import confidence


@pytest.mark.parametrize("asked", [0.9, 0.95])
def test_all_decisions_together_take_no_more_than_the_risk(asked):
    risks = [1 - confidence(asked, decisions) for decisions in range(1, 2000)]
    assert sum(risks) == pytest.approx((1 - asked) * (1 - 1 / 2000))
    assert risks == sorted(risks, reverse=True)


def test_the_first_decision_pays_half():
    assert confidence(0.95, 1) == pytest.approx(0.975)
    assert confidence(0.95, 2) == pytest.approx(1 - 0.05 / 6)
