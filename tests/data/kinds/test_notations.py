"""From cells as people write them to what each column is read by."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.kinds.infer import infer_schema
from trimtab.data.kinds.notations import first_notations, infer_notations, misread, told
from trimtab.data.schema import Column, DatasetSchema, TensorSpec
from trimtab.data.statistics.summary import Summary
from trimtab.data.values.notation import DateNotation, NumberNotation
from trimtab.errors import DataError

N = 200
RNG = np.random.default_rng(0)
AMOUNTS = RNG.integers(1, 90_000, N)
DAYS = [datetime.date(2020, 1, 1) + datetime.timedelta(days=int(day)) for day in RNG.integers(0, 2000, N)]
LABELS = ["a", "b"] * (N // 2)


def inferred(columns, /, parts=1, champion=None, **settings):
    config = Data(train="rows.csv", **settings)
    batch = pa.RecordBatch.from_pydict({"label": LABELS, **columns})
    step = N // parts
    summary = Summary()
    for at in range(0, N, step):
        summary = summary.merge(Summary.of(batch.slice(at, step), config))
    notations = infer_notations(summary, config, champion)
    return notations, Summary.of(batch, config, notations), config


@pytest.mark.parametrize(
    ("cells", "notation"),
    [
        ([f"{v:,}" for v in AMOUNTS], NumberNotation()),
        ([f"{v:,}".replace(",", ".") + ",50" for v in AMOUNTS], NumberNotation(decimal=",")),
        ([f"{v / 7:.2f}".replace(".", ",") for v in AMOUNTS], NumberNotation(decimal=",")),
        ([f"{v:,} €".replace(",", "\u202f") for v in AMOUNTS], NumberNotation(unit="€")),
        ([f"${v:,}.00" for v in AMOUNTS], NumberNotation(unit="$")),
        ([f"{v % 100} %" for v in AMOUNTS], NumberNotation(unit="%")),
        ([f"({v})" if v % 2 else str(v) for v in AMOUNTS], NumberNotation()),
        (["1 month" if v % 30 == 1 else f"{v % 30} months" for v in AMOUNTS], NumberNotation(unit="month")),
        (["inf", *map(str, AMOUNTS[1:])], NumberNotation()),
        (["-" if v % 3 == 0 else str(v) for v in AMOUNTS], NumberNotation()),
        ([day.isoformat() for day in DAYS], DateNotation()),
        ([f"{day:%d.%m.%Y}" for day in DAYS], DateNotation()),
        ([f"{day:%m/%d/%Y}" for day in DAYS], DateNotation(order="mdy")),
        ([f"{day:%d/%m/%Y %H:%M}" for day in DAYS], DateNotation(has_time=True)),
        ([f"{v % 24:02}:{v % 60:02}" for v in AMOUNTS], DateNotation(has_date=False, has_time=True)),
        (["?", *(day.isoformat() for day in DAYS[1:])], DateNotation()),
    ],
)
@pytest.mark.parametrize("parts", [1, 5])
def test_what_a_column_is_read_by(cells, notation, parts):
    notations, summary, config = inferred({"x": list(map(str, cells))}, parts)
    assert notations == {"x": notation}
    column = infer_schema(summary, config).columns[0]
    assert column.kind == ("datetime" if isinstance(notation, DateNotation) else "numeric")
    assert summary.columns["x"].numbers > 0


@pytest.mark.parametrize(
    "cells",
    [
        list(map(str, AMOUNTS)),
        [f"{v / 7:.3f}" for v in AMOUNTS],
        [f"A{v}" for v in AMOUNTS],
        [f"{v % 9} kg" if v % 2 else f"{v % 9} g" for v in AMOUNTS],
        [f"{v % 5}" if v % 20 else "A" for v in AMOUNTS],
        [f"{v}" if v % 4 else f"A{v}" for v in AMOUNTS],
        ["red", "green"] * (N // 2),
    ],
)
def test_what_is_left_as_it_is(cells):
    assert inferred({"x": cells})[0] == {}


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ([f"{v + 1000:,}" for v in AMOUNTS], "numeric: {decimal: '.'}"),
        ([f"{v % 12 + 1:02}/{v % 11 + 1:02}/2024" for v in AMOUNTS], "datetime: {order: dmy}"),
    ],
)
def test_what_may_be_either_is_asked_for(cells, field):
    with pytest.raises(DataError) as caught:
        inferred({"x": cells})
    assert caught.value.field == "x"
    assert field in caught.value.hint
    config = Data(train="rows.csv")
    first = Summary.of(pa.RecordBatch.from_pydict({"label": LABELS, "x": cells}), config)
    assert first_notations(first, config) == {}


def test_another_column_tells_which():
    thousands = [f"{v + 1000:,}" for v in AMOUNTS]
    assert inferred({"x": thousands, "y": ["0.25"] * N})[0]["x"] == NumberNotation()
    assert inferred({"x": thousands, "y": ["0,25"] * N})[0]["x"] == NumberNotation(decimal=",")
    points = [text.replace(",", ".") for text in thousands]
    assert inferred({"x": points, "y": ["0,25"] * N})[0]["x"] == NumberNotation(decimal=",")
    days = [f"{v % 12 + 1:02}/{v % 11 + 1:02}/2024" for v in AMOUNTS]
    assert inferred({"x": days, "y": ["12/31/2024"] * N})[0]["x"] == DateNotation(order="mdy")


def test_the_config_decides():
    thousands, days = [f"{v + 1000:,}" for v in AMOUNTS], [f"{v % 12 + 1:02}/01/2024" for v in AMOUNTS]
    columns = {"x": {"numeric": {"decimal": ","}}, "y": {"datetime": {"order": "mdy"}}}
    notations, *_ = inferred({"x": thousands, "y": days}, columns=columns)
    assert notations == {"x": NumberNotation(decimal=","), "y": DateNotation(order="mdy")}
    assert inferred({"x": thousands, "y": days}, columns={"x": "categorical", "y": "text"})[0] == {}
    assert inferred({"x": thousands, "y": days}, drop=["x", "y"])[0] == {}


def test_words_among_numbers_are_missing_where_the_config_says_so():
    cells = [f"{v % 5}" if v % 2 else "none of these" for v in AMOUNTS]
    notations, summary, _ = inferred({"x": cells}, columns={"x": "numeric"})
    assert notations == {"x": NumberNotation()}
    assert misread("x", summary.columns["x"]).startswith("x: ")


def test_what_is_not_read_is_warned_of_with_examples():
    _, summary, _ = inferred({"x": ["inf", "1e400", *map(str, AMOUNTS[2:])]})
    text = misread("x", summary.columns["x"])
    assert text.startswith("x: 2 of 200 values are no numbers as the others are, such as '1e400', 'inf': ")
    assert summary.columns["x"].numbers == N - 2
    assert misread("label", summary.columns["label"]) == ""


def test_how_a_column_is_read_is_told():
    _, summary, _ = inferred({"x": [f"${v:,}.00" for v in AMOUNTS], "y": [f"{day:%m/%d/%Y}" for day in DAYS]})
    assert told("x", summary.columns["x"]) == "x is read as numbers of the unit $ with a decimal point"
    assert told("y", summary.columns["y"]) == "y is read as date, the month first"
    assert told("label", summary.columns["label"]) == ""


@pytest.mark.parametrize(
    ("column", "notation"),
    [
        (pa.array(DAYS, pa.date32()), DateNotation()),
        (pa.array(AMOUNTS.astype("int32")).cast(pa.time32("s")), DateNotation(has_date=False, has_time=True)),
        (pa.array(AMOUNTS + 1_600_000_000).cast(pa.timestamp("s", "UTC")), DateNotation(has_time=True)),
    ],
)
def test_types_that_are_dates(column, notation):
    notations, summary, config = inferred({"x": column})
    assert notations == {"x": notation}
    assert infer_schema(summary, config).columns[0].kind == "datetime"


def test_numbers_that_count_seconds_are_dates_where_the_name_says_so():
    stamps = (AMOUNTS + 1_600_000_000).tolist()
    columns = {"created_at": stamps, "updatedAt": [1000 * stamp for stamp in stamps], "customers": stamps}
    notations, *_ = inferred(columns)
    assert notations == {
        "created_at": DateNotation(has_time=True, epoch_s=1.0),
        "updatedAt": DateNotation(has_time=True, epoch_s=1e-3),
    }


HOURS = (np.arange(N) * 3600 + 1_600_000_000).tolist()


@pytest.mark.parametrize(
    ("numbers", "notation"),
    [
        ([int(f"{day:%Y%m%d}") for day in DAYS], DateNotation(digits=True)),
        ([20240101 + 100 * (v % 12) for v in AMOUNTS.tolist()], DateNotation(digits=True)),
        (HOURS, DateNotation(has_time=True, epoch_s=1.0)),
        ([1000 * hour + 7 for hour in HOURS], DateNotation(has_time=True, epoch_s=1e-3)),
        ([20150131, 20150229] * (N // 2), None),
        ([20150131, 20150201] * (N // 2), None),
        ([20150101 + v for v in range(N)], None),
        ([1_500_000_000 + 7 * v for v in range(N)], None),
        ([1_500_000_000 + 86_400 * (v % 3) for v in range(N)], None),
        (np.linspace(1e9, 2e9, N).astype(int).tolist(), None),
        ([hour + 0.5 for hour in HOURS], None),
    ],
)
@pytest.mark.parametrize("written", [list, lambda numbers: list(map(str, numbers))])
def test_numbers_that_can_hardly_be_anything_else_are_dates(numbers, notation, written):
    notations, summary, _ = inferred({"x": written(numbers), "x_id": written(numbers)}, parts=2)
    assert notations == ({"x": notation} if notation else {})
    if notation:
        assert summary.columns["x"].numbers == N
        assert "data.columns: {x: numeric} takes them as they are" in told("x", summary.columns["x"])
    assert inferred({"x": written(numbers)}, columns={"x": "numeric"})[0] == {}


def test_days_written_as_numbers_are_days():
    read = DateNotation(digits=True).read(pa.array([20200229, 20190229, 20201301, 19700102, None, 1.5]))
    assert read.to_pylist() == [1582934400.0, None, None, 86400.0, None, None]


def test_numbers_of_the_model_in_service_stay_numbers():
    before = champion(Column(name="x", kind="numeric"))
    assert inferred({"x": HOURS}, champion=before)[0] == {}


def test_stamps_that_all_differ_are_no_identifier():
    stamps = [f"2024-01-01T{i // 60:02}:{i % 60:02}:00" for i in range(N)]
    _, summary, config = inferred({"x": stamps})
    assert [column.name for column in infer_schema(summary, config).columns] == ["x"]


def label_of(cells, **settings):
    config = Data(train="rows.csv", label="y", **settings)
    batch = pa.RecordBatch.from_pydict({"x": AMOUNTS / 7, "y": cells})
    notations = infer_notations(Summary.of(batch, config), config)
    return notations.get("y"), infer_schema(Summary.of(batch, config, notations), config).task


def test_a_label_that_is_a_decorated_number_is_a_number():
    prices = [f"${v:,}" for v in AMOUNTS]
    assert label_of(prices) == (NumberNotation(unit="$"), "regression")
    months = [f"{6 * (v % 2) + 6} months" for v in AMOUNTS]
    assert label_of(months) == (None, "classification")
    assert label_of(months, task="regression") == (NumberNotation(unit="month"), "regression")


def champion(column):
    spec = TensorSpec(kind="tabular", shape=(1,), stored_dtype="float32")
    return DatasetSchema(task="classification", label="label", columns=[column], input=spec, preprocessing={})


def test_the_champions_notation_holds_as_long_as_it_reads_the_rows():
    before = champion(Column(name="x", kind="numeric", notation=NumberNotation(decimal=",")))
    plain, commas = list(map(str, AMOUNTS)), [f"{v / 7:.2f}".replace(".", ",") for v in AMOUNTS]
    points = [f"{v / 7:.2f}" for v in AMOUNTS]
    assert inferred({"x": plain}, champion=before)[0] == {"x": NumberNotation(decimal=",")}
    assert inferred({"x": commas}, champion=before)[0] == {"x": NumberNotation(decimal=",")}
    assert inferred({"x": points}, champion=before)[0] == {}
    assert inferred({"x": [f"{v:,}" for v in AMOUNTS]}, champion=champion(Column(name="x", kind="numeric")))[
        0
    ] == {"x": NumberNotation()}
