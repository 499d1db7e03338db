"""The printed table of passes and kinds of layers has every row and column, and some cells are run again."""

from __future__ import annotations

import re

import pytest
from compress.layer_kinds import KINDS
from compress.matrix import COLUMNS, PAGE, cell

AGAIN = [
    ("MultiHeadAttention", "channels"),
    ("Bidirectional", "channels"),
    ("LayerNormalization", "channels"),
    ("slices", "channels"),
    ("EinsumDense", "magnitude"),
    ("EinsumDense", "qat_int8"),
    ("Conv2DTranspose", "onnxruntime int8"),
    ("keras.ops", "qat"),
    ("shared layer", "qat"),
    ("LSTM", "openvino int8"),
]


def printed() -> dict[str, dict[str, str]]:
    """Returns the cells of the page, with the reasons of refusals."""
    text = PAGE.read_text()
    notes = dict(re.findall(r"^(\d+)\. (.*)$", text, re.MULTILINE))
    head, _, *rows = re.findall(r"^\| .*|^\|---.*", text[text.index("| | `") :], re.MULTILINE)
    columns = re.findall("`(.*?)`", head)

    def whole(shown: str) -> str:
        number = re.fullmatch(r"refused \((\d+)\)", shown)
        return f"refused: {notes[number[1]]}" if number else shown

    cells = [[part.strip() for part in row.strip("|").split("|")] for row in rows]
    return {name: dict(zip(columns, map(whole, row), strict=True)) for name, *row in cells}


def test_every_pass_runtime_and_kind_is_in_it() -> None:
    found = printed()
    assert list(found) == list(KINDS)
    assert all(list(row) == COLUMNS for row in found.values())


@pytest.mark.parametrize(("kind", "column"), AGAIN)
def test_it_is_still_so(kind: str, column: str) -> None:
    assert cell(KINDS[kind], column) == printed()[kind][column]
