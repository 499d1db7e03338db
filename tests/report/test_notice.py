"""What people are told of a run."""

from trimtab.report.notice import notice
from trimtab.report.records.assemble import build_result


def test_of_a_run_that_deployed(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    told = notice(result)
    assert told.subject == f"trimtab {result.config['name']}: deployed"
    assert told.text.startswith(result.verdict)
    assert told.facts["status"] == "deployed"


def test_of_a_run_that_failed(run_records):
    settings, _ = run_records()
    told = notice(build_result([], settings, "/runs/one"))
    assert told.subject.endswith(": failed")
    assert told.facts["errors"]


def test_that_nothing_is_new_is_no_news_unless_the_data_drifted(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    result.status = "up_to_date"
    assert notice(result) is None
