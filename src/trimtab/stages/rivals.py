"""The test rows that champion and challenger are asked, row by row the same."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trimtab.config.config import Config
from trimtab.config.data import Data
from trimtab.data.champion import seen
from trimtab.data.champion.reference import Reference
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.prepare.prepare import prepare
from trimtab.data.schema import DatasetSchema
from trimtab.data.statistics.summary import Summary
from trimtab.deploy.champion import Snapshot
from trimtab.errors import DataError, ModelError
from trimtab.stages.data_prep import lineage
from trimtab.stages.model_form import form_of
from trimtab.storage import artifact


@contextlib.contextmanager
def asked(config: Config, data: Dataset, snapshot: Snapshot, *, is_retraining: bool) -> Iterator[Dataset]:
    """Yields a dataset whose ``champion_test`` is its test split as the champion takes it.

    That of a retraining was made so. Another one knows of no champion, so that it can be used again whatever
    is deployed; where the champion encodes rows in another way, it is made once more, for the test rows.

    Args:
        config: The config.
        data: The dataset of the run.
        snapshot: The champion's, which can be served.
        is_retraining: Whether the dataset was held against the champion's.

    Raises:
        ModelError: If the rows cannot be put to the champion.
    """
    theirs = reference(snapshot).schema
    if is_retraining:
        yield data
    elif same_rows(theirs, data.schema):
        yield dataclasses.replace(data, champion=data.schema)
    else:
        with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
            yield _made_again(config, data, theirs, Path(temporary) / "dataset")


def same_rows(schema: DatasetSchema, other: DatasetSchema) -> bool:
    """Returns whether two schemas make the same tensors of the same rows, and name the classes alike."""
    return schema.with_thresholds([]) == other.with_thresholds([])


def reference(snapshot: Snapshot) -> Reference:
    """Returns what the champion knows of its data, as much as was kept."""
    directory, record = snapshot.training or snapshot.deployment, snapshot.record
    assert directory is not None, "a champion that can be asked is there"
    return Reference.load(directory, Data.model_validate(record.data).of_one_fold if record else None)


def sides_changed(config: Config, data: Dataset, snapshot: Snapshot) -> list[str]:
    """Returns a warning where the champion may have been trained on rows that are test rows now."""
    summaries = {split: Summary.from_dict(statistics) for split, statistics in data.statistics.items()}
    return seen.warning(
        seen.sides_changed(reference(snapshot), data.schema, config.data.of_one_fold, summaries)
    )


def _made_again(config: Config, data: Dataset, theirs: DatasetSchema, path: Path) -> Dataset:
    form, _ = form_of(config.model)
    try:
        with artifact.create(path, "dataset") as draft:
            prepared = prepare(
                config.data,
                seed=config.seed,
                directory=draft.path,
                form=form,
                slices=config.budget.columns,
                other=theirs,
            )
            draft.counts, draft.lineage = dict(prepared.rows), lineage(prepared, data.sources)
    except DataError as error:
        raise ModelError(f"the data cannot be read again: {error.message}", path=error.path) from error
    dataset = Dataset.open(path)
    if dataset.fingerprint != data.fingerprint:
        raise ModelError("the data has changed since it was prepared")
    if dataset.champion is None:
        raise ModelError(
            f"the rows are not what it takes: {_columns(theirs)}, and {theirs.label} as {theirs.task}"
        )
    return dataset


def _columns(schema: DatasetSchema) -> str:
    return ", ".join(f"{column.name} ({column.kind})" for column in schema.columns[:10])
