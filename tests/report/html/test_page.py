import re
from html.parser import HTMLParser

import pytest

from trimtab.artifacts.evaluation import OutputEvaluation
from trimtab.artifacts.record import StageRecord
from trimtab.report.html.page import render
from trimtab.report.records.assemble import build_result
from trimtab.report.records.evidence import gather_evidence
from trimtab.report.result import LeftOut

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
VOID = {"meta", "br", "img", "link", "input", "hr", "path", "circle", "rect", "text"}


class Page(HTMLParser):
    """Every tag with its attributes, the visible text, and whether tags are nested well."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.open = [], [], []
        self.feed(html)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in {"meta", "br", "img", "link", "input", "hr"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def page(settings, records):
    return render(build_result(records, settings, "/runs/one"), gather_evidence(records))


def test_the_headline_of_several_outputs_is_that_of_the_first(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    assert ">Accuracy</th>" in render(result, gather_evidence(records))
    metrics = result.baseline.metrics
    result.baseline.outputs = {
        name: OutputEvaluation(task="classification", metrics=metrics) for name in ("digit", "colour")
    }
    assert ">digit: accuracy</th>" in render(result, gather_evidence(records))


KINDS = [
    {},
    {"regression": True},
    {"names": ["no", "yes"], "prunes": 0},
    {"classes": 100, "examples": 10_000},
    {"prunes": 14},
]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_one_small_file_that_fetches_nothing(run_records, kind):
    html = page(*run_records(**kind))
    assert len(html.encode()) < 1_000_000
    found = Page(html)
    assert {tag for tag, _ in found.tags}.isdisjoint(
        {"link", "iframe", "img", "object", "embed", "base", "use"}
    )
    for tag, attributes in found.tags:
        assert "src" not in attributes, tag
        assert attributes.get("href", "#").startswith("#"), tag
    assert not re.search(r"url\(|@import|https?://|fetch\(|XMLHttpRequest|import\(", html)


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_everything_a_reader_wants(run_records, kind):
    settings, records = run_records(**kind)
    result = build_result(records, settings, "/runs/one")
    found = Page(page(settings, records))
    headings = [attributes.get("id") for tag, attributes in found.tags if tag == "section"]
    assert headings == ["verdict", "candidates", "quality", "training", "data", "run"]
    assert result.verdict in found.words
    assert "alone predicts the label" in found.words
    for candidate in result.candidates:
        assert candidate.id in found.words
        for reason in candidate.reasons:
            assert reason in found.words
    matrices = [a for tag, a in found.tags if tag == "svg" and a.get("class") == "matrix"]
    assert len(matrices) == (0 if kind.get("regression") else 2)
    assert ("MAE" in found.words) == bool(kind.get("regression"))
    assert "max_accuracy_drop: 0.02" in found.words, "the config"


def test_every_anchor_leads_somewhere_and_no_id_is_there_twice(run_records):
    found = Page(page(*run_records()))
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    referred = {a["href"][1:] for _, a in found.tags if "href" in a} | {
        a["aria-labelledby"] for _, a in found.tags if "aria-labelledby" in a
    }
    assert referred <= set(ids)


def test_every_plot_says_what_it_is_to_those_who_cannot_see_it(run_records):
    for tag, attributes in Page(page(*run_records())).tags:
        if tag == "svg":
            assert (
                "aria-hidden" in attributes or "aria-label" in attributes or "aria-labelledby" in attributes
            )


def test_names_from_users_cannot_become_markup(run_records):
    settings, records = run_records(names=[EVIL, "b", "</script><script>alert(3)</script>"], prunes=1)
    data = settings.data.model_copy(update={"train": EVIL})
    settings = settings.model_copy(update={"name": EVIL, "data": data})
    records[0].summary["columns"][0]["name"] = EVIL
    records[0].summary["columns"][1]["most_frequent"] = {EVIL: 3}
    records[0].warnings = [EVIL]
    records[0].summary["fingerprint"] = EVIL
    records[1].summary["trials"][0]["values"] = {EVIL: EVIL}
    select = next(record for record in records if record.stage == "select")
    select.summary["verdict"] = EVIL
    select.summary["cpu"] = EVIL
    select.summary["candidates"][2]["reasons"] = [EVIL]
    records.append(StageRecord(stage="deploy", shard=EVIL, error_type=EVIL, error=EVIL, traceback=EVIL))
    found = Page(page(settings, records))
    assert [tag for tag, _ in found.tags].count("script") == 1
    assert "img" not in {tag for tag, _ in found.tags}
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    assert EVIL in "".join(found.text)


def test_a_run_cut_off_anywhere_has_a_report(run_records):
    settings, records = run_records(prunes=1)
    for kept in range(len(records)):
        found = Page(page(settings, records[:kept]))
        assert "The run failed in" in found.words
        assert "What to do:" in found.words


def test_a_failure_says_what_why_and_what_to_do(run_records):
    settings, records = run_records()
    failed = StageRecord(
        stage="train",
        error_type="TrainingError",
        error="the loss is no longer a number at epoch 3\n  Lower train.learning_rate.",
        exit_code=1,
    )
    words = Page(page(settings, [*records[:2], failed])).words
    assert "The run failed in train: the loss is no longer a number at epoch 3." in words
    assert "What to do: Lower train.learning_rate." in words
    assert "prune not run" in words


def test_the_traceback_of_a_defect_is_there_but_not_in_the_verdict(run_records):
    settings, records = run_records()
    failed = StageRecord(
        stage="train", error_type="KeyError", error="unexpected KeyError: 'x'", traceback="Traceback: line 7"
    )
    words = Page(page(settings, [*records[:2], failed])).words
    assert "Traceback: line 7" in words


def test_a_skipped_stage_is_not_called_missing(run_records):
    settings, records = run_records()
    records[1].summary = {"skipped": True}
    assert "tune skipped" in Page(page(settings, records)).words


def test_what_was_left_out_is_told_with_its_reason(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    result.left_out = [LeftOut(candidate="channels-0.5--int8", reason="it needs training rows")]
    words = Page(render(result, gather_evidence(records))).words
    assert "Left out: channels-0.5--int8 : it needs training rows" in words


def test_a_lost_config_is_no_obstacle(run_records):
    _, records = run_records()
    assert "Deployed" in Page(page(None, records)).words


def test_a_stage_that_made_nothing_new_says_so(run_records):
    settings, records = run_records()
    records[2].reused = True
    assert "train reused" in Page(page(settings, records)).words


def drift_of(names):
    bins = [{"label": f"{name} bin {i}", "before": 0.1, "now": 0.1} for i, name in enumerate(names[:10])]
    features = [
        {
            "name": name, "kind": "categorical", "aspect": "values", "is_label": index == 0,
            "psi": 0.5 / (index + 1), "test": "chi-square", "statistic": 9.0, "p_value": 0.0,
            "adjusted_p_value": 0.0, "drifted": index < 2, "bins": bins, "unseen": ["Paris"],
        }
        for index, name in enumerate(names)
    ]  # fmt: skip
    limits = {"rows_before": 1000, "rows_now": 500, "max_psi": 0.2, "significance": 0.01}
    return {**limits, "features": features}


def test_drift_is_shown_where_it_was_measured(run_records):
    settings, records = run_records()
    assert 'id="drift"' not in page(settings, records)
    records[0].summary["drift"] = None
    assert 'id="drift"' not in page(settings, records)
    records[0].summary["drift"] = drift_of(["target", "age", "city"])
    found = Page(page(settings, records))
    assert "target (label), age have drifted." in found.words
    assert "never seen before: Paris" in found.words
    assert ("a", {"href": "#drift"}) in found.tags
    plots = [a["aria-label"] for tag, a in found.tags if tag == "svg" and "shares by bin" in str(a)]
    assert len(plots) == 3


def test_drift_of_very_many_columns_stays_small_and_cannot_become_markup(run_records):
    settings, records = run_records()
    records[0].summary["drift"] = drift_of([EVIL, *(f"column {i}" for i in range(1000))])
    html = page(settings, records)
    assert len(html.encode()) < 1_000_000
    found = Page(html)
    assert "column 999" in found.words
    assert "img" not in {tag for tag, _ in found.tags}
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)


def test_parts_that_are_proven_to_lose_more_are_flagged(run_records):
    settings, records = run_records()
    select = next(record for record in records if record.stage == "select")
    part = {"kind": "class", "part": "7", "examples": 36, "loss": 0.25, "others": 0.01, "larger": True}
    other = {**part, "kind": "slice", "part": "region = north", "loss": 0.02, "larger": False}
    select.summary["parts"] = [part, other]
    words = Page(page(settings, records)).words
    assert "Shown to lose more than the others: class 7 (25.00 points lost)." in words
    assert words.count("⚑ yes") == 1
    assert words.count("⚑ loses more") == 1, "in the table of classes"
    assert "region = north slice 36 2.00 points lost 1.00 points lost no" in words


def test_it_says_what_the_model_was_made_from_and_how_to_make_it_again(run_records):
    settings, records = run_records()
    select = next(record for record in records if record.stage == "select")
    select.summary["lineage"] = {
        "dataset": "9f",
        "candidate": "x",
        "runtime": "litert",
        "runtime_version": "2.3",
        "model": "model/aa11",
        "file": "file/bb22",
    }
    words = Page(page(settings, records)).words
    for part in ("ab" * 32, "model/aa11", "for litert 2.3 file/bb22", "Version 3 deployed at"):
        assert part in words
    assert "trimtab run /runs/one/config.json --output /runs" in words


def layer(name, size, error):
    return {"name": name, "kind": "CONV_2D", "size_bytes": size, "error": error}


def test_it_says_why_by_layer_and_operator(run_records):
    settings, records = run_records()
    select = next(record for record in records if record.stage == "select")
    time = {"name": "a", "kind": "CONV_2D", "milliseconds": 0.0137}
    before = {"layers": {"layers": [layer("conv_1 + relu_1", 295_424, 0.0)], "examples": 8}, "times": [time]}
    after = {
        "layers": {"layers": [layer("conv_1 + relu_1", 29_120, 0.011)], "examples": 8},
        "times": [{**time, "milliseconds": 0.0056}],
        "how_timed": "counted twice",
    }
    after["layers"]["layers"][0]["loss"] = 0.0042
    select.summary["inside"] = {"none--none": before, select.summary["chosen"]: after}
    found = Page(page(settings, records))
    assert "why" in [attributes.get("id") for tag, attributes in found.tags if tag == "section"]
    assert "conv_1 + relu_1 295 kB 29.1 kB 1.1 % 0.42 %" in found.words
    assert "Lost alone" in found.words
    assert "31 calls of layers of 315 kB became 16 operators in the file, 2 as it runs" in found.words
    assert "CONV_2D 1 13.7 5.60" in found.words
    assert "counted twice" in found.words
    assert "Not available" not in found.words


def test_what_a_runtime_cannot_show_is_said(run_records):
    settings, records = run_records()
    select = next(record for record in records if record.stage == "select")
    nothing = {"layers": {"why_not": "it has no eyes"}, "how_timed": "not available: it has no clock"}
    select.summary["inside"] = {"none--none": nothing, select.summary["chosen"]: nothing}
    words = Page(page(settings, records)).words
    assert "Layers: it has no eyes. Times of operators: not available: it has no clock." in words


def test_two_hundred_candidates_stay_small_and_can_be_searched(run_records):
    settings, records = run_records(prunes=50)
    html = page(settings, records)
    assert len(html.encode()) < 2_000_000
    found = Page(html)
    rows = [a["data-id"] for tag, a in found.tags if tag == "tr" and "data-id" in a]
    assert len(rows) == len(set(rows)) == 205
    table = next(a for tag, a in found.tags if a.get("id") == "table-of-candidates")
    assert table["class"].split() == ["sortable", "searched"]
    assert "Fine-tuning (12 of 50; all are in TensorBoard)" in found.words


def test_every_mark_says_its_numbers_and_leads_to_its_row(run_records):
    settings, records = run_records()
    found = Page(page(settings, records))
    marks = {a["data-id"] for tag, a in found.tags if tag == "g" and "data-id" in a}
    rows = {a["data-id"] for tag, a in found.tags if tag == "tr" and "data-id" in a}
    assert marks
    assert marks <= rows
    assert "none--none: accuracy 98.06 %, 0.231 ms, 312 kB" in found.words


def test_columns_are_sorted_by_numbers_not_by_how_they_are_written(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    values = [a.get("data-v") for tag, a in Page(page(settings, records)).tags if tag == "td"]
    assert str(result.candidates[0].size_bytes) in values
    assert str(result.candidates[0].latency_ms.p50) in values


def test_histograms_say_their_bars_to_those_who_cannot_see_them(run_records):
    settings, records = run_records()
    bars = [{"label": "north", "share": 0.75}, {"label": "(missing)", "share": 0.25}]
    records[0].summary["histograms"] = [{"name": "region", "aspect": "values", "bars": bars}]
    found = Page(page(settings, records))
    assert {"region, values: north: 75.0 %, (missing): 25.0 %"} <= {
        a.get("aria-label") for tag, a in found.tags if tag == "svg"
    }
