"""New rows against the data of a model in service: its schema is kept, or what has changed is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.champion.rows import champion_rows, made_table, made_texts, write_clips, write_images
from data.prepare.tables import Prepare, write_csv

from trimtab.data.encoders.form import Form
from trimtab.errors import DataError


def test_rows_that_fit_are_encoded_as_the_champion_learned_them(tmp_path: Path, prepared: Prepare) -> None:
    champion, _ = prepared("champion", train=write_csv(tmp_path / "a.csv", made_table()))
    fresh = made_table(900, seed=1, shift=3.0)
    fresh["color"] = ["violet" if color == "red" else color for color in fresh["color"]]
    dataset, found = prepared("new", champion, train=write_csv(tmp_path / "b.csv", fresh))
    assert (found.schema_changes, found.champion_rows) == ([], True)
    assert dataset.schema == champion.schema == dataset.champion
    assert dataset.arrays("train")[0][:, 0].mean() > 1  # not standardized anew
    x, y = champion_rows(dataset)
    expected, labels = dataset.arrays("test")
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(y, labels)


def test_without_a_champion_there_is_nobody_to_ask(tmp_path: Path, prepared: Prepare) -> None:
    dataset, found = prepared("first", train=write_csv(tmp_path / "a.csv", made_table()))
    assert (found.schema_changes, found.champion_rows, dataset.champion_test()) == ([], False, None)


def test_a_regression_keeps_the_scale_of_its_label(tmp_path: Path, prepared: Prepare) -> None:
    rng = np.random.default_rng(0)
    before = {"x": rng.normal(size=400).tolist(), "price": (rng.normal(size=400) * 10).tolist()}
    after = {"x": rng.normal(size=400).tolist(), "price": rng.integers(0, 3, 400).tolist()}
    champion, _ = prepared("a", train=write_csv(tmp_path / "a.csv", before), label="price")
    dataset, found = prepared("b", champion, train=write_csv(tmp_path / "b.csv", after), label="price")
    assert found.schema_changes == []
    assert dataset.schema.label_std == champion.schema.label_std > 5


def test_an_absent_class_keeps_its_place_and_is_warned_of(tmp_path: Path, prepared: Prepare) -> None:
    before, after = made_table(), made_table(seed=1)
    before["label"][::3] = ["alien"] * len(before["label"][::3])
    champion, _ = prepared("a", train=write_csv(tmp_path / "a.csv", before))
    dataset, found = prepared("b", champion, train=write_csv(tmp_path / "b.csv", after))
    assert found.schema_changes == []
    assert dataset.schema.classes == ["alien", "big", "small"]
    assert set(dataset.arrays("train")[1].tolist()) == {1, 2}
    assert any("no row of the classes alien: the new model may forget them" in w for w in found.warnings)


def test_one_class_alone_is_nothing_to_learn(tmp_path: Path, prepared: Prepare) -> None:
    champion, _ = prepared("a", train=write_csv(tmp_path / "a.csv", made_table()))
    after = {**made_table(seed=1), "label": ["big"] * 800}
    with pytest.raises(DataError, match="same label"):
        prepared("b", champion, train=write_csv(tmp_path / "b.csv", after))


def test_a_text_column_stays_one_when_its_texts_repeat(tmp_path: Path, prepared: Prepare) -> None:
    before = {"text": made_texts(400, 0, 4000), "label": ["a", "b"] * 200}
    after = {"text": made_texts(4000, 1, 300), "label": ["a", "b"] * 2000}
    champion, _ = prepared("a", train=write_csv(tmp_path / "a.csv", before))
    _, alone = prepared("alone", train=write_csv(tmp_path / "b.csv", after))
    dataset, found = prepared("b", champion, train=str(tmp_path / "b.csv"))
    assert alone.schema.input.kind == "tabular"
    assert (dataset.schema.input.kind, found.schema_changes) == ("text", [])
    assert dataset.schema.preprocessing["vocabulary"] == champion.schema.preprocessing["vocabulary"]


def test_an_identifier_that_was_left_out_stays_out(tmp_path: Path, prepared: Prepare) -> None:
    before = {**made_table(), "code": [f"c{i}" for i in range(800)]}
    after = {**made_table(seed=1), "code": [f"c{i % 7}" for i in range(800)]}
    champion, _ = prepared("a", train=write_csv(tmp_path / "a.csv", before))
    dataset, found = prepared("b", champion, train=write_csv(tmp_path / "b.csv", after))
    assert found.schema_changes == []
    assert [column.name for column in dataset.schema.columns] == ["size", "color"]
    _, asked = prepared("c", champion, train=str(tmp_path / "b.csv"), columns={"code": "categorical"})
    assert asked.schema_changes == ["the column code (categorical) is input (data.columns)"]


@pytest.mark.parametrize(
    "settings", [{"drop": ["colour"]}, {"columns": {"colour": "text"}}, {"drop": ["label"]}]
)
def test_a_champion_does_not_hide_what_is_wrong_with_the_config(
    tmp_path: Path, prepared: Prepare, settings: dict[str, Any]
) -> None:
    champion, _ = prepared("a", train=write_csv(tmp_path / "a.csv", made_table()))
    with pytest.raises(DataError) as caught:
        prepared("b", champion, train=str(tmp_path / "a.csv"), **settings)
    assert caught.value.field in ("data.drop", "data.columns")


Table = dict[str, list[Any]]


def _without(name: str) -> Callable[[Table], Table]:
    return lambda table: {column: values for column, values in table.items() if column != name}


def _with(name: str, value: Callable[[int], Any]) -> Callable[[Table], Table]:
    return lambda table: {**table, name: [value(row) for row in range(len(table["label"]))]}


CHANGES: dict[str, tuple[Callable[[Table], Table], dict[str, Any], list[str], bool]] = {
    "a column is gone": (_without("color"), {}, ["the column color is gone"], False),
    "a column is new": (
        _with("weight", lambda row: row / 7),
        {},
        ["the column weight (numeric) is new"],
        True,
    ),
    "an empty column is filled": (
        _with("empty", lambda row: row / 7),
        {},
        ["the column empty (numeric) is input, it was empty or left out"],
        True,
    ),
    "numbers are words": (
        _with("size", lambda row: ["s", "m", "l"][row % 3]),
        {},
        [
            "the column size is categorical, it was numeric: 2,000 of its values are no numbers, "
            "such as m, s, l"
        ],
        False,
    ),
    "words are numbers": (
        _with("color", lambda row: row % 50),
        {},
        ["the column color is numeric, it was categorical"],
        True,
    ),
    "a class is new": (
        _with("label", lambda row: ["big", "small", "tiny"][row % 3]),
        {},
        ["the class tiny is new in label"],
        True,
    ),
    "other classes": (
        _with("label", lambda row: ["short", "tall"][row % 2]),
        {},
        ["the classes short, tall are new in label"],
        False,
    ),
    "another task": (
        _with("label", lambda row: row / 3),
        {},
        ["the task is regression, it was classification"],
        False,
    ),
    "another label": (
        lambda table: table,
        {"label": "color"},
        ["the label is the column color, it was label"],
        False,
    ),
    "a column is dropped": (
        lambda table: table,
        {"drop": ["color"]},
        ["the column color is left out (data.drop)"],
        True,
    ),
    "a kind is set": (
        lambda table: table,
        {"columns": {"size": "categorical"}},
        ["the column size is categorical, it was numeric (data.columns)"],
        True,
    ),
    "a column groups": (
        lambda table: table,
        {"group_by": "color", "split": {"test": 0.4, "validation": 0.4}},
        ["the column color groups rows, it was input (data.group_by)"],
        True,
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_has_changed_is_named(tmp_path: Path, prepared: Prepare, case: str) -> None:
    change, settings, words, answers = CHANGES[case]
    before = {**made_table(2000), "empty": [""] * 2000}
    champion, _ = prepared("a", train=write_csv(tmp_path / "a.csv", before))
    after = change({**made_table(2000, seed=1), "empty": [""] * 2000})
    if settings.get("group_by"):  # groups have to be many enough for three sides
        after["color"] = [f"{color}{row % 30}" for row, color in enumerate(after["color"])]
    dataset, found = prepared("b", champion, train=write_csv(tmp_path / "b.csv", after), **settings)
    assert found.schema_changes == dataset.schema_changes == words
    assert found.champion_rows is answers
    assert (dataset.champion_test() is not None) is answers
    assert dataset.schema != champion.schema


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, []),
        ({"image": {"height": 8, "channels": 1}}, []),
        ({"image": {"height": 16}}, ["data.image.height asks for 16 pixels, it was 8"]),
        ({"image": {"channels": 3}}, ["data.image.channels asks for 3, it was 1"]),
    ],
)
def test_image_sizes_are_the_champions_unless_others_are_asked_for(
    tmp_path: Path, prepared: Prepare, settings: dict[str, Any], words: list[str]
) -> None:
    champion, _ = prepared("a", train=write_images(tmp_path / "a", 120))
    dataset, found = prepared("b", champion, train=write_images(tmp_path / "b", 120, size=12), **settings)
    assert found.schema_changes == words
    assert (dataset.schema == champion.schema) is (not words)
    assert champion_rows(dataset)[0].shape[1:] == (8, 8, 1)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, []),
        ({"audio": {"mel_bins": 20}}, ["data.audio.mel_bins asks for 20, it was 40"]),
        ({"audio": {"duration_s": 0.3}}, ["data.audio.duration_s asks for 2,400 samples, it was 1,600"]),
    ],
)
def test_clips_are_as_long_as_the_champions_unless_others_are_asked_for(
    tmp_path: Path, prepared: Prepare, settings: dict[str, Any], words: list[str]
) -> None:
    champion, _ = prepared("a", train=write_clips(tmp_path / "a", 60, 0.2), min_rows_per_class=2)
    train = write_clips(tmp_path / "b", 60, 0.4)
    dataset, found = prepared("b", champion, train=train, min_rows_per_class=2, **settings)
    assert found.schema_changes == words
    assert (dataset.schema == champion.schema) is (not words)


def test_a_vocabulary_is_the_champions_unless_another_size_is_asked_for(
    tmp_path: Path, prepared: Prepare
) -> None:
    before = {"text": made_texts(400, 0, 4000), "label": ["a", "b"] * 200}
    after = {"text": [f"{text} novel" for text in made_texts(400, 1, 4000)], "label": ["a", "b"] * 200}
    source = write_csv(tmp_path / "b.csv", after)
    full, _ = prepared("full", train=write_csv(tmp_path / "a.csv", before))
    cut, _ = prepared("cut", train=str(tmp_path / "a.csv"), text={"vocabulary_size": 10})
    assert prepared("b", full, train=source)[1].schema_changes == []
    assert prepared("c", cut, train=source, text={"vocabulary_size": 10})[1].schema_changes == []
    words = prepared("d", cut, train=source)[1].schema_changes
    assert words == ["data.text.vocabulary_size asks for 10 words, it was 8"]


@pytest.mark.parametrize("kind", ["image", "audio", "text"])
def test_a_schema_outlives_the_rows_that_it_was_made_of(tmp_path: Path, prepared: Prepare, kind: str) -> None:
    """The second retraining is held against rows that would have made another schema."""
    if kind == "image":
        first, later = write_images(tmp_path / "a", 120), write_images(tmp_path / "b", 120, size=12)
    elif kind == "audio":
        first, later = write_clips(tmp_path / "a", 60, 0.2), write_clips(tmp_path / "b", 60, 0.4)
    else:
        texts = [f"novel {text} novel" for text in made_texts(400, 1, 4000)]
        first = write_csv(tmp_path / "a.csv", {"text": made_texts(400, 0, 4000), "label": ["a", "b"] * 200})
        later = write_csv(tmp_path / "b.csv", {"text": texts, "label": ["a", "b"] * 200})
    champion, _ = prepared("a", train=first, min_rows_per_class=2)
    for name in ("b", "c"):
        champion, found = prepared(name, champion, train=later, min_rows_per_class=2)
        assert found.schema_changes == []
    alone, _ = prepared("alone", train=later, min_rows_per_class=2)
    assert alone.schema != champion.schema


def test_lost_statistics_make_a_new_schema_and_the_champion_still_answers(
    tmp_path: Path, prepared: Prepare
) -> None:
    champion, _ = prepared("a", train=write_csv(tmp_path / "a.csv", made_table()))
    (champion.path / "statistics.json").unlink()
    dataset, found = prepared("b", champion, train=write_csv(tmp_path / "b.csv", made_table(seed=1)))
    assert found.schema_changes == ["nothing is known of the champion's training rows"]
    assert dataset.champion == champion.schema != dataset.schema


def test_another_range_of_the_input_is_a_change(tmp_path: Path, prepared: Prepare) -> None:
    images, raw = write_images(tmp_path / "a", 120), Form("raw")
    champion, _ = prepared("champion", train=images, form=raw)
    assert champion.head("test", 4)[0]["input"].max() > 50
    _, found = prepared("same", champion, train=images, form=Form((0.0, 255.0)))
    assert found.schema_changes == []
    dataset, found = prepared("new", champion, train=images)
    assert found.schema_changes == ["model.input is standardized, it was [0.0, 255.0]"]
    assert dataset.head("test", 4)[0]["input"].max() <= 1
    assert champion_rows(dataset)[0].max() > 50


def test_another_scale_of_the_label_is_a_change(tmp_path: Path, prepared: Prepare) -> None:
    table = made_table()
    table["label"] = [size * 3 for size in table["size"]]
    rows = write_csv(tmp_path / "a.csv", table)
    champion, _ = prepared("champion", train=rows, form=Form("raw", raw_label=True))
    assert (champion.schema.label_mean, champion.schema.label_std) == (0, 1)
    _, found = prepared("new", champion, train=rows)
    assert found.schema_changes == [
        "model.input is standardized, it was raw",
        "model.output is standardized, it was not",
    ]
