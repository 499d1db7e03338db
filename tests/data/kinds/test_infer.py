from __future__ import annotations

import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.kinds.infer import infer_schema
from trimtab.data.readers.label import label_column
from trimtab.data.readers.registry import reader_for
from trimtab.data.statistics.summary import Summary
from trimtab.errors import DataError

N = 60


@pytest.fixture
def infer():
    def infer(columns, /, **settings):
        config = Data(train="rows.csv", **settings)
        columns = {"label": ["a", "b"] * (N // 2), **columns}
        return infer_schema(Summary.of(pa.RecordBatch.from_pydict(columns), config), config)

    return infer


@pytest.fixture
def kinds(infer):
    return lambda columns, /, **settings: {c.name: c.kind for c in infer(columns, **settings)[3]}


SENTENCES = [f"this is sentence number {i}, and a long one" for i in range(N)]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([i / 7 for i in range(N)], "numeric"),
        ([f"{i / 7:.3f}" for i in range(N)], "numeric"),
        (["1", "2", "NA", "?", "", None] * 10, "numeric"),
        ([0, 1] * 30, "numeric"),
        ([True, False] * 30, "categorical"),
        (["red", "green", "blue"] * 20, "categorical"),
        (["1", "2", "unknown"] * 20, "categorical"),
        (["a good long sentence", "another quite long one", "one more of them here"] * 20, "categorical"),
        (SENTENCES, "text"),
        ([f"{i}漢字仮名" for i in range(N)], "text"),
    ],
)
def test_kinds_of_columns(kinds, values, kind):
    assert kinds({"x": values}) == {"x": kind}


def test_kinds_can_be_overridden(kinds):
    columns = {"code": [str(i % 5) for i in range(N)], "title": SENTENCES, "zip": list(range(N))}
    assert kinds(columns, columns={"code": "categorical", "title": "categorical", "zip": "categorical"}) == {
        "code": "categorical",
        "title": "categorical",
        "zip": "categorical",
    }


def test_numbers_that_are_forced_to_be_categories_are_counted():
    config = Data(train="x", label="y", columns={"zip": "categorical"})
    batch = pa.RecordBatch.from_pydict({"zip": [i % 3000 for i in range(6000)], "y": ["a", "b"] * 3000})
    assert len(Summary.of(batch, config).columns["zip"].frequent.counts) == 3000


def test_dropped_and_grouping_columns_are_no_features(kinds):
    columns = {"x": [0.5] * N, "patient": ["p1", "p2"] * 30, "note": SENTENCES}
    assert kinds(columns, drop=["note"], group_by="patient") == {"x": "numeric"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("id", [7919 * i % 10_007 for i in range(N)]),
        ("customer_id", [str(7919 * i % 10_007) for i in range(N)]),
        ("CustomerID", [7919 * i % 10_007 for i in range(N)]),
        ("column_1", list(range(N))),
        ("number", [str(i + 1) for i in range(N)]),
        ("code", [f"user-{i:08x}" for i in range(N)]),
        ("when", [f"2024-01-01 10:{i:02}" for i in range(N)]),
    ],
)
def test_identifiers_are_left_out_and_can_be_kept(kinds, name, values):
    assert kinds({"x": [0.5] * N, name: values}) == {"x": "numeric"}
    assert name in kinds({"x": [0.5] * N, name: values}, columns={name: "categorical"})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("population", [7919 * i % 10_007 for i in range(N)]),
        ("width_mm", [i + 0.5 for i in range(N)]),
        ("id", [i // 2 for i in range(N)]),
        ("paid", [7919 * i % 10_007 for i in range(N)]),
    ],
)
def test_what_may_be_a_measurement_is_kept(kinds, name, values):
    assert kinds({name: values}) == {name: "numeric"}


@pytest.mark.parametrize(
    ("labels", "task", "classes"),
    [
        (["b", "a"] * 30, "classification", ["a", "b"]),
        ([1, 0] * 30, "classification", ["0", "1"]),
        ([1.0, 0.0] * 30, "classification", ["0", "1"]),
        ([True, False] * 30, "classification", ["false", "true"]),
        (["1", "2", "3"] * 20, "classification", ["1", "2", "3"]),
        ([str(i % 12) for i in range(N)], "classification", [str(i) for i in range(12)]),
        (["1", "0", "NA"] * 20, "classification", ["0", "1"]),
        ([0.5, 1.5] * 30, "regression", []),
        (list(range(N)), "regression", []),
        ([str(i) for i in range(N)], "regression", []),
    ],
)
def test_the_task_follows_from_the_label(infer, labels, task, classes):
    found, name, names, _ = infer({"x": [0.5] * N, "label": labels})
    assert (found, name, names) == (task, "label", classes)


def test_the_task_can_be_overridden(infer):
    assert infer({"x": [0.5] * N, "label": [1, 2] * 30}, task="regression")[0] == "regression"
    assert len(infer({"x": [0.5] * N, "label": list(range(N))}, task="classification")[2]) == N


def test_a_label_with_thousands_of_values_is_no_class(infer):
    config = Data(train="rows.csv", label="y")
    batch = pa.RecordBatch.from_pydict({"x": [0.5] * 3000, "y": [f"n{i}" for i in range(3000)]})
    with pytest.raises(DataError, match="different values"):
        infer_schema(Summary.of(batch, config), config)


@pytest.mark.parametrize(("names", "found"), [(["a", "Target"], "Target"), (["y", "label"], "label")])
def test_the_label_is_found_by_its_usual_names(names, found):
    assert label_column(names, Data(train="x")) == found


def test_without_a_usual_name_the_columns_are_listed():
    with pytest.raises(DataError, match="which column is the label") as caught:
        label_column(["a", "outcome"], Data(train="rows.csv"))
    assert "a, outcome" in caught.value.hint
    assert caught.value.field == "data.label"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"label": "lable"}, "data.label"),
        ({"drop": ["wieght"]}, "data.drop"),
        ({"columns": {"Wait": "numeric"}}, "data.columns"),
        ({"group_by": "weigth"}, "data.group_by"),
        ({"labels": {"label": {}, "lable": {}}}, "data.labels.lable"),
        ({"labels": {"label": {}, "kg": {"column": "wieght"}}}, "data.labels.kg"),
    ],
)
def test_unknown_columns_are_errors_with_the_nearest(infer, settings, field):
    with pytest.raises(DataError, match=r"the nearest is (label|weight)") as caught:
        infer({"weight": [0.5] * N}, **settings)
    assert caught.value.field == field


def test_the_label_cannot_be_dropped(infer):
    with pytest.raises(DataError, match="cannot be dropped"):
        infer({"x": [0.5] * N}, drop=["label"])


def test_encoded_images_are_the_only_input(infer, make_png):
    images = [make_png(i) for i in range(N)]
    _, _, _, columns = infer({"image": images, "filename": [f"{i}.png" for i in range(N)], "size": [1] * N})
    assert [(c.name, c.kind) for c in columns] == [("image", "image")]


def test_nothing_to_learn_from_is_an_error(infer):
    with pytest.raises(DataError, match="no column is left"):
        infer({"x": [None] * N})
    with pytest.raises(DataError, match="lists or structs"):
        infer({"x": [[1, 2]] * N})
    with pytest.raises(DataError, match="no rows"):
        infer_schema(Summary(), Data(train="x"))


EXPECTED = {
    "bank_marketing/data.csv": ("y", {"numeric": 7, "categorical": 9}, 2),
    "breast_cancer_wdbc/data.csv": ("diagnosis", {"numeric": 30}, 2),
    "connect4/data.csv": ("outcome", {"categorical": 42}, 3),
    "sst2/validation.csv": ("label", {"text": 1}, 2),
    "cifar10/test.parquet": ("label", {"image": 1}, 10),
    "free_spoken_digits/test.zip": ("label", {"audio": 1}, 10),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_real_data_means_what_it_means(real_data, name):
    label, kinds, classes = EXPECTED[name]
    source = str(real_data / name)
    config = Data(train=source, label=label)
    reader, summary = reader_for(source, config), Summary()
    for partition in reader.partitions(source, config):
        for batch in reader.read(partition, config):
            summary = summary.merge(Summary.of(batch, config))
    task, found, names, columns = infer_schema(summary, config)
    counts = {kind: sum(column.kind == kind for column in columns) for kind in kinds}
    assert (task, found, len(names), counts) == ("classification", label, classes, kinds)
    assert len(columns) == sum(kinds.values())
