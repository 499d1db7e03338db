import io

import pytest
from rich.console import Console

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
