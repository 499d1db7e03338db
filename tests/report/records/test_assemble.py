import pytest

from trimtab.report.records.assemble import BAD_RECORD, NO_RECORD, build_result
from trimtab.report.records.record import STAGES
from trimtab.report.result import Result
from trimtab.stages.stage import StageRecord

RUN = "/somewhere/runs/digits-1"


def without(records, *stages):
    return [record for record in records if record.stage not in stages]


def test_a_run_that_went_well(run_records):
    settings, records = run_records()
    result = build_result(records, settings, RUN)
    assert result.status == "deployed"
    assert result.errors == []
    assert result.run_id == "digits-1"
    assert result.report == f"{RUN}/report.html"
    assert result.tensorboard == f"{RUN}/tensorboard"
    assert result.deployed == "/runs/deployed/digits/3"
    assert result.data.rows == {"train": 1293, "validation": 144, "test": 360}
    assert result.candidates[0] == result.baseline
    assert [c.id for c in result.candidates].count("none--none") == 1
    assert result.chosen in {c.id for c in result.candidates}
    assert result.seconds["train"] == 42.3
    assert result.seconds["prune none"] == 9.5
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_nothing_within_the_budget_is_no_failure(run_records):
    settings, records = run_records()
    records = without(records, "deploy")
    records[-1].summary["chosen"] = None
    result = build_result(records, settings, RUN)
    assert (result.status, result.errors, result.deployed) == ("over_budget", [], None)
    assert result.verdict.startswith("Nothing was deployed")


def test_a_run_cut_off_anywhere_names_the_stage_that_is_missing(run_records):
    settings, records = run_records()
    for kept in range(len(records)):
        result = build_result(records[:kept], settings, RUN)
        assert result.status == "failed"
        assert [error.type for error in result.errors] == [NO_RECORD]
        named, expected = result.errors[0].stage.partition(" ")[0], records[kept].stage
        assert named == expected or {named, expected} == {"quantize", "evaluate"}, "these two take turns"
        assert "Look at the log" in result.errors[0].message
        assert result.verdict.endswith("Nothing was deployed.")


def test_any_stage_that_fails_is_named_with_its_reason(run_records):
    settings, records = run_records()
    for index, record in enumerate(records):
        failed = StageRecord(
            stage=record.stage,
            item=record.item,
            error_type="TrainingError",
            error="it broke\n  Mend it.",
            exit_code=1,
        )
        result = build_result([*records[:index], failed], settings, RUN)
        assert result.status == "failed"
        assert [error.message for error in result.errors] == ["it broke\n  Mend it."]
        assert result.deployed is None
        assert record.stage in result.verdict


@pytest.mark.parametrize("missing", STAGES)
def test_any_one_missing_record_leaves_a_result(run_records, missing):
    settings, records = run_records()
    result = build_result(without(records, missing), settings, RUN)
    assert result.run_id == "digits-1"
    assert (result.status == "failed") == (missing in ("select", "deploy"))


def test_a_search_that_was_not_asked_for_is_not_missed(run_records):
    settings, records = run_records()
    settings["tune"] = None
    result = build_result(without(records, "tune", "train", "select", "deploy"), settings, RUN)
    assert result.errors[0].stage == "train"


def test_without_select_the_candidates_are_what_their_own_stages_say(run_records):
    settings, records = run_records()
    result = build_result(without(records, "select", "deploy"), settings, RUN)
    assert len(result.candidates) == 17
    assert result.baseline.id == "none--none"
    assert result.baseline.metrics["accuracy"] == pytest.approx(0.98, abs=0.01)
    assert result.baseline.recipe == [{"none": {}}, {"runtime": "litert"}]
    failed = next(c for c in result.candidates if c.id == "none--qat_int8")
    assert not failed.ok
    assert "TFMOT" in failed.reasons[0]
    assert not any(c.within_budget for c in result.candidates)


def test_the_candidates_missing_after_a_shortlist_are_those_it_let_through(run_records):
    settings, records = run_records()
    records = without(records, "select", "deploy", "quantize", "evaluate")
    records[-1].summary = {
        "dropped": {"magnitude-0.2": "too bad"},
        "candidates": ["none--none", "none--int8"],
    }
    result = build_result(records, settings, RUN)
    assert result.errors[0].stage == "quantize none--none and 1 more"


def test_numbers_that_json_cannot_hold_are_left_out(run_records):
    settings, records = run_records()
    select = next(record for record in records if record.stage == "select")
    select.summary["candidates"][1]["metrics"]["log_loss"] = None
    select.summary["candidates"][2]["metrics"]["log_loss"] = float("nan")
    result = build_result(records, settings, RUN)
    assert result.status == "deployed"
    assert "log_loss" not in result.candidates[1].metrics
    assert "log_loss" not in result.candidates[2].metrics


def test_a_record_of_another_version_is_an_error_and_not_a_crash(run_records):
    settings, records = run_records()
    next(record for record in records if record.stage == "select").summary["candidates"] = "none"
    result = build_result(records, settings, RUN)
    assert result.status == "failed"
    assert result.errors[0].type == BAD_RECORD
    assert "candidates" in result.errors[0].message


def test_a_config_that_cannot_be_used_still_gives_a_result(run_records):
    _, records = run_records()
    for settings in ({}, {"recipes": 3}, {"budget": None}):
        assert build_result(records, settings, RUN).status == "deployed"
        assert build_result(without(records, "select", "deploy"), settings, RUN).status == "failed"
