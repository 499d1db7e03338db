import pytest

from trimtab.artifacts.model import AsItCame
from trimtab.artifacts.proof import Reach
from trimtab.report.records.assemble import build_result
from trimtab.report.words.verdict import as_it_came, find_candidate, over_what, sentence


def built(run_records, **kind):
    settings, records = run_records(**kind)
    return build_result(records, settings, "/runs/one")


def test_it_says_what_how_much_cheaper_and_how_sure(run_records):
    verdict = built(run_records).verdict
    for part in (
        "Deployed channels-0.433--dynamic_int8",
        "8.9x smaller (312 kB to 35.3 kB)",
        "3.1x faster (0.231 to 0.0749 ms)",
        "its accuracy is 97.50 %",
        "with 95 % confidence at most 2.00 points below the baseline's, whichever was chosen",
        "360 test examples",
    ):
        assert part in verdict


def test_the_size_after_gzip_is_told_where_it_decides(run_records):
    result = built(run_records)
    before, chosen = result.baseline, find_candidate(result, result.chosen)
    for each, packed in ((before, 200_000), (chosen, 20_000)):
        each.size_counts, each.gzip_bytes = "gzip", packed
    assert "10.0x smaller after gzip (200 kB to 20.0 kB)" in sentence(result)
    result.config["budget"]["max_size_kb"] = 19
    assert over_what(result, chosen) == ["size"]


def test_regression_speaks_of_the_error(run_records):
    verdict = built(run_records, regression=True).verdict
    assert "mean absolute error is 41.57" in verdict
    assert "at most 5.00 % above the baseline's" in verdict
    assert "accuracy" not in verdict


def test_the_baseline_itself_is_no_smaller_than_itself(run_records):
    result = built(run_records).model_copy(update={"chosen": "none--none"})
    assert sentence(result).startswith("Deployed the baseline itself")
    assert "smaller (" not in sentence(result)


def test_a_larger_and_slower_choice_is_not_praised(run_records):
    result = built(run_records)
    chosen = find_candidate(result, result.chosen)
    chosen.size_bytes, chosen.latency_ms.p50 = (
        2 * result.baseline.size_bytes,
        2 * result.baseline.latency_ms.p50,
    )
    assert "2.0x larger" in sentence(result)
    assert "2.0x slower" in sentence(result)


@pytest.mark.parametrize("failed", [0, 2])
def test_nothing_deployed_counts_who_was_judged(run_records, failed):
    result = built(run_records, prunes=0).model_copy(update={"chosen": None, "status": "over_budget"})
    for candidate in result.candidates[1 : 1 + failed]:
        candidate.ok = False
    counted = sum(candidate.ok for candidate in result.candidates)
    assert f"none of the {counted} candidates" in sentence(result)


def test_the_limits_that_are_broken(run_records):
    result = built(run_records)
    assert over_what(result, result.baseline) == ["latency", "size"]
    assert over_what(result, find_candidate(result, result.chosen)) == []
    assert "untested" in over_what(result, find_candidate(result, next(iter(result.proof.not_tested))))
    result.proof.stopped_at.append("none--none")
    assert "quality" in over_what(result, result.baseline)


def test_a_model_that_was_brought_is_told_as_it_came(run_records):
    result = built(run_records)
    assert as_it_came(result) == ""
    came = AsItCame(task="classification", metric="accuracy", value=0.9312, examples=1200)
    words = as_it_came(result.model_copy(update={"as_it_came": came}))
    assert words == "The model as it came: accuracy 93.12% on 1,200 validation examples."
    came = AsItCame(task="regression", metric="mae", value=41.2345, examples=90)
    words = as_it_came(result.model_copy(update={"as_it_came": came}))
    assert words == "The model as it came: mean absolute error 41.23 on 90 validation examples."


def test_of_copies_it_says_how_many_examples_are_different(run_records):
    result = built(run_records)
    examples = find_candidate(result, result.chosen).drop.examples
    reach = Reach(metric="accuracy", max_loss=0.02, confidence=0.95, examples=examples, least=0.01, needed=9)
    told = {}
    for distinct in (None, examples, examples - 7):
        result.data.reach = [reach.model_copy(update={"distinct": distinct})]
        told[distinct] = "of them different" in sentence(result)
    assert told == {None: False, examples: False, examples - 7: True}
    assert f"({examples:,} test examples, {examples - 7:,} of them different)" in sentence(result)
    result.data.reach = [reach.model_copy(update={"distinct": 20, "grouped": True})]
    assert "of them different" not in sentence(result)
