import shlex

from trimtab.report.records.assemble import build_result
from trimtab.report.words.commands import commands


def test_the_run_can_be_made_again_and_its_proof_checked(run_records):
    settings, records = run_records()
    again, verify, _ = (one.line for one in commands(build_result(records, settings, "/my runs/one")))
    assert shlex.split(again) == ["trimtab", "run", "/my runs/one/config.json", "--output", "/my runs"]
    assert shlex.split(verify) == ["trimtab", "verify", "/runs/deployed/digits", "--version", "3"]


def test_a_retraining_is_made_again_by_its_own_command(retrain_records):
    settings, records = retrain_records(finding="worse", promote=False)
    found = commands(build_result(records, settings, "gs://b/runs/one", is_retraining=True))
    assert found[0].line == "trimtab retrain gs://b/runs/one/config.json --output gs://b/runs"
    assert not any("verify" in one.line for one in found), "nothing was deployed"


def test_without_a_config_there_is_no_command(run_records):
    _, records = run_records()
    assert commands(build_result(records, None, "/runs/one")) == []
