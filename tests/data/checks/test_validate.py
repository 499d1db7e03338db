from __future__ import annotations

import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.checks.validate import validate
from trimtab.data.kinds.infer import infer_schema
from trimtab.data.readers.registry import reader_for
from trimtab.data.statistics.summary import Summary
from trimtab.errors import DataError

N = 60


@pytest.fixture
def check():
    """Validates splits that are given as columns."""

    def check(train, validation=None, test=None, /, *, duplicates=0, **settings):
        config = Data(train="rows.csv", **settings)
        given = {"train": train, "validation": validation, "test": test}
        splits = {
            split: Summary.of(pa.RecordBatch.from_pydict(columns), config)
            for split, columns in given.items()
            if columns is not None
        }
        everything = Summary()
        for summary in splits.values():
            everything = everything.merge(summary)
        meaning = infer_schema(everything, config)
        return validate(
            splits,
            meaning=meaning,
            config=config,
            duplicates=duplicates,
        )

    return check


@pytest.fixture
def good():
    return {"x": [i * 7 % 11 / 2 for i in range(N)], "label": ["a", "b", "a", "b", "b", "a"] * 10}


def test_good_data_has_no_warnings(check, good):
    assert check(good) == []


def test_a_missing_number_is_no_class(check, good):
    with pytest.raises(DataError, match="1 of 60 rows have no label"):
        check({**good, "label": ["NA"] + ["0", "1"] * 29 + ["1"]})


@pytest.mark.parametrize("missing", [None, "", "  "])
def test_missing_labels_stop_the_run(check, good, missing):
    with pytest.raises(DataError, match="1 of 60 rows have no label") as caught:
        check({**good, "label": [missing, *good["label"][1:]]})
    assert caught.value.field == "label"
    assert caught.value.exit_code == 2


def test_a_numeric_label_must_be_a_number(check, good):
    labels = [i / 2 for i in range(N)]
    with pytest.raises(DataError, match="have no number as their label"):
        check({**good, "label": ["high", *map(str, labels[1:])]}, task="regression")


@pytest.mark.parametrize("labels", [["a"] * N, [1.5] * N])
def test_a_constant_label_stops_the_run(check, good, labels):
    with pytest.raises(DataError, match="nothing to learn"):
        check({**good, "label": labels})


def test_a_class_with_too_few_rows_stops_the_run(check, good):
    labels = ["rare"] * 4 + good["label"][4:]
    with pytest.raises(DataError, match="the class rare has 4 rows"):
        check({**good, "label": labels})
    assert check({**good, "label": labels}, min_rows_per_class=4) == []


def test_rows_split_off_count_for_their_class_but_given_ones_do_not(check, good):
    few = {"x": [0.5] * 3, "label": ["a", "b", "rare"]}
    train = {**good, "label": ["rare"] * 4 + good["label"][4:]}
    assert "validation" not in " ".join(check(train, few, few))
    with pytest.raises(DataError, match="rare has 4 rows"):
        check(train, few, few, validation="v.csv", test="t.csv")


def test_a_class_that_only_the_test_has_stops_the_run(check, good):
    test = {**good, "label": ["new"] * 20 + good["label"][20:]}
    with pytest.raises(
        DataError, match="20 test rows are of classes that no training row has: new"
    ) as caught:
        check(good, None, test, test="t.csv")
    assert (caught.value.path, caught.value.field) == ("t.csv", "label")
    assert "Trained classes, whose names must be the same here: a, b." in caught.value.hint


def test_rows_without_a_label_are_counted_by_source(check, good):
    part = {"x": [1.0, 2.0, 3.0], "label": [None, "", "a"]}
    with pytest.raises(DataError, match=r"rows\.csv: label: 4 of 66 rows have no label"):
        check(good, part, part)
    with pytest.raises(DataError, match=r"t\.csv: label: 2 of 3 rows have no label"):
        check(good, None, part, test="t.csv")


def test_classes_that_differ_in_case_or_blanks_only_are_a_warning(check, good):
    (warning,) = check({**good, "label": ["New York", "new  york", "b"] * 20})
    assert warning.startswith("the classes 'New York', 'new  york' differ in case or blanks only; ")
    assert "data.label_spelling: fold" in warning


def test_a_class_that_is_named_as_a_missing_label_is_a_warning(check, good):
    (warning,) = check({**good, "label": ["NaN", "none", "b"] * 20})
    assert warning.startswith("'NaN' is a class of its own; ")


def test_a_class_that_the_test_lacks_is_a_warning(check, good):
    (warning,) = check(good, None, {"x": [0.5, 1.0], "label": ["a", "a"]}, test="t.csv")
    assert warning.startswith("test: no row of the classes b")


def test_an_empty_split_and_a_lacking_column_stop_the_run(check, good):
    with pytest.raises(DataError, match="the test split has no rows"):
        check(good, None, {"x": pa.array([], pa.float64()), "label": pa.array([], pa.string())}, test="t.csv")
    with pytest.raises(DataError, match="the test split lacks the columns x") as caught:
        check(good, None, {"label": ["a", "b"]}, test="t.csv")
    assert caught.value.path == "t.csv"


def test_duplicates_are_a_warning(check, good):
    (warning,) = check(good, duplicates=1200)
    assert warning.startswith("1,200 rows of the given splits are in another split")


def test_an_identifier_is_left_out_aloud(check, good):
    (warning,) = check({"id": [7919 * i % 10_007 for i in range(N)], **good})
    assert warning.startswith("id: an identifier (every value is different): it is left out")
    assert "data.columns: {id: numeric}" in warning


def test_what_may_be_an_identifier_is_kept_with_a_warning(check, good):
    (warning,) = check({"population": [7919 * i % 10_007 for i in range(N)], **good})
    assert warning.startswith("population: every value is different: it may be an identifier")


@pytest.mark.parametrize("written", ["~{}", "{}-", "<{}", "2{:03}-11"])
def test_numbers_in_a_notation_that_is_not_read_are_a_warning(check, good, written):
    values = [written.format(i) for i in (100, *range(100, N + 99))]
    (warning,) = check({"visits": values, **good})
    assert warning.startswith("visits: its many different values hold numbers, but not written as")
    assert check({"visits": values, **good}, columns={"visits": "categorical"}) == []


def test_codes_are_no_numbers(check, good):
    assert check({"part": [f"AB-{i}" for i in range(N - 1)] + ["AB-0"], **good}) == []


def test_numbers_with_a_few_words_among_them_are_a_warning(check, good):
    values = [str(i % 7) for i in range(N - 2)] + ["unknown", "-"]
    (warning,) = check({"visits": values, **good})
    assert "97% of its values are numbers, but not -, unknown" in warning
    assert check({"visits": values, **good}, columns={"visits": "numeric"}) == []


def test_a_column_without_values_is_left_out_aloud(check, good):
    assert check({"empty": [None] * N, **good}) == ["empty: every value is missing: it is left out"]


def test_a_leak_is_a_warning_that_says_what_to_do(check):
    labels = ["a", "b", "b"] * 40
    columns = {"x": [i * 7 % 11 / 2 for i in range(120)], "after": [f"is {v}" for v in labels]}
    (warning,) = check({**columns, "label": labels})
    assert warning.startswith("after: decides the label alone")
    assert "data.drop" in warning


@pytest.fixture
def images(make_png):
    contents = [make_png(i) for i in range(N - 2)] + [b"junk", None]
    return {"image": contents, "label": ["a", "b"] * 30, "path": [f"{i}.png" for i in range(N)]}


def test_unreadable_files_are_named(check, images):
    with pytest.raises(DataError, match=r"2 of 60 files cannot be read: 58.png, 59.png") as caught:
        check(images)
    assert "max_bad_fraction" in caught.value.hint


def test_a_tolerated_share_of_unreadable_files_is_a_warning(check, images):
    (warning,) = check(images, max_bad_fraction=0.05)
    assert "58.png, 59.png" in warning
    with pytest.raises(DataError, match="cannot be read"):
        check(images, max_bad_fraction=0.03)


def test_unreadable_files_without_names_are_named_by_their_row(check, images):
    del images["path"]
    with pytest.raises(DataError, match="row 59 of the train split, row 60 of the train split"):
        check(images)


def test_many_unreadable_files_are_counted_and_some_named(check, images):
    images["image"] = [b"junk"] * N
    with pytest.raises(DataError, match=r"9.png and 50 more"):
        check(images)


def test_the_warnings_on_real_data(real_data):
    for name, label, expected in [
        ("bank_marketing/data.csv", "y", ["duration: predicts the label alone"]),
        ("breast_cancer_wdbc/data.csv", "diagnosis", ["id: an identifier"]),
        ("sst2/validation.csv", "label", []),
    ]:
        config = Data(train=str(real_data / name), label=label)
        reader, summary = reader_for(config.train, config), Summary()
        for partition in reader.partitions(config.train, config):
            for batch in reader.read(partition, config):
                summary = summary.merge(Summary.of(batch, config))
        warnings = validate({"train": summary}, meaning=infer_schema(summary, config), config=config)
        assert len(warnings) == len(expected)
        assert all(w.startswith(start) for w, start in zip(warnings, expected, strict=True))
