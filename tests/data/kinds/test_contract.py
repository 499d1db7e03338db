"""What every kind of input of the registry keeps."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from PIL import Image
from pydantic import ValidationError

from trimtab.config.data import Data
from trimtab.config.model import Model
from trimtab.data.champion.stability import Binned, Test, compare_categories, compare_numbers
from trimtab.data.dataset.dataset import model_input
from trimtab.data.encoders import preprocess
from trimtab.data.encoders.serving import Preprocessor
from trimtab.data.kinds.brief import brief_statistics
from trimtab.data.kinds.infer import infer_schema
from trimtab.data.kinds.registry import input_kind, kind_of
from trimtab.data.schema import DatasetSchema
from trimtab.data.statistics.distributions import Categories, Distribution, Numbers
from trimtab.data.statistics.summary import Summary
from trimtab.models import registry as models
from trimtab.registry import INPUTS
from trimtab.train.spec import model_spec

ROWS = 24


def _png(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8), shade).save(stream, "PNG")
    return stream.getvalue()


def _wav(hz: int) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, np.sin(np.arange(2000) * hz / 4000).astype(np.float32), 8000, format="WAV")
    return stream.getvalue()


VALUES: dict[str, list[Any]] = {
    "tabular": [place / 7 for place in range(ROWS)],
    "text": [f"the {place} quick brown foxes jump" for place in range(ROWS)],
    "image": [_png(10 * place) for place in range(ROWS)],
    "audio": [_wav(100 + place) for place in range(ROWS)],
    "ids": [f"u{place % 7}|u{place % 5}" for place in range(ROWS)],
    "series": [f"{place}.5 -1 {place}" for place in range(ROWS)],
}
"""A column of each kind."""
SAID = {"ids"}
"""Kinds that no column is taken for unless the config says so."""


def test_every_kind_is_tried_here() -> None:
    assert {*INPUTS, "series"} == {*VALUES}


@dataclass
class Case:
    """A kind of input with a source of it."""

    name: str
    config: Data
    batch: pa.RecordBatch
    summary: Summary
    schema: DatasetSchema


@pytest.fixture(params=VALUES)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setitem(INPUTS, "series", "data.kinds.toy_series")
    kinds = {"it": request.param} if request.param in SAID else {}
    config = Data(train="rows", label="label", columns=kinds)
    batch = pa.RecordBatch.from_pydict({"it": VALUES[request.param], "label": ["a", "b"] * (ROWS // 2)})
    summary = Summary.of(batch, config)
    meaning = infer_schema(summary, config)
    settings = preprocess.fit(meaning.columns, summary, config)
    encoder = input_kind(request.param).encoder(settings)
    schema = DatasetSchema(
        task=meaning.task,
        label=meaning.label,
        classes=meaning.classes,
        columns=meaning.columns,
        input=encoder.spec,
        vocabulary_size=encoder.vocabulary_size,
        preprocessing=settings,
    )
    return Case(request.param, config, batch, summary, schema)


def test_a_source_is_taken_for_its_kind(case: Case) -> None:
    (column,) = case.schema.columns
    assert kind_of(column.kind) is input_kind(case.name)
    assert case.schema.input.kind == case.schema.preprocessing["kind"] == case.name


def test_the_schema_travels_as_json_and_encodes_the_same(case: Case) -> None:
    again = DatasetSchema.model_validate_json(case.schema.model_dump_json())
    here, there = (Preprocessor.load(schema).encode(case.batch) for schema in (case.schema, again))
    assert not here.bad
    assert here.x.shape == (ROWS, *case.schema.input.shape)
    assert here.x.dtype == case.schema.input.stored_dtype
    np.testing.assert_array_equal(here.x, there.x)
    assert len(np.unique(here.x, axis=0)) > ROWS // 2, "rows that differ are told apart"


def test_rows_are_encoded_alone_as_together(case: Case) -> None:
    preprocessor = Preprocessor.load(case.schema)
    whole = preprocessor.transform(case.batch)
    alone = [preprocessor.transform(case.batch.slice(row, 1)) for row in range(ROWS)]
    np.testing.assert_array_equal(whole, np.concatenate(alone))


def test_a_missing_value_is_encoded_or_named(case: Case) -> None:
    missing = pa.array([None], case.batch.schema.field("it").type)
    encoded = Preprocessor.load(case.schema).encode(pa.RecordBatch.from_arrays([missing], names=["it"]))
    assert np.isfinite(encoded.x).all()
    assert bool(encoded.bad) == (input_kind(case.name).files is not None)


def _compared(before: Distribution, now: Distribution) -> tuple[Binned, Test]:
    if isinstance(before, Numbers) and isinstance(now, Numbers):
        return compare_numbers(before, now)
    assert isinstance(before, Categories)
    assert isinstance(now, Categories)
    return compare_categories(before, now, before.compared)


def test_statistics_are_told_merged_and_compared(case: Case) -> None:
    (column,) = case.schema.columns
    (brief,) = brief_statistics(case.schema.columns, case.summary)
    assert {"name", "kind", "missing"} < brief.keys()
    json.dumps(brief, allow_nan=False)
    half = [Summary.of(case.batch.slice(at, ROWS // 2), case.config) for at in (0, ROWS // 2)]
    merged = Summary.from_dict(json.loads(json.dumps(half[0].merge(half[1]).to_dict())))
    aspects = [kind_of(column.kind).distributions(column, summary) for summary in (case.summary, merged)]
    assert aspects[0].keys() == aspects[1].keys() != set()
    for aspect, distribution in aspects[0].items():
        assert distribution.present + distribution.missing > 0, aspect
        binned, _ = _compared(distribution, aspects[1][aspect])
        assert binned.psi == pytest.approx(0, abs=1e-9), aspect


def test_what_the_config_can_ask_for_are_settings_and_fields(case: Case) -> None:
    for key, setting in input_kind(case.name).settings.items():
        assert key in case.schema.preprocessing
        section, name = setting.field.split(".")
        assert name in type(getattr(case.config, section)).model_fields


def test_an_architecture_takes_it(case: Case) -> None:
    spec = model_spec(case.schema)
    assert models.fitting(spec)
    import keras_tuner

    name = models.fitting(spec)[0]
    model = models.build(Model(architecture=name), spec, keras_tuner.HyperParameters())
    x = model_input(case.schema, Preprocessor.load(case.schema).transform(case.batch))
    assert np.isfinite(np.asarray(model(x))).all()


def test_other_ranges_are_of_the_same_examples(case: Case) -> None:
    x = model_input(case.schema, Preprocessor.load(case.schema).transform(case.batch))
    for wanted, other in input_kind(case.name).other_ranges(case.schema.preprocessing, x):
        fitted = preprocess.fit(case.schema.columns, case.summary, case.config, wanted)
        schema = case.schema.model_copy(
            update={"preprocessing": fitted, "input": input_kind(case.name).encoder(fitted).spec}
        )
        expected = model_input(schema, Preprocessor.load(schema).transform(case.batch))
        np.testing.assert_allclose(other, expected, atol=1e-3)


def test_files_are_known_by_their_headers() -> None:
    contents = {name: VALUES[name][0] for name in INPUTS if input_kind(name).files}
    assert contents.keys() == {"image", "audio"}
    for name, content in contents.items():
        for other in contents:
            files = input_kind(other).files
            assert files is not None
            assert (files.look(content) is not None) == (name == other)
            assert files.look(b"") is files.look(b"junk") is None


def test_a_kind_that_is_not_registered_is_refused() -> None:
    with pytest.raises(ValidationError, match="numeric, categorical, datetime, text, image, audio"):
        Data.model_validate({"train": "x.csv", "columns": {"a": "series"}})
    with pytest.raises(ValidationError, match="numeric, categorical, datetime, text, image, audio"):
        Data.model_validate({"train": "x.csv", "columns": {"a": "tabular"}})
