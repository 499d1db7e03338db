from trimtab.report.records.assemble import build_result
from trimtab.report.words.headline import headline


def test_a_deployment_says_how_much_cheaper(run_records):
    settings, records = run_records()
    assert headline(build_result(records, settings, "/r/one")) == "Deployed: 8.9x smaller and 3.1x faster"


def test_the_baseline_is_called_what_it_is(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/r/one").model_copy(update={"status": "baseline_deployed"})
    assert headline(result).startswith("The trained model itself was deployed")


def test_a_champion_that_stays_is_named(retrain_records):
    settings, records = retrain_records(finding="worse", promote=False)
    assert headline(build_result(records, settings, "/r/one", is_retraining=True)) == (
        "Version 3 stays in service"
    )


def test_a_failure_names_its_stage(run_records):
    settings, records = run_records()
    assert headline(build_result(records[:2], settings, "/r/one")) == (
        "The run failed in train. Nothing was deployed."
    )
