import io
import re
from pathlib import Path

from rich.console import Console

import trimtab
from trimtab.artifacts.record import StageRecord
from trimtab.report.html.page import render
from trimtab.report.records.assemble import build_result
from trimtab.report.records.evidence import gather_evidence
from trimtab.report.records.warnings import warnings
from trimtab.report.table import print_summary


def record(stage, *texts, ok=True):
    return StageRecord(stage=stage, ok=ok, warnings=list(texts))


def test_each_is_there_once_in_the_order_of_the_stages_and_with_the_stage_that_gave_it():
    records = [record("select", "worn"), record("train", "twice"), record("data_prep", "twice", "twice")]
    assert warnings(records) == ["twice", "train: twice", "select: worn"]


def test_a_stage_that_failed_keeps_what_it_had_warned_of():
    assert warnings([record("data_prep", "few rows", ok=False)]) == ["few rows"]


def test_every_stages_warnings_are_in_the_result_the_closing_text_and_the_report(run_records):
    settings, records = run_records()
    for one in records:
        one.warnings = [f"look at {one.stage}"]
    result = build_result(records, settings, "/runs/one")
    stages = {one.stage for one in records}
    assert len(result.warnings) == len(stages)
    file = io.StringIO()
    print_summary(result, Console(file=file, width=200))
    page = render(result, gather_evidence(records))
    for stage in stages:
        assert any(text.endswith(f"look at {stage}") for text in result.warnings)
        assert f"look at {stage}" in file.getvalue()
        assert f"look at {stage}" in page


def test_no_stage_warns_in_another_way():
    """What is only said is not in the result: `Task.warn` is the one way."""
    stages = Path(trimtab.__file__).parent / "stages"
    saying = [
        file.name for file in sorted(stages.rglob("*.py")) if re.search(r"say\(.*warning: ", file.read_text())
    ]
    assert saying == ["stage.py"]
