from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from trimtab.config.data import Data
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.prepare.cuts import Moments
from trimtab.data.prepare.prepare import PreparedSummary
from trimtab.data.schema import SPLITS
from trimtab.errors import ConfigError, DataError

Prepare = Callable[..., tuple[Dataset, PreparedSummary]]
START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = 1000


def _days(form: str) -> list[Any]:
    days = [START + timedelta(hours=6 * row) for row in range(ROWS)]
    if form == "stamps":
        return [day.replace(tzinfo=None) for day in days]
    if form == "numbers":
        return [day.timestamp() for day in days]
    return [day.isoformat() for day in days]


def _source(path: Path, days: list[Any], *, shuffled: bool = True, **more: Any) -> str:
    order = np.random.default_rng(0).permutation(len(days)) if shuffled else np.arange(len(days))
    rows = np.arange(len(days))
    columns = {
        "day": pa.array(days),
        "row": pa.array(rows * 37 % len(rows) + 0.25),
        "label": pa.array(rows + 0.5),
    } | more
    table = pa.table(columns).take(pa.array(order))
    pq.write_table(table, path) if path.suffix == ".parquet" else pacsv.write_csv(table, path)
    return str(path)


def _by_time(**more: Any) -> dict[str, Any]:
    return {"task": "regression", "split": {"by": "time", "column": "day", **more}}


def _rows(dataset: Dataset) -> dict[str, list[int]]:
    """Returns the rows of every split; of each one, its place is its label."""
    mean, std = dataset.schema.label_mean, dataset.schema.label_std
    return {
        name: sorted(round(float(y) * std + mean - 0.5) for y in dataset.arrays(name)[1]) for name in SPLITS
    }


def test_by_time_groups_are_cut_and_count_as_one_in_the_proof(tmp_path: Path, prepared: Prepare) -> None:
    shops = {"shop": pa.array([f"s{row % 40}" for row in range(ROWS)])}
    source = _source(tmp_path / "rows.csv", _days("iso"), **shops)
    inputs = {"rest": {"column": "row"}, "shop": {"column": "shop"}}
    asked = _by_time() | {"group_by": "shop", "columns": {"shop": "ids"}, "inputs": inputs}
    dataset, summary = prepared(train=source, **asked)
    assert summary.warnings == []
    assert _rows(dataset)["test"] == list(range(800, 1000))
    assert [column.name for column in dataset.schema.columns] == ["row", "shop"]
    assert len(np.unique(dataset.groups("test"))) == 40


@pytest.mark.parametrize(("form", "ending"), [("iso", "csv"), ("stamps", "parquet"), ("numbers", "csv")])
def test_the_latest_rows_are_the_test_split(
    tmp_path: Path, prepared: Prepare, form: str, ending: str
) -> None:
    source = _source(tmp_path / f"rows.{ending}", _days(form))
    dataset, summary = prepared(train=source, **_by_time())
    found = _rows(dataset)
    assert found["train"] == list(range(720))
    assert found["validation"] == list(range(720, 800))
    assert found["test"] == list(range(800, 1000))
    assert [column.name for column in dataset.schema.columns] == ["row"]
    assert dataset.schema.cuts is not None
    assert dataset.schema.cuts.test == (START + timedelta(hours=6 * 800)).timestamp()
    assert not summary.warnings


def test_rows_in_the_gap_are_in_no_split(tmp_path: Path, prepared: Prepare) -> None:
    source = _source(tmp_path / "rows.csv", _days("iso"))
    dataset, summary = prepared(train=source, **_by_time(gap="1d"))
    found = _rows(dataset)
    assert (found["train"][-1], found["validation"][0], found["validation"][-1]) == (715, 720, 795)
    assert found["test"] == list(range(800, 1000))
    assert "8 rows are in no split: within the gap of 1d before a later one" in summary.warnings
    numbers = _source(tmp_path / "numbers.csv", _days("numbers"))
    by_number, _ = prepared("numbers", train=numbers, **_by_time(gap=86_400))
    assert _rows(by_number) == found


def test_rows_of_one_time_stay_together_and_given_splits_are_left_alone(
    tmp_path: Path, prepared: Prepare
) -> None:
    years = [2020 + row // 100 for row in range(ROWS)]
    source = _source(tmp_path / "rows.csv", years)
    found = _rows(prepared(train=source, **_by_time(test=0.25))[0])
    assert found["test"][0] in (700, 800)
    assert found["validation"][0] == found["test"][0] - 100
    other = _source(tmp_path / "test.csv", [1990] * 50)
    given, _ = prepared("given", train=source, test=other, **_by_time())
    assert _rows(given)["validation"] == list(range(900, 1000))
    assert _rows(given)["test"] == list(range(50))


def test_copies_across_times_are_a_warning(tmp_path: Path, prepared: Prepare) -> None:
    copies = {"row": pa.array(np.arange(ROWS) % 900 + 0.5)}
    source = _source(tmp_path / "rows.csv", _days("iso"), **copies)
    _, summary = prepared(train=source, **_by_time())
    assert any(warning.startswith("100 rows of the later splits") for warning in summary.warnings)


@pytest.mark.parametrize(
    ("days", "split", "error", "message"),
    [
        (["2024-01-01", "someday"] * 50, {}, DataError, "row 2 of partition 1 has no time: 'someday'"),
        (["2024-01-01"] * 100, {}, DataError, "the rows have 1 different times"),
        (["2024-01-01", "2024-01-02"] * 50, {}, DataError, "the rows have 2 different times"),
        (list(range(100)), {"gap": "1d"}, ConfigError, "day holds numbers: expected a number, got '1d'"),
        (_days("iso"), {"gap": 3}, ConfigError, "day holds dates: expected a duration such as 1d, got 3"),
        (_days("iso"), {"column": "dya"}, DataError, "data.split.column"),
    ],
)
def test_what_cannot_be_split_by_time_is_an_error(
    tmp_path: Path,
    prepared: Prepare,
    days: list[Any],
    split: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    source = _source(tmp_path / "rows.csv", days, shuffled=False)
    with pytest.raises(error) as caught:
        prepared(train=source, **_by_time(**split))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"split": {"by": "time"}}, "needs the column"),
        ({"split": {"column": "day"}}, "for by: time"),
        ({"split": {"by": "time", "column": "day", "gap": "soon"}}, "expected a duration"),
        ({"split": {"by": "time", "column": "day", "gap": -1}}, "expected 0 or more"),
        ({"split": {"by": "time", "column": "day"}, "label": "day"}, "is the label"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Data.model_validate({"train": "rows.csv", **config})


def test_later_rows_are_fresh_for_the_champion_and_earlier_ones_are_not(
    tmp_path: Path, prepared: Prepare
) -> None:
    days = _days("iso")
    champion, _ = prepared("champion", train=_source(tmp_path / "a.csv", days[:800]), **_by_time())
    _, later = prepared("later", champion, train=_source(tmp_path / "b.csv", days), **_by_time())
    assert later.sides_changed == []
    _, earlier = prepared("earlier", champion, train=_source(tmp_path / "c.csv", days[:400]), **_by_time())
    assert earlier.sides_changed == ["the test rows begin earlier than the champion's training rows ended"]
    _, other = prepared("other", champion, train=_source(tmp_path / "d.csv", days), task="regression")
    assert "data.split.by was time" in other.sides_changed


def test_many_times_are_known_nearly_in_little_memory() -> None:
    values = np.random.default_rng(0).normal(size=400_000)
    whole = Moments()
    for part in np.split(values, 8):
        whole = whole.merge(Moments.of("numbers", part), "rows.csv")
    assert len(whole.values) <= 1 << 16
    assert whole.counts.sum() == 400_000
    assert (values >= whole.cut(0.2)).mean() == pytest.approx(0.2, abs=0.001)
