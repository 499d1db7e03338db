import json

import pytest
import yaml

ARGUMENTS = {"config": '{"quote": "it\'s"}'}
CHALLENGE = [
    "plan",
    "data_prep",
    "tune",
    "train",
    *["prune"] * 2,
    *["quantize"] * 2,
    *["evaluate"] * 2,
    "select",
    "compare",
]


@pytest.fixture
def calls(run_dag):
    """Returns a function that runs the DAG with stand-in stages and returns the calls it made."""

    def run(needed="yes", better="yes", fail="", **arguments):
        environment = {"NEEDED": needed, "BETTER": better, "WITHIN": "yes", "FAIL": fail}
        return run_dag("retrain", {**ARGUMENTS, **arguments}, **environment)

    return run


def test_with_nothing_new_there_is_a_report_and_nothing_else(calls):
    assert calls(needed="no") == ["check_data", "report"]


def test_new_data_challenges_the_champion(calls):
    made = calls()
    assert made[0] == "check_data"
    assert sorted(made[1:-2]) == sorted(CHALLENGE)
    assert made[-3:] == ["compare", "deploy", "report"]


def test_a_challenger_that_is_not_promoted_is_not_deployed(calls):
    made = calls(better="no")
    assert made[-2:] == ["compare", "report"]


@pytest.mark.parametrize(
    "stage", ["check_data", "plan", "data_prep", "train", "prune", "evaluate", "select", "compare", "deploy"]
)
def test_the_report_is_written_whatever_fails(calls, stage):
    made = calls(fail=stage)
    assert made[-1] == "report"
    assert stage in made
    assert ("deploy" in made) == (stage == "deploy")


def test_the_first_task_gets_the_config_and_all_after_the_plan_read_it_in_the_runs_directory(calls, given):
    made = calls(forced_by="it's me", forced_reason='"because"')
    assert [json.loads(one["config"]) for one in given("check_data")] == [{"quote": "it's"}]
    assert made.index("plan") < made.index("data_prep")
    assert [(one["config"], one["retrain"]) for one in given("data_prep")] == [("", True)]
    for stage in {*CHALLENGE, "deploy"} - {"data_prep"}:
        assert not [one for one in given(stage) if "config" in one], stage
    for stage in ("check_data", "compare"):
        (arguments,) = given(stage)
        assert arguments["forced_by"] == "it's me"
        assert arguments["forced_reason"] == '"because"'
    assert [one["pipeline"] for one in given("report")] == ["retrain"]


def test_the_challenger_is_chosen_before_it_is_compared(calls):
    made = calls()
    assert made.index("select") < made.index("compare")


@pytest.fixture
def compiled(root):
    return next(yaml.safe_load_all((root / "pipelines" / "retrain.yaml").read_text()))


def test_the_compiled_pipeline_avoids_what_the_backend_cannot_do(compiled):
    assert not [name for name in compiled["components"] if "exit-handler" in name]
    assert set(compiled["root"]["inputDefinitions"]["parameters"]) == {
        "config",
        "output",
        "shards",
        "forced_by",
        "forced_reason",
    }


def test_no_loop_takes_an_output_parameter_of_a_task(compiled):
    """`kfp.local` puts the loop's item in its place, without a word."""
    loops = [
        task
        for component in [compiled["root"], *compiled["components"].values()]
        for task in component.get("dag", {}).get("tasks", {}).values()
        if "parameterIterator" in task
    ]
    assert len(loops) == 1
    for loop in loops:
        items = loop["parameterIterator"]["items"]["inputParameter"]
        others = {name: value for name, value in loop["inputs"]["parameters"].items() if name != items}
        assert not [name for name, value in others.items() if "taskOutputParameter" in value]
