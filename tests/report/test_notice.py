"""What people are told of a run."""

from trimtab.artifacts.retraining import Retraining
from trimtab.data.champion.drift import DriftReport, FeatureDrift
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
    feature = FeatureDrift(
        name="age",
        kind="numeric",
        aspect="values",
        is_label=False,
        psi=0.4,
        test="Kolmogorov-Smirnov",
        statistic=0.3,
        p_value=0.0,
        adjusted_p_value=0.0,
        drifted=True,
        bins=[],
    )
    same = feature.model_copy(update={"name": "height", "drifted": False})
    drift = DriftReport(
        rows_before=100, rows_now=100, max_psi=0.2, significance=0.01, features=[feature, same]
    )
    result.retrain = Retraining(needed=False, reasons=[], drift=drift)
    told = notice(result)
    assert told.subject.endswith("nothing new, data drifted")
    assert "Drifted against the champion's training rows: age." in told.text
    assert told.facts["drifted"] == ["age"]
