from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
import soundfile

from trimtab.config.data import Data
from trimtab.config.retrain import Drift
from trimtab.data.champion.drift import DriftReport, FeatureDrift, holm, measure
from trimtab.data.champion.reference import Reference
from trimtab.data.kinds.infer import infer_schema
from trimtab.data.readers.several import with_joined_labels
from trimtab.data.schema import DatasetSchema, TensorSpec
from trimtab.data.statistics.summary import Summary

Columns = dict[str, Any]
CONFIG = Data(train="rows.csv")
WORDS = [
    "the",
    "a",
    "film",
    "plot",
    "actor",
    "good",
    "bad",
    "music",
    "of",
    "and",
    "to",
    "long",
    "nice",
    "short",
]


def _summary(columns: Columns) -> Summary:
    return Summary.of(pa.RecordBatch.from_pydict(columns), CONFIG)


def _schema(summary: Summary) -> DatasetSchema:
    meaning = infer_schema(summary, CONFIG)
    spec = TensorSpec(kind="tabular", shape=(1,), stored_dtype="float32")
    return DatasetSchema(
        task=meaning.task,
        label=meaning.label,
        classes=meaning.classes,
        columns=meaning.columns,
        input=spec,
        preprocessing={},
    )


def _measure(before: Columns, now: Columns, **limits: float) -> DriftReport:
    one, other = _summary(before), _summary(now)
    schema = _schema(one)
    found = measure(Reference(schema, one), schema, other, Drift(**limits))
    assert found is not None
    return found


def _of(found: DriftReport, name: str, aspect: str = "values") -> FeatureDrift:
    return next(one for one in found.features if (one.name, one.aspect) == (name, aspect))


def _table(rng: np.random.Generator, rows: int, **shift: Any) -> Columns:
    gaps = rng.random(rows) < shift.get("missing", 0.1)
    return {
        "normal": rng.normal(shift.get("mean", 0), shift.get("std", 1), rows),
        "skewed": rng.exponential(1, rows),
        "count": rng.poisson(2, rows),
        "gaps": [None if gap else value for gap, value in zip(gaps, rng.normal(size=rows), strict=True)],
        "few": rng.choice(["a", "b", "c"], rows, p=shift.get("few", [0.5, 0.3, 0.2])),
        "many": rng.choice([f"v{i}" for i in range(40)], rows),
        "label": rng.choice(["yes", "no"], rows, p=shift.get("label", [0.5, 0.5])),
    }


def _texts(rng: np.random.Generator, rows: int, longest: int = 20, weights: Any = None) -> Columns:
    """Texts that have a topic each: tokens of a text depend on each other."""
    weights = np.ones(len(WORDS)) if weights is None else np.asarray(weights)
    lengths = rng.integers(5, longest, rows)
    texts = [" ".join(rng.choice(WORDS, n, p=rng.dirichlet(weights))) for n in lengths]
    return {"text": texts, "label": rng.choice(["yes", "no"], rows)}


@pytest.mark.parametrize("make", [_table, _texts])
def test_without_drift_alarms_are_as_rare_as_the_significance_says(make: Callable[..., Columns]) -> None:
    """The tests alone, without the index; the bound is the 99.9 % quantile of 120 trials at 5 %."""
    rng, alarms, drifted, trials = np.random.default_rng(0), 0, 0, 120
    rows = (400, 250) if make is _table else (60, 50)
    for _ in range(trials):
        found = _measure(make(rng, rows[0]), make(rng, rows[1]), significance=0.05)
        alarms += any(one.adjusted_p_value <= 0.05 for one in found.features)
        drifted += bool(found.drifted)
    assert alarms <= 14
    assert drifted <= alarms


@pytest.mark.parametrize(
    ("shift", "name"),
    [
        ({"mean": 0.8}, "normal"),
        ({"std": 2.5}, "normal"),
        ({"missing": 0.5}, "gaps"),
        ({"few": [0.2, 0.3, 0.5]}, "few"),
        ({"label": [0.8, 0.2]}, "label"),
    ],
)
def test_known_shifts_are_found_and_nothing_else(shift: Columns, name: str) -> None:
    rng = np.random.default_rng(1)
    found = _measure(_table(rng, 2000), _table(rng, 1000, **shift))
    assert [one.name for one in found.drifted] == [name]
    assert found.features[0].name == name
    assert found.drifted[0].is_label is (name == "label")
    assert found.drifted[0].psi > 0.2
    assert (found.rows_before, found.rows_now) == (2000, 1000)


def test_other_words_are_found() -> None:
    rng = np.random.default_rng(2)
    now = _texts(rng, 300, weights=[0.2] * 7 + [3] * 7)
    found = _measure(_texts(rng, 400), now)
    assert [(one.name, one.aspect) for one in found.drifted] == [("text", "tokens")]


def test_longer_texts_are_found() -> None:
    rng = np.random.default_rng(3)
    found = _measure(_texts(rng, 400), _texts(rng, 300, longest=60))
    assert _of(found, "text", "length in tokens").drifted
    assert not _of(found, "text", "tokens").drifted


def test_of_very_many_rows_a_tiny_shift_is_no_alarm() -> None:
    rng = np.random.default_rng(4)
    before = {"c": rng.choice(["x", "y"], 200_000), "label": rng.choice(["yes", "no"], 200_000)}
    now = {"c": rng.choice(["x", "y"], 200_000, p=[0.52, 0.48]), "label": rng.choice(["yes", "no"], 200_000)}
    one = _of(_measure(before, now), "c")
    assert one.adjusted_p_value < 1e-6
    assert (one.psi < 0.01, one.drifted) == (True, False)


def test_of_very_few_rows_a_large_index_is_no_alarm() -> None:
    rng = np.random.default_rng(5)
    before = {"x": rng.normal(size=500), "label": rng.choice(["yes", "no"], 500)}
    one = _of(_measure(before, {"x": rng.normal(size=6), "label": ["yes", "no"] * 3}), "x")
    assert (one.psi > 0.2, one.drifted) == (True, False)


def test_shares_are_shares_and_bins_are_named() -> None:
    rng = np.random.default_rng(6)
    found = _measure(_table(rng, 500), {**_table(rng, 300), "few": ["new"] * 300})
    for one in found.features:
        assert sum(part.before for part in one.bins) == pytest.approx(1)
        assert sum(part.now for part in one.bins) == pytest.approx(1)
    few = {part.label: part.now for part in _of(found, "few").bins}
    assert few == {"a": 0, "b": 0, "c": 0, "(other)": 1}
    assert _of(found, "few").unseen == ["new"]
    assert _of(found, "normal").unseen == []
    assert len(_of(found, "many").bins) == 21


@pytest.mark.parametrize("empty", [[None] * 300, [7.0] * 300, [float("nan")] * 300])
def test_empty_and_constant_columns_do_not_crash(empty: list[Any]) -> None:
    rng = np.random.default_rng(7)
    before = {"x": rng.normal(size=400), "y": [3.0] * 400, "label": rng.choice(["yes", "no"], 400)}
    now = {"x": empty, "y": [3.0] * 300, "label": rng.choice(["yes", "no"], 300)}
    found = _measure(before, now)
    assert [one.name for one in found.drifted] == ["x"]
    assert (_of(found, "y").psi, _of(found, "y").p_value) == (0, 1)
    DriftReport.model_validate_json(found.model_dump_json())


def test_columns_that_only_one_side_has_are_left_to_the_schema() -> None:
    rng = np.random.default_rng(8)
    before = _summary(_table(rng, 400))
    now = _summary({**_table(rng, 300), "added": rng.normal(size=300), "few": rng.normal(size=300)})
    found = measure(Reference(_schema(before), before), _schema(now), now, Drift())
    assert found is not None
    assert {one.name for one in found.features} == {"normal", "skewed", "count", "gaps", "many", "label"}


def test_without_statistics_there_is_nothing_to_compare() -> None:
    summary = _summary(_table(np.random.default_rng(9), 100))
    assert measure(Reference(_schema(summary)), _schema(summary), summary, Drift()) is None


def test_darker_images_and_other_sizes_are_found(make_png: Callable[..., bytes]) -> None:
    rng = np.random.default_rng(10)

    def images(low: int, high: int, side: int) -> Columns:
        pixels = rng.integers(low, high, 400)
        return {
            "image": [make_png(int(value), (side, int(rng.integers(4, 400)))) for value in pixels],
            "label": ["yes", "no"] * 200,
        }

    found = _measure(images(0, 250, 5), images(0, 60, 5))
    assert [(one.name, one.aspect) for one in found.drifted] == [("image", "brightness")]
    sides = {"image": [make_png(0, (9, 9))] * 400, "label": ["yes", "no"] * 200}
    grown = {"image": [make_png(0, (12, 12))] * 400, "label": ["yes", "no"] * 200}
    assert [one.aspect for one in _measure(sides, grown).drifted] == ["height x width"]


def test_longer_and_quieter_clips_are_found(make_wav: Callable[..., bytes]) -> None:
    rng = np.random.default_rng(11)

    def clips(seconds: float, level: float) -> Columns:
        found = []
        for _ in range(200):
            stream = io.BytesIO()
            samples = rng.normal(0, level * rng.uniform(0.5, 1), int(8000 * seconds * rng.uniform(0.5, 1)))
            soundfile.write(stream, samples, 8000, format="WAV")
            found.append(stream.getvalue())
        return {"audio": found, "label": ["yes", "no"] * 100}

    found = _measure(clips(0.1, 0.2), clips(0.2, 0.01))
    assert {one.aspect for one in found.drifted} == {"duration in s", "loudness in dB"}
    one = _of(found, "audio", "loudness in dB")
    assert one.kind == "audio"


def test_holm_corrects_for_the_number_of_tests() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1, 1]


def test_calls_of_another_season_have_drifted_and_a_random_half_has_not(real_data: Path) -> None:
    """The bank's calls are in the order of time: crisis and campaigns came between their halves."""
    table = pacsv.read_csv(real_data / "bank_marketing" / "data.csv")
    table = table.rename_columns([*table.column_names[:-1], "label"])
    everyone, half = np.arange(len(table)), len(table) // 2

    def drifted(order: Any) -> set[str]:
        sides = (table.take(pa.array(rows)).combine_chunks() for rows in (order[:half], order[half:]))
        found = _measure(*({name: side[name].chunk(0) for name in side.column_names} for side in sides))
        return {one.name for one in found.drifted}

    assert drifted(np.random.default_rng(0).permutation(everyone)) == set()
    assert {"month", "poutcome", "contact", "label"} <= drifted(everyone)


def _labels(shares: list[float], rows: int, seed: int) -> pa.RecordBatch:
    rng = np.random.default_rng(seed)
    given = (rng.random((rows, len(shares))) < shares).astype(int)
    columns = {name: given[:, place] for place, name in enumerate(["cat", "dog", "eel"])}
    batch = pa.RecordBatch.from_pydict({"x": rng.normal(size=rows), **columns})
    return with_joined_labels(batch, SEVERAL, "rows.csv")


SEVERAL = Data(train="rows.csv", label=["cat", "dog", "eel"])


@pytest.mark.parametrize(("shares", "drifted"), [([0.5, 0.2, 0.1], False), ([0.2, 0.5, 0.1], True)])
def test_of_several_labels_a_row_each_has_its_share(shares: list[float], drifted: bool) -> None:
    before = Summary.of(_labels([0.5, 0.2, 0.1], 2000, 0), SEVERAL)
    now = Summary.of(_labels(shares, 2000, 1), SEVERAL)
    meaning = infer_schema(before, SEVERAL)
    spec = TensorSpec(kind="tabular", shape=(1,), stored_dtype="float32")
    schema = DatasetSchema(
        task=meaning.task,
        label=meaning.label,
        classes=meaning.classes,
        columns=meaning.columns,
        input=spec,
        preprocessing={},
    )
    found = measure(Reference(schema, before), schema, now, Drift())
    assert found is not None
    (label,) = [one for one in found.features if one.is_label]
    assert label.drifted is drifted
    assert {each.label for each in label.bins} >= {"cat", "dog", "eel"}
