from trimtab.report.html import views
from trimtab.report.records.assemble import build_result
from trimtab.report.records.evidence import gather_evidence
from trimtab.report.result import StageError


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
