import pytest

from trimtab.report.across import across, cells
from trimtab.report.html.across import render
from trimtab.report.records.assemble import build_result


def built(run_records, run="/runs/one", **kind):
    settings, records = run_records(**kind)
    return build_result(records, settings, run)


def test_runs_are_side_by_side_with_what_each_chose(run_records):
    one, two = built(run_records), built(run_records, "/runs/two", prunes=0)
    found = across([one, two])
    assert [run.run_id for run in found.runs] == ["one", "two"]
    assert found.runs[0].chosen == one.chosen
    assert found.runs[0].speedup == pytest.approx(one.baseline.latency_ms.p50 / found.runs[0].latency_ms)
    assert found.runs[0].confidence == 0.95
    assert "recipes" in found.differences, "they tried other recipes"
    assert "name" not in found.differences


def test_what_must_not_be_compared_is_said(run_records):
    one, two = built(run_records), built(run_records, "/runs/two")
    assert [text[:12] for text in across([one, two]).cautions] == ["“Loss alone ", "Milliseconds"]
    two.data.fingerprint = "other"
    assert "other data" in across([one, two]).cautions[0]
    other = built(run_records, "/runs/three", regression=True)
    assert any("other metrics" in text for text in across([one, other]).cautions)


def test_a_run_that_failed_has_no_numbers_and_no_made_up_ones(run_records):
    settings, records = run_records()
    (run,) = across([build_result(records[:3], settings, "/runs/one")]).runs
    assert (run.status, run.chosen, run.size_bytes, run.speedup) == ("failed", None, None, None)
    assert cells(run)[2:8] == ["-"] * 6


def test_the_page_says_the_same_and_its_columns_sort_by_number(run_records):
    results = [built(run_records), built(run_records, "/runs/two", prunes=0)]
    html = render(results, across(results))
    assert "2 runs side by side" in html
    assert all(result.verdict.partition(":")[0] in html for result in results)
    assert f'data-v="{results[0].candidates[0].size_bytes}"' not in html, "the baseline is not what ships"
    assert f'data-v="{across(results).runs[0].size_bytes}"' in html
    assert "http" not in html
