"""How data has drifted, in words."""

from trimtab.data.champion.drift import DriftReport, FeatureDrift
from trimtab.report.words import drift


def feature(name: str, **sizes: float) -> FeatureDrift:
    return FeatureDrift(
        name=name,
        kind="numeric",
        aspect="values",
        is_label=False,
        test="Kolmogorov-Smirnov",
        statistic=0.1,
        p_value=0.0,
        adjusted_p_value=0.0,
        drifted=True,
        bins=[],
        **{"psi": 0.1, **sizes},
    )


def report(*features: FeatureDrift) -> DriftReport:
    return DriftReport(rows_before=10, rows_now=10, max_psi=0.2, significance=0.01, features=list(features))


def test_it_says_by_how_much_what_matters_has_changed() -> None:
    assert drift.change(feature("x", shift_sd=0.31)) == "x, values: PSI 0.10, mean moved by 0.31 sd"
    assert drift.change(feature("y", share_ratio=2.04)).endswith("a share changed 2.0 times")
    assert drift.change(feature("z", psi=0.4)) == "z, values: PSI 0.40"


def test_only_what_has_drifted_is_told_and_of_much_the_first() -> None:
    still = feature("still").model_copy(update={"drifted": False})
    assert drift.changes(None) == drift.changes(report(still)) == ""
    assert drift.changes(report(feature("x"), still)) == "x, values: PSI 0.10"
    many = drift.changes(report(*(feature(f"x{place}") for place in range(9))))
    assert many.endswith("; and 3 more")
    assert many.count("PSI") == 6
