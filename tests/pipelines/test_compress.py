import pytest


@pytest.fixture
def calls(run_dag):
    def run(better="yes", fail="", **arguments):
        return run_dag("compress", {"config": "{}", **arguments}, WITHIN="yes", BETTER=better, FAIL=fail)

    return run


def test_nothing_is_searched_and_the_model_is_taken_as_it_came(calls, given):
    made = calls(shards=["1/1"])
    judged = ["select", "compare", "deploy", "report"]
    assert made == ["data_prep", "train", "prune", "quantize", "evaluate", *judged]
    assert [one.get("hyperparameters", "") for one in given("train")] == [""]
    assert [one["model"] for one in given("prune")] == ["model/0"]
    assert [one["pipeline"] for one in given("report")] == ["compress"]


def test_a_report_is_written_whatever_happened(calls):
    assert calls(fail="train")[-1] == "report"
    made = calls(better="no")
    assert "deploy" not in made
