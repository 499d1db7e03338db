import pytest

from trimtab.report.html import views
from trimtab.report.records.assemble import build_result
from trimtab.report.records.evidence import gather_evidence
from trimtab.report.result import StageError
from trimtab.report.words.verdict import find_candidate


@pytest.mark.parametrize("regression", [False, True])
def test_tiles_show_what_of_the_budget_is_used(run_records, regression):
    settings, records = run_records(regression=regression)
    result = build_result(records, settings, "/runs/one")
    chosen = find_candidate(result, result.chosen)
    tiles = {tile.title.partition(",")[0]: tile for tile in views.tiles(result, chosen)}
    assert tiles["Latency"].used == pytest.approx(chosen.latency_ms.p50 / 0.2)
    assert tiles["Size of the file"].used == pytest.approx(chosen.size_bytes / 120_000)
    proven = tiles["Proven: mean absolute error" if regression else "Proven: accuracy"]
    assert proven.used == pytest.approx(chosen.drop.upper_bound / (0.05 if regression else 0.02))
    assert "95 % confidence, 360 test examples" in proven.detail


def test_without_a_limit_or_a_choice_nothing_is_used(run_records):
    settings, records = run_records()
    budget = settings.budget.model_copy(update={"max_latency_ms": None})
    settings = settings.model_copy(update={"budget": budget})
    result = build_result(records, settings, "/runs/one")
    tiles = views.tiles(result, find_candidate(result, result.chosen))
    assert [tile.used for tile in tiles if tile.title.startswith("Latency")] == [None]
    assert views.tiles(result, None) == []


def test_a_hint_is_told_apart_from_what_is_wrong():
    error = StageError(stage="train", type="E", message="it broke\n  Mend it\n  soon.", exit_code=1)
    found = views.problem(error, {"train": "Traceback"})
    assert (found.headline, found.advice, found.details) == ("it broke", "Mend it soon.", "Traceback")


def test_the_strip_of_stages_says_how_each_ended(run_records):
    settings, records = run_records()
    records = [record for record in records if record.stage not in ("select", "deploy")]
    records[2].ok = False
    steps = views.pipeline(build_result(records, settings, "/runs/one"), gather_evidence(records))
    states = {step.name: step.state for step in steps}
    assert (states["data_prep"], states["train"], states["deploy"]) == ("ok", "failed", "absent")
    assert next(step for step in steps if step.name == "prune").tasks == 2
    assert max(step.share for step in steps) == 1.0
