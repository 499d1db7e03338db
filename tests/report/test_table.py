import io

import pytest
from rich.console import Console

from trimtab.artifacts.evaluation import OutputEvaluation
from trimtab.artifacts.proof import Limit, LimitTest
from trimtab.report.records.assemble import build_result
from trimtab.report.table import print_summary


def printed(result, width, encoding="utf-8"):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    print_summary(result, Console(file=file, width=width, force_terminal=False))
    file.flush()
    return raw.getvalue().decode(encoding)


def built(run_records, **kind):
    settings, records = run_records(**kind)
    return build_result(
        records, settings, "/a/long/path/where/all/of/the/runs/of/this/person/are/kept/digits-20261123"
    )


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("kind", [{}, {"regression": True}, {"prunes": 14}])
def test_every_candidate_has_one_line_that_fits(run_records, kind, width):
    result = built(run_records, **kind)
    lines = printed(result, width).splitlines()
    for candidate in result.candidates:
        rows = [line for line in lines if line.startswith(f" {candidate.id} ")]
        assert len(rows) == 1, candidate.id
        assert len(rows[0]) <= width
        assert ("chosen" in rows[0]) == (candidate.id == result.chosen)


OF_OUTPUTS = [
    Limit(
        metric=metric,
        name=name,
        kind=kind,
        value=0.15,
        unit=unit,
        bound="means",
        max_loss=0.15,
        output=name.partition(":")[0],
        part=part,
    )
    for metric, name, kind, unit, part in (
        ("accuracy", "digit: accuracy", "max_drop", "points", ""),
        ("recall", "digit: recall of 7", "max_drop", "points", "7"),
        ("mae", "price: mean absolute error", "max_increase", "%", ""),
        ("rmse", "price: root mean squared error", "max_increase", "%", ""),
    )
]


@pytest.fixture
def of_outputs(run_records):
    """Returns a run of three outputs, of which the first two are limited."""
    result = built(run_records, prunes=0)
    result.proof.limits = OF_OUTPUTS
    for candidate in (one for one in result.candidates if one.ok):
        numbers = OutputEvaluation(task="regression", metrics={"mae": 3.1234, "rmse": 5.0, "r2": 0.9})
        digit = OutputEvaluation(task="classification", metrics={"accuracy": 0.9123})
        candidate.outputs = {"digit": digit, "price": numbers, "weight": numbers}
        if candidate.id != result.baseline.id:
            candidate.limits = [
                LimitTest(
                    limit=limit.name,
                    value=value,
                    baseline=0.9,
                    loss=0.01,
                    upper_bound=upper,
                    confidence=0.95,
                    holds=True,
                    method="a t test",
                )
                for limit, value, upper in zip(
                    OF_OUTPUTS, (0.9012, 0.5, 3.25, 5.25), (0.0134, 0.5, 0.1234, None), strict=True
                )
            ]
    return result


LINES = {
    "none--none": [
        "digit: accuracy 91.23 % - -",
        "price: MAE 3.123 - -",
        "price: root mean squared error 5.000 - -",
        "weight: MAE 3.123 - -",
    ],
    "none--int8": [
        "digit: accuracy 90.12 % 1.00 points 1.34 points",
        "price: MAE 3.250 1.00 % 12.34 %",
        "price: root mean squared error 5.250 1.00 % any amount",
        "weight: MAE 3.123 - -",
    ],
}


def table_of(text):
    """Returns the lines of the table of candidates, with one blank between words."""
    table = text.split("Verdict")[1].split("Limit ")[0]
    return [" ".join(line.split()) for line in table.splitlines()]


@pytest.mark.parametrize("candidate", LINES)
def test_each_output_has_a_line_for_what_is_limited_of_it(of_outputs, candidate):
    text = printed(of_outputs, 120)
    lines = table_of(text)
    place = next(place for place, line in enumerate(lines) if line.startswith(f"{candidate} "))
    assert lines[place + 1 : place + 1 + len(LINES[candidate])] == LINES[candidate]
    assert not [line for line in lines if "recall of 7" in line], "that is of a class"
    assert "recall of 7" in text, "and so among the limits"


def test_at_80_columns_metrics_are_whole_and_the_bound_of_each_loss_is_shown_alone(of_outputs):
    lines = table_of(printed(of_outputs, 80))
    assert "digit: accuracy 90.12 % 1.34 points" in lines
    assert "price: root mean squared error 5.250 any amount" in lines
    assert "weight: MAE 3.123 -" in lines


def test_limits_of_outputs_are_listed_whatever_their_metric(of_outputs):
    of_outputs.proof.limits = OF_OUTPUTS[:1]
    assert "at most 15.00 points" in printed(of_outputs, 120)


def test_it_says_what_was_chosen_and_why_and_where_everything_is(run_records):
    result = built(run_records)
    text = printed(result, 80)
    assert " ".join(result.verdict.split()) in " ".join(text.split())
    assert "the best balance" in text
    assert "warning: the column" in text
    for path in (result.report, result.tensorboard, result.deployed):
        assert path in text, "a path is not broken into lines"


def test_why_candidates_are_out(run_records):
    result = built(run_records)
    text = printed(result, 80)
    assert "slow, big" in text
    assert "not made" in text
    assert "none--qat_int8: TFMOT cannot quantize" in text


def test_of_an_estimate_nobody_is_unproven(run_records):
    result = built(run_records)
    test = result.proof.tested[-1]
    result.proof.rule, test.passed = "estimate", False
    result.chosen = None
    for candidate in result.candidates:
        candidate.within_budget = False
    row = next(line for line in printed(result, 80).splitlines() if line.startswith(f" {test.candidate} "))
    assert "worse" in row
    assert "unproven" not in row


def test_more_columns_where_there_is_room(run_records):
    result = built(run_records)
    assert "p95" not in printed(result, 80)
    assert "p95" in printed(result, 120)


def test_a_terminal_without_unicode_and_names_that_look_like_markup(run_records):
    result = built(run_records)
    result.warnings[:] = ["the column [red]x[/red] is an identifier"]
    assert "[red]x[/red]" in printed(result, 80, encoding="ascii")


def test_a_run_that_failed_says_why_and_prints_no_empty_table(run_records):
    settings, _ = run_records()
    text = printed(build_result([], settings, "/runs/one"), 80)
    assert "The run failed in data_prep" in text
    assert "Recipe" not in text
    assert "Deployed model   none" in text
