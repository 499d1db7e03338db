from trimtab.artifacts.selection import CandidateResult
from trimtab.report.html import rows
from trimtab.report.records.assemble import build_result
from trimtab.report.words import verdict


def test_recipes_in_words():
    channels, here = {"channels": {"ratio": 0.5, "epochs": 5, "teacher": None}}, {"runtime": "litert"}
    assert rows.recipe_text([{"none": {}}, here]) == "as trained, 32-bit floats"
    assert rows.recipe_text([{"int8": {}}, here]) == "int8"
    assert rows.recipe_text([channels, {"int8": {}}, here]) == "channels (ratio 0.5, epochs 5), then int8"
    assert rows.recipe_text([{"int8": {}}, {"runtime": "openvino"}]) == "int8, then on openvino"


def test_every_row_of_candidates_has_a_cell_for_every_column(run_records):
    for kind in ({}, {"regression": True}):
        settings, records = run_records(**kind)
        result = build_result(records, settings, "/runs/one")
        assert {len(rows.candidate_row(result, c).cells) for c in result.candidates} == {11}


def test_a_candidate_that_was_not_tested_is_not_said_to_be_over_the_budget(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    (untested,) = (c for c in result.candidates if c.id in result.proof.not_tested)
    untested.within_budget = False
    assert verdict.status(result, untested) == "untested"
    result.proof.not_tested.pop(untested.id)
    untested.reasons = ["it is slow"]
    assert verdict.status(result, untested) == "over"
    untested.reasons = ["not tested: it costs no less than the baseline"]
    assert verdict.status(result, untested) == "untested"
    result.config["budget"] = {"max_size_kb": 0.001}
    assert verdict.status(result, untested) == "over"


def test_the_baseline_is_not_compared_with_itself():
    one = CandidateResult(id="none--none", recipe=[], ok=True)
    assert rows.compared(one, one) == [one]
    assert rows.compared(one, None) == [one]
    assert rows.compared(None, None) == []


def test_the_change_of_recall_per_class(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    chosen = next(c for c in result.candidates if c.id == result.chosen)
    found = rows.class_rows([result.baseline, chosen])
    assert [row.name for row in found] == [str(i) for i in range(10)]
    assert found[1].change == chosen.per_class["1"].recall - result.baseline.per_class["1"].recall
    assert found[1].change < 0
    assert rows.class_rows([chosen])[0].change is None


def test_a_table_of_whatever_the_rows_have():
    found = rows.table(
        [{"trial": "0", "values": {"width": 8}, "reason": ""}, {"trial": "1", "values": {"depth": 2}}],
        nested=True,
    )
    assert found.header == ["trial", "width", "depth"]
    assert [[cell.text for cell in row] for row in found.rows] == [["0", "8", "-"], ["1", "-", "2"]]


def test_counts_within_a_column_stay_in_their_cell():
    found = rows.table(
        [{"name": "city", "most_frequent": {"Bonn": 1200, "Ulm": 3}, "tokens": list("abcdefgh")}]
    )
    assert [cell.text for cell in found.rows[0]] == ["city", "Bonn (1,200), Ulm (3)", "a, b, c, d, e, …"]


def test_rows_per_class_are_summed_over_the_splits():
    found = rows.class_counts({"train": {"a": 80, "b": 20}, "test": {"a": 20}})
    assert found == [("a", 100, 1.0, "train 80, test 20"), ("b", 20, 0.2, "train 20, test 0")]
    assert rows.class_counts({}) == []
