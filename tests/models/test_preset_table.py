"""The table of docs/presets.md: a cell is made anew, and what broke is told apart from what works."""

import os
from pathlib import Path

import pytest
from models import preset_table
from models.preset_kinds import PRESETS

pytest.importorskip("keras_hub", reason="needs the extra hub")


@pytest.mark.slow
def test_a_cell_is_made_from_rows_to_answers_in_8_bits(tmp_path: Path) -> None:
    preset_table.build("DarkNet", tmp_path)
    assert preset_table.cell("DarkNet", "int8", tmp_path) < preset_table.cell("DarkNet", "none", tmp_path)


def test_a_child_that_takes_too_long_or_dies_costs_its_cell_alone() -> None:
    assert preset_table.tried(int, ("7",), 20)["value"] == 7
    assert preset_table.tried(int, ("x",), 20)["value"].startswith("ValueError")
    assert preset_table.tried(os.abort, (), 20)["value"] == "the process ended with -6"
    assert preset_table.tried(_sleep, (60,), 0.1)["value"] == "more than 0.1 s"


def _sleep(seconds: float) -> None:
    import time

    time.sleep(seconds)


def test_cells_are_shown_with_reasons_and_what_was_not_tried() -> None:
    name = next(iter(PRESETS))
    works = {"state": "works", "value": 2_000}
    page = preset_table.table({name: {"none": works, "int8": {"state": "refused", "value": "too deep"}}})
    assert f"| {name} |  | 2 | works | not tried | not tried | refused (1) |" in page
    assert "1. too deep" in page
    assert "1 of 2 cells of 1 architectures work (50%)" in page
