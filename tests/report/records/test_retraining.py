import io

import pytest
from rich.console import Console

from trimtab.config.deploy import Deploy
from trimtab.report.html.page import render
from trimtab.report.records.assemble import NO_RECORD, build_result
from trimtab.report.records.evidence import gather_evidence
from trimtab.report.result import Result
from trimtab.report.table import print_summary

RUN = "/somewhere/runs/digits-1"


def built(settings, records):
    return build_result(records, settings, RUN, is_retraining=True)


def printed(result):
    file = io.StringIO()
    print_summary(result, Console(file=file, width=100, force_terminal=False))
    return " ".join(file.getvalue().split())


def up_to_date(settings, records):
    records[0].summary |= {"needed": False, "reasons": ["the data is what champion v3 was trained on"]}
    return built(settings, records[:1])


def test_a_promotion(retrain_records):
    result = built(*retrain_records())
    assert (result.status, result.errors) == ("deployed", [])
    assert result.verdict == f"Deployed {result.chosen} as v4: better than v3, 95 % sure."
    found = result.retrain
    assert (found.champion, found.start, found.forced) == (3, "champion v3", None)
    assert found.schema_changes == ["the class d is new in label"]
    assert found.changes.added.count == 1
    read = Result.model_validate_json(result.model_dump_json())
    assert read.model_dump(mode="json") == result.model_dump(mode="json")


def test_the_config_is_the_one_that_was_followed(retrain_records):
    settings, records = retrain_records()
    result = built(settings, records)
    assert result.config == settings.model_dump(mode="json")
    assert built(settings, records[:-3]).errors[0].stage == "select"


def test_a_champion_that_stays(retrain_records):
    result = built(*retrain_records(finding="worse", promote=False))
    assert (result.status, result.deployed) == ("champion_kept", None)
    assert result.verdict == f"Champion v3 stays: the challenger {result.chosen} is worse than v3, 95 % sure."


def test_who_forced_it_and_why(retrain_records):
    result = built(*retrain_records(finding="worse", promote=False, forced=True))
    assert result.status == "deployed"
    assert "as v4, forced by ada@lab (the label was wrong): worse than v3" in result.verdict
    assert result.retrain.forced.by == "ada@lab"


def test_nothing_new(retrain_records):
    result = up_to_date(*retrain_records())
    assert (result.status, result.errors) == ("up_to_date", [])
    assert result.verdict == "Nothing new: the data is what champion v3 was trained on."


def test_nothing_within_the_budget_says_that_the_champion_stays(retrain_records):
    settings, records = retrain_records(promote=False)
    next(record for record in records if record.stage == "select").summary["chosen"] = None
    records[-1].summary |= {"finding": "over_budget", "why": "no candidate is within the budget"}
    result = built(settings, records)
    assert result.status == "over_budget"
    assert result.verdict.endswith("Champion v3 stays.")


def test_a_run_cut_off_anywhere_names_the_stage_that_is_missing(retrain_records):
    settings, records = retrain_records()
    for kept in range(len(records)):
        result = built(settings, records[:kept])
        assert (result.status, [error.type for error in result.errors]) == ("failed", [NO_RECORD])
        assert result.errors[0].stage.partition(" ")[0] == records[kept].stage


@pytest.mark.parametrize("stage", ["check_data", "plan", "compare"])
def test_a_record_of_another_version_is_no_crash(retrain_records, stage):
    settings, records = retrain_records()
    next(record for record in records if record.stage == stage).summary = {"needed": "perhaps"}
    result = built(settings, records)
    assert result.retrain is not None
    assert result.verdict


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"finding": "worse", "promote": False},
        {"finding": "worse", "promote": False, "forced": True},
        {"regression": True},
    ],
)
def test_the_page_shows_both_models_and_how_sure_that_is(retrain_records, kind):
    settings, records = retrain_records(**kind)
    result = built(settings, records)
    html = render(result, gather_evidence(records))
    section = html[html.index('<section id="retrain">') :].partition("</section>")[0]
    shown = ("41.00", "40.00") if kind.get("regression") else ("95.00 %", "97.00 %")
    for part in (*shown, "30.0 kB", "29.0 kB", "champion v3", "95 % confidence", "-0.40", "3.60"):
        assert part in section, part
    assert "1 file new: train/february.csv" in section
    assert ("by ada@lab: the label was wrong" in section) == bool(kind.get("forced"))
    assert "check_data" in html


def test_a_page_without_anything_new_is_small_and_says_so(retrain_records):
    settings, records = retrain_records()
    result = up_to_date(settings, records)
    html = render(result, gather_evidence(records[:1]))
    assert "Nothing new: the data is what champion v3 was trained on." in html
    assert "No reason to retrain" in html


def test_an_optimization_has_no_such_section_and_no_such_stages(run_records):
    settings, records = run_records()
    result = build_result(records, settings, RUN)
    assert result.retrain is None
    html = render(result, gather_evidence(records))
    assert 'id="retrain"' not in html
    assert "check_data" not in html


def test_the_terminal_says_why_and_from_where(retrain_records):
    text = printed(built(*retrain_records()))
    assert "retrained because: there is new data: 1 file new: train/february.csv" in text
    assert "the schema changed: the class d is new in label" in text
    assert "started from: champion v3, as the data is of the same kind" in text


def test_the_terminal_says_once_that_nothing_is_new(retrain_records):
    text = printed(up_to_date(*retrain_records()))
    assert text.count("the data is what champion v3 was trained on") == 1
    assert "retrained because" not in text


def test_the_terminal_says_which_model_is_in_service(retrain_records):
    settings, records = retrain_records()
    settings = settings.model_copy(update={"deploy": Deploy(target="gs://bucket/digits/")})
    stays = built(settings, retrain_records(finding="worse", promote=False)[1])
    for result in (stays, up_to_date(settings, records)):
        assert "Model in service gs://bucket/digits/3" in printed(result)
    assert "Deployed model" in printed(built(*retrain_records()))
