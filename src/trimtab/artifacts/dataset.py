"""A prepared dataset in the content store, and what the report shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from trimtab.artifacts.proof import Reach
from trimtab.artifacts.store import ContentStore
from trimtab.data.champion.drift import DriftReport
from trimtab.data.dataset.dataset import Dataset, files_of
from trimtab.data.dataset.pooled import Pooled
from trimtab.data.kinds.histograms import Histogram

KIND = "dataset"


class DatasetLineage(BaseModel):
    """What a dataset was made from; ``data.dataset.Dataset`` has the same by the same names.

    Attributes:
        fingerprint: The content of the source, whatever the order of its rows.
        test_fingerprint: The same of the rows that are tested alone.
        content_rows: Rows of the sources by split, those among them that could not be used.
        sources: The CRC-32C of every source file by split and name; empty where there are none.
        warnings: What a person should look at.
        schema_changes: What differs from the schema of the model in service, in words.
        sides_changed: Why the model in service may have been trained on test rows.
        champion_rows: Whether the test rows can be put to the model in service.
        folds: The references of the datasets of the other folds, in their order.
    """

    fingerprint: str
    test_fingerprint: str
    content_rows: dict[str, int]
    sources: dict[str, dict[str, str]]
    warnings: list[str]
    schema_changes: list[str]
    sides_changed: list[str]
    champion_rows: bool
    folds: list[str] = []


class DatasetSummary(BaseModel):
    """What the report shows of ``data_prep``.

    Attributes:
        rows: Examples by split.
        labels: The task of each of several labels, by name; ``label`` is the first one's column.
        classes: In the order of the model's outputs; none in regression.
        class_counts: Rows by split and class.
        columns: Statistics of the input columns; each kind of column has its own.
        input_shape: Of one example; empty where there are several inputs.
        inputs: The same by name, where there are several.
        sources: Files of the source by split.
        tested: Rows that are tested: of all folds, where ``rows`` has those of the first one.
        tested_by_class: The same by class.
        folds: How many there are; 1: one test split.
        drift: New rows against those that the model in service was trained on.
        reach: What the test rows can prove at best, by the run's budget.
        histograms: How the training rows are distributed.
    """

    rows: dict[str, int]
    task: str
    label: str = ""
    labels: dict[str, str] = Field({}, exclude_if=lambda labels: not labels)
    classes: list[str] = []
    class_counts: dict[str, dict[str, int]] = {}
    fingerprint: str
    warnings: list[str] = []
    schema_changes: list[str] = []
    columns: list[dict[str, Any]] = []
    input_kind: str = ""
    input_shape: list[int] = []
    inputs: dict[str, list[int]] = Field({}, exclude_if=lambda inputs: not inputs)
    sources: dict[str, int] = {}
    tested: int = 0
    tested_by_class: dict[str, int] = {}
    folds: int = 1
    drift: DriftReport | None = None
    reach: list[Reach] = []
    histograms: list[Histogram] = []


def read(store: ContentStore, ref: str, splits: Sequence[str] = ()) -> Dataset:
    """Returns a dataset, of which the splits that will be read are fetched and verified.

    Args:
        store: The content store.
        ref: The dataset's reference.
        splits: Their names; the schema and the statistics are always there.

    Raises:
        ArtifactError: If a file that is asked for is missing, cut or changed.
    """
    return Dataset.of(store.open(ref, files_of(splits)))


def folds(store: ContentStore, ref: str) -> list[str]:
    """Returns the references of the datasets of all folds, the given one first; without folds it is alone.

    Args:
        store: The content store.
        ref: The reference of the dataset that tasks hand on.

    Raises:
        ArtifactError: If it is missing.
    """
    return [ref, *Dataset.of(store.open(ref, files_of([]))).folds]


def pooled(store: ContentStore, ref: str) -> Pooled:
    """Returns the test splits of all folds; arguments and errors as for ``folds``."""
    return Pooled([read(store, fold, ["test"]) for fold in folds(store, ref)])
