"""The model card, read back as the Hub and KFP's UI read it."""

import yaml

from trimtab.report.card import model_card, with_head
from trimtab.report.records.assemble import build_result


def parts(text):
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


def test_it_says_what_was_deployed_how_good_it_is_and_how_sure(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    chosen = next(one for one in result.candidates if one.id == result.chosen)
    card = model_card(result)
    assert card.startswith(f"# {result.config['name']}\n\n{result.verdict}\n")
    before, after = (f"{one.metrics['accuracy']:.4g}" for one in (result.baseline, chosen))
    assert f"| accuracy | {before} | {after} |" in card
    assert "confidence" in card.partition("## How sure that is")[2].partition("##")[0]
    assert result.data.fingerprint in card
    assert "nothing was tested" in card


def test_its_head_is_that_of_the_hub(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    chosen = next(one for one in result.candidates if one.id == result.chosen)
    chosen.task = "classification"
    head, body = parts(with_head(result))
    assert head["library_name"] == "litert"
    (model,) = head["model-index"]
    (measured,) = model["results"]
    assert measured["task"]["type"] == "classification"
    assert {one["type"]: one["value"] for one in measured["metrics"]} == chosen.metrics
    assert body == f"\n{model_card(result)}"


def test_a_run_that_failed_early_has_a_card_that_says_so(run_records):
    settings, _ = run_records()
    result = build_result([], settings, "/runs/one")
    head, body = parts(with_head(result))
    assert "library_name" not in head
    assert result.verdict in body
    assert "## On the test split" not in body


def test_the_hub_is_told_what_the_model_does_where_it_has_a_name_for_it(run_records):
    settings, records = run_records()
    for kind, expected in (("image", "image-classification"), ("", None)):
        records[0].summary["input_kind"] = kind
        result = build_result(records, settings, "/runs/one")
        next(one for one in result.candidates if one.id == result.chosen).task = "classification"
        head = parts(with_head(result))[0]
        assert head.get("pipeline_tag") == expected
        (measured,) = head["model-index"][0]["results"]
        assert measured["task"]["type"] == (expected or "classification")


def test_it_says_how_to_use_it_how_to_make_it_again_and_where_it_loses(run_records):
    settings, records = run_records()
    select = next(record for record in records if record.stage == "select")
    worse = {"kind": "class", "part": "7", "examples": 36, "loss": 0.25, "others": 0.0, "larger": True}
    select.summary["parts"] = [worse]
    card = model_card(build_result(records, settings, "/runs/one"))
    assert "trimtab predict /runs/deployed/digits --version 3 --input rows.csv" in card
    assert "trimtab run /runs/one/config.json --output /runs" in card
    assert "Shown to lose more than the others: class 7 (25.00 points lost)." in card
