from typing import get_args

import pytest

from trimtab.artifacts.record import StageRecord
from trimtab.cli.exit_codes import exit_code
from trimtab.report.records.assemble import BAD_RECORD, NO_RECORD, build_result
from trimtab.report.records.record import STAGES
from trimtab.report.result import Result, Status

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
    tasks = {task.name: task for task in result.tasks}
    assert tasks["train"].seconds == 42.3
    assert list(tasks)[3:6] == ["prune 1/2", "prune 2/2", "quantize 1/2"]
    assert not any(task.reused for task in result.tasks)
    read = Result.model_validate_json(result.model_dump_json())
    assert read.model_dump(mode="json") == result.model_dump(mode="json")


def test_nothing_within_the_budget_is_no_failure(run_records):
    settings, records = run_records()
    records = without(records, "compare", "deploy")
    records[-1].summary["chosen"] = None
    over = {"promote": False, "finding": "over_budget", "why": "there is no challenger"}
    records.append(StageRecord(stage="compare", ok=True, summary=over))
    result = build_result(records, settings, RUN)
    assert (result.status, result.errors, result.deployed) == ("over_budget", [], None)
    assert result.verdict.startswith("Nothing was deployed")


def test_a_baseline_that_is_deployed_as_nothing_else_passed_has_a_status_and_an_exit_code(run_records):
    settings, records = run_records()
    found = records[-3].summary
    found["chosen"] = found["baseline"]["id"]
    assert build_result(records, settings, RUN).status == "deployed", "others passed, and cost more"
    for one in found["candidates"][1:]:
        one["within_budget"] = False
    result = build_result(records, settings, RUN)
    assert (result.status, exit_code(result)) == ("baseline_deployed", 5)
    assert result.verdict.startswith("Deployed the baseline itself, as ")
    found["candidates"] = found["candidates"][:1]
    assert build_result(records, settings, RUN).status == "deployed", "nothing else was asked for"


def compared(records, **found):
    """Returns the records with another comparison, and no deployment."""
    judged = {"promote": False, "version": 3, **found}
    return [*without(records, "compare", "deploy"), StageRecord(stage="compare", ok=True, summary=judged)]


def test_a_champion_that_stays_is_no_failure_and_has_an_exit_code(run_records):
    settings, records = run_records()
    records = compared(records, finding="no_gain", why="not worse than v3, 95 % sure, but not cheaper")
    result = build_result(records, settings, RUN)
    assert (result.status, result.errors, exit_code(result)) == ("champion_kept", [], 3)
    stays = (
        f"Champion v3 stays: the challenger {result.chosen} is not worse than v3, 95 % sure, but not cheaper."
    )
    assert result.verdict == f"{stays} `--force --reason TEXT` promotes the challenger all the same."
    assert result.comparison.finding == "no_gain"


def test_what_is_in_service_already_is_nothing_new(run_records):
    settings, records = run_records()
    records = compared(records, finding="identical", why="it is champion v3, byte for byte")
    result = build_result(records, settings, RUN)
    assert (result.status, exit_code(result)) == ("up_to_date", 0)
    assert result.verdict == f"Nothing new: {result.chosen} was chosen, and it is champion v3, byte for byte."


def test_a_verdict_names_the_champion_that_is_replaced_and_who_forced_it(run_records):
    settings, records = run_records()
    who = {"by": "ada@lab", "reason": "a new label"}
    won = compared(records, finding="worse", why="worse than v3", promote=True, forced=who)
    result = build_result([*won, records[-1]], settings, RUN)
    assert result.status == "deployed"
    assert result.verdict.endswith(". It replaces v3, forced by ada@lab (a new label): worse than v3.")


def test_every_status_has_an_exit_code(run_records):
    settings, records = run_records()
    result = build_result(records, settings, RUN)
    codes = {status: exit_code(result.model_copy(update={"status": status})) for status in get_args(Status)}
    assert {status for status, code in codes.items() if not code} == {"deployed", "up_to_date"}


def test_a_run_cut_off_anywhere_names_the_stage_that_is_missing(run_records):
    settings, records = run_records()
    for kept in range(len(records)):
        result = build_result(records[:kept], settings, RUN)
        assert result.status == "failed"
        assert [error.type for error in result.errors] == [NO_RECORD]
        assert result.errors[0].stage.partition(" ")[0] == records[kept].stage
        assert "Look at the log" in result.errors[0].message
        assert result.verdict.endswith("Nothing was deployed.")


def test_any_stage_that_fails_is_named_with_its_reason(run_records):
    settings, records = run_records()
    for index, record in enumerate(records):
        failed = StageRecord(
            stage=record.stage,
            shard=record.shard,
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
    assert (result.status == "failed") == (missing in ("select", "compare", "deploy"))


def test_a_search_that_was_not_asked_for_is_not_missed(run_records):
    settings, records = run_records()
    settings = settings.model_copy(update={"tune": None})
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


def test_the_tasks_that_are_missing_are_those_of_the_shards_that_others_had(run_records):
    settings, records = run_records()
    records = without(records, "select", "compare", "deploy", "quantize", "evaluate")
    assert build_result(records, settings, RUN).errors[0].stage == "quantize 1/2 and 1 more"
    assert build_result(records[:-1], settings, RUN).errors[0].stage == "prune 2/2"


def test_a_task_that_was_cut_off_shows_what_it_had_made(run_records):
    settings, records = run_records()
    records = without(records, "select", "compare", "deploy")
    cut = records[-1]
    cut.ok = cut.ended = False
    cut.entries = cut.entries[:2]
    result = build_result(records, settings, RUN)
    assert [(error.stage, error.type) for error in result.errors] == [("evaluate 2/2", NO_RECORD)]
    assert {entry.name for entry in cut.entries} <= {c.id for c in result.candidates if c.metrics}


def test_a_task_that_found_all_it_was_to_make_says_so(run_records):
    settings, records = run_records()
    records[2].reused = True
    result = build_result(records, settings, RUN)
    assert [task.name for task in result.tasks if task.reused] == ["train"]


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


def test_without_a_config_there_is_a_result_all_the_same(run_records):
    _, records = run_records()
    assert build_result(records, None, RUN).status == "deployed"
    assert build_result(without(records, "select", "deploy"), None, RUN).status == "failed"
