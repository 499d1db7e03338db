from __future__ import annotations

import io

import pytest
from rich.console import Console

from trimtab.artifacts.proof import Limit, LimitTest
from trimtab.report.html.answers import answers
from trimtab.report.html.page import render
from trimtab.report.records.assemble import build_result
from trimtab.report.records.evidence import gather_evidence
from trimtab.report.table import print_summary
from trimtab.report.words import limits
from trimtab.report.words.verdict import find_candidate

AUC = Limit(
    metric="roc_auc",
    name="ROC AUC where region = north",
    kind="max_drop",
    value=0.01,
    unit="",
    bound="area",
    max_loss=0.01,
    part="region = north",
)


@pytest.fixture
def judged(run_records):
    """Returns a run whose candidates were held to the ROC AUC in a region, too, and what was found of it."""
    settings, records = run_records(prunes=0)
    result = build_result(records, settings, "/runs/one")
    result.proof.limits.append(AUC)
    for candidate in (one for one in result.candidates[1:] if one.ok):
        is_few = candidate.id == "none--int8"
        candidate.limits = [
            LimitTest(
                limit=AUC.name,
                value=0.95,
                baseline=0.9512,
                loss=0.0012,
                upper_bound=0.0043,
                confidence=0.95,
                holds=True,
                method="DeLong's covariance, paired",
                proven=not is_few,
                why_not="fewer than 200 examples of the rarest class" if is_few else "",
            )
        ]
    return result, gather_evidence(records)


def test_the_chosen_candidate_is_shown_beside_each_limit(judged):
    result, _ = judged
    (line,) = limits.limit_lines(result)
    assert line == [
        "ROC AUC where region = north",
        "at most 0.01 below the baseline's",
        "0.9512",
        "0.9500",
        "0.0043",
        "DeLong's covariance, paired",
    ]
    assert len(limits.every_line(result)) == sum(bool(one.limits) for one in result.candidates)


def test_an_estimate_is_called_one(judged):
    result, _ = judged
    lines = {line[0]: line for line in limits.every_line(result)}
    assert lines["none--int8"][5] == "0.0043 (an estimate: fewer than 200 examples of the rarest class)"


def test_where_the_tasks_own_metric_alone_is_limited_the_table_of_candidates_says_it_all(run_records):
    settings, records = run_records(prunes=0)
    assert limits.limit_lines(build_result(records, settings, "/runs/one")) == []


def test_the_page_and_the_terminal_show_them(judged):
    result, evidence = judged
    page = render(result, evidence)
    console = Console(file=io.StringIO(), width=118)
    print_summary(result, console)
    for text in (page, console.file.getvalue()):
        assert "ROC AUC where region" in text
        assert "0.0043" in text
    assert "Limits of quality" in page
    found = answers(result, find_candidate(result, result.chosen), evidence)
    shown = {tile.title: tile for answer in found for tile in answer.tiles}
    tile = shown["Proven: ROC AUC where region = north"]
    assert (tile.value, tile.used) == ("95 % sure: at most 0.01 below the baseline's", pytest.approx(0.43))


def test_no_place_calls_an_estimate_proven(judged):
    result, evidence = judged
    result.proof.proven, result.proof.why_not = False, "fewer than 1,000 examples"
    page = render(result, evidence)
    assert "Proven" not in page
    assert "Estimated: accuracy" in page
