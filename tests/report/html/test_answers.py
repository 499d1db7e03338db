import pytest

from trimtab.artifacts.proof import LimitTest
from trimtab.report.html.answers import answers
from trimtab.report.records.assemble import build_result
from trimtab.report.records.evidence import gather_evidence
from trimtab.report.words.verdict import find_candidate


def answered(settings, records):
    result = build_result(records, settings, "/runs/one")
    found = answers(result, find_candidate(result, result.chosen), gather_evidence(records))
    return result, {answer.question: {tile.title: tile for tile in answer.tiles} for answer in found}


@pytest.mark.parametrize("regression", [False, True])
def test_they_say_what_how_sure_and_at_what_cost(run_records, regression):
    result, found = answered(*run_records(regression=regression))
    chosen = find_candidate(result, result.chosen)
    get, sure, cost = found["What do I get?"], found["How sure is that?"], found["At what cost?"]
    assert get["Time for one example, median"].used == pytest.approx(chosen.latency_ms.p50 / 0.2)
    assert get["Size of the file"].used == pytest.approx(chosen.size_bytes / 120_000)
    assert "smaller" in get["Size of the file"].detail
    assert get["Size of the file"].before == 1.0, "the baseline's bar is the longest"
    assert get["Size of the file"].after == pytest.approx(chosen.size_bytes / result.baseline.size_bytes)
    proven = sure["Proven: mean absolute error" if regression else "Proven: accuracy"]
    assert proven.used == pytest.approx(chosen.drop.upper_bound / (0.05 if regression else 0.02))
    assert proven.value.startswith("95 % sure: at most")
    assert "360 test examples" in proven.detail
    quality = cost["Mean absolute error" if regression else "Accuracy"]
    assert quality.detail == (
        "before 41.30: 0.66 % more error" if regression else "before 98.06 %: 0.56 points lost"
    )
    assert "Time that the run took" in cost


def test_without_a_limit_nothing_is_used(run_records):
    settings, records = run_records()
    budget = settings.budget.model_copy(update={"max_latency_ms": None})
    _, found = answered(settings.model_copy(update={"budget": budget}), records)
    tile = found["What do I get?"]["Time for one example, median"]
    assert (tile.used, tile.budget) == (None, "no limit set")


def test_of_no_choice_they_say_that_nothing_is_deployed_and_what_came_closest(run_records):
    settings, records = run_records()
    select = next(record for record in records if record.stage == "select")
    select.summary["chosen"] = None
    kept = [record for record in records if record.stage != "deploy"]
    kept[-1].summary = {"promote": False, "finding": "over_budget", "why": "there is no challenger"}
    result, found = answered(settings, kept)
    assert result.status == "over_budget"
    assert found["What do I get?"]["Deployed"].value == "nothing"
    assert result.why.endswith(found["What would it take?"]["What came closest"].detail)


def test_of_many_limits_the_first_screen_has_the_tasks_own_and_the_tightest(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    chosen = find_candidate(result, result.chosen)
    (own,) = result.proof.limits
    test = LimitTest(limit="", loss=0.0, upper_bound=0.0, confidence=0.95, holds=True, method="exact")
    bounds = {"class a": 0.001, "class b": 0.019, "class c": 0.002}
    for part, bound in bounds.items():
        limit = own.model_copy(update={"part": part})
        result.proof.limits.append(limit)
        chosen.limits.append(test.model_copy(update={"limit": limit.name, "upper_bound": bound}))
    found = answers(result, chosen, gather_evidence(records))
    tiles = next(answer.tiles for answer in found if answer.question == "How sure is that?")
    assert [tile.title.partition(": ")[2] for tile in tiles[:2]] == [own.name, result.proof.limits[2].name]
    assert (tiles[2].title, tiles[2].value) == ("Further limits", "2")


def test_a_failed_run_has_no_answers(run_records):
    settings, records = run_records()
    _, found = answered(settings, records[:3])
    assert found == {}


def test_the_part_that_loses_most_is_named_and_whether_that_is_proven(run_records):
    settings, records = run_records()
    select = next(record for record in records if record.stage == "select")
    part = {"kind": "class", "part": "7", "examples": 36, "loss": 0.25, "others": 0.01, "larger": True}
    select.summary["parts"] = [part, {**part, "part": "3", "loss": 0.0, "larger": False}]
    _, found = answered(settings, records)
    tile = found["At what cost?"]["Hit hardest"]
    assert tile.value == "class 7: 25.00 points lost"
    assert "Shown to lose more than the others: class 7" in tile.detail
    select.summary["parts"] = [{**part, "larger": False}]
    _, found = answered(settings, records)
    assert "No class is shown to lose more" in found["At what cost?"]["Hit hardest"].detail


def test_the_baseline_is_not_held_against_itself(run_records):
    settings, records = run_records(prunes=0)
    select = next(record for record in records if record.stage == "select")
    select.summary["chosen"] = "none--none"
    _, found = answered(settings, records)
    size = found["What do I get?"]["Size of the file"]
    assert (size.before, size.detail) == (None, "")
    assert found["How sure is that?"]["Proof"].value == "none needed"
    assert found["At what cost?"]["Accuracy"].detail == ""
