"""A prepared dataset: verified shards with their schema and statistics, read as arrays or as batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import ValidationError

from trimtab.batch import INPUT, Batch, fed
from trimtab.data import packed
from trimtab.data.dataset.groups import Groups, copies, read_groups
from trimtab.data.dataset.records import Layout, read_shard
from trimtab.data.dataset.sampling import drawn, gathered
from trimtab.data.dataset.slices import read_slices
from trimtab.data.schema import SPLITS, DatasetSchema, TensorSpec
from trimtab.errors import ArtifactError
from trimtab.storage import artifact
from trimtab.tasks.of_labels import meant

Array = npt.NDArray[Any]
SCHEMA_FILE, STATISTICS_FILE = "schema.json", "statistics.json"
CHAMPION = "champion"


def layout_of(schema: DatasetSchema) -> Layout:
    """Returns the layout of the records of a dataset."""
    meaning = meant(schema).meaning
    return Layout(packed.example_bytes(schema.input), meaning.y_dtype, meaning.y_shape(schema))


@dataclass(frozen=True)
class Dataset:
    """A dataset artifact whose files, as far as they are asked for, are what its manifest says.

    Attributes:
        path: The artifact's directory.
        schema: What the data means, and the tensors it became.
        statistics: The statistics of every column, by split.
        rows: Examples by split.
        fingerprint: The content of the source, whatever the order of its rows.
        test_fingerprint: The same of the rows that are tested alone: the test split, or those of all folds.
        warnings: What a person should look at.
        sources: The CRC-32C of every source file by split and name; empty where there are none.
        content_rows: Rows of the sources by split, those among them that could not be used.
        schema_changes: What differs from the schema of the model in service, in words.
        sides_changed: Why the model in service may have been trained on test rows; empty: it was not.
        champion: The schema of the model in service, if it can answer the test rows; see ``champion_test``.
        digest: One checksum over all files.
        folds: The references of the datasets of the other folds, in their order; none where there are none.
    """

    path: Path
    schema: DatasetSchema
    statistics: dict[str, Any]
    rows: dict[str, int]
    fingerprint: str
    test_fingerprint: str
    warnings: list[str]
    sources: dict[str, dict[str, str]]
    content_rows: dict[str, int]
    schema_changes: list[str]
    sides_changed: list[str]
    champion: DatasetSchema | None
    digest: str
    folds: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: str | Path, splits: Sequence[str] | None = None) -> Self:
        """Returns the dataset at a local path.

        Args:
            path: The artifact's directory.
            splits: The splits that will be read, which are verified; None: all.

        Raises:
            ArtifactError: If a file is missing, cut or changed, or if it is no dataset.
        """
        return cls.of(artifact.load(path, "dataset", files_of(splits)))

    @classmethod
    def of(cls, prepared: artifact.Artifact) -> Self:
        """Returns the dataset in an artifact, of which at least ``files_of([])`` are verified.

        Raises:
            ArtifactError: If it is no dataset.
        """
        lineage = prepared.lineage
        try:
            schema = DatasetSchema.model_validate_json((prepared.path / SCHEMA_FILE).read_bytes())
            statistics = json.loads((prepared.path / STATISTICS_FILE).read_bytes())
            champion = _champion(prepared, schema) if lineage.get("champion_rows") else None
        except (OSError, ValidationError, json.JSONDecodeError) as error:
            raise ArtifactError(
                f"no usable schema or statistics: {error}", path=str(prepared.path)
            ) from error
        return cls(
            path=prepared.path,
            schema=schema,
            statistics=statistics,
            rows={split: prepared.manifest.counts.get(split, 0) for split in SPLITS},
            fingerprint=str(lineage.get("fingerprint", "")),
            test_fingerprint=str(lineage.get("test_fingerprint", "")),
            warnings=list(lineage.get("warnings", [])),
            sources=dict(lineage.get("sources", {})),
            content_rows=dict(lineage.get("content_rows", {})),
            schema_changes=list(lineage.get("schema_changes", [])),
            sides_changed=list(lineage.get("sides_changed", [])),
            champion=champion,
            digest=prepared.digest,
            folds=tuple(lineage.get("folds", ())),
        )

    def shards(self, split: str) -> list[Path]:
        """Returns the TFRecord files of a split, in the order of their partitions."""
        return sorted((self.path / split).glob("part-*.tfrecord"))

    def blocks(self, split: str) -> Iterator[tuple[Array, Array]]:
        """Yields a split in order, as blocks of a few MiB: ``(x as stored (n, *shape), y (n, …))``.

        Raises:
            ArtifactError: If a shard is damaged, or if rows are missing.
        """
        return _blocks(self.path / split, self.schema, self.rows[split])

    def arrays(self, split: str) -> tuple[Array, Array]:
        """Returns a whole split: ``(x as stored (n, *shape), y (n, …))``, y as the task encodes labels."""
        layout, spec = layout_of(self.schema), self.schema.input
        x = np.empty((self.rows[split], *spec.shape), spec.stored_dtype)
        y = np.empty((self.rows[split], *layout.y_shape), layout.y_dtype)
        at = 0
        for block, labels in self.blocks(split):
            if at + len(labels) <= len(y):
                x[at : at + len(labels)], y[at : at + len(labels)] = block, labels
            at += len(labels)
        return x, y

    def groups(self, split: str) -> Groups | None:
        """Returns which rows of a split belong together: rows of a number do, ``(n,)``.

        Args:
            split: Validation or test.

        Returns:
            The groups of ``data.group_by``; without it, exact copies of inputs; None: each is its own.

        Raises:
            ArtifactError: If a shard is damaged, or if rows are missing.
        """
        groups = read_groups(self.path / split, self.rows[split])
        return copies(x for x, _ in self.blocks(split)) if groups is None else groups

    def labels(self, split: str) -> Array:
        """Returns the labels of a split as the task encodes them, ``(n,)``."""
        labels = [y for _, y in self.blocks(split)]
        return np.concatenate(labels) if labels else np.empty(0, layout_of(self.schema).y_dtype)

    def slices(self, split: str, columns: Sequence[str]) -> pa.Table:
        """Returns columns that slices are made by, as text, in the order of the split's rows.

        Args:
            split: Validation or test.
            columns: Some of those that the dataset was prepared with.
        """
        return read_slices(self.path / split, columns)

    def batches(self, split: str, batch_size: int) -> Iterator[tuple[Batch, Array]]:
        """Yields a split in order as ``(examples as the model takes them, y (batch, …))``.

        The last batch may be smaller; memory does not grow with the rows.
        """
        return _batches(self.blocks(split), self.schema, batch_size)

    def champion_test(self, batch_size: int = 256) -> Iterator[tuple[Batch, Array]] | None:
        """Returns the test split as the model in service takes it, or None where it cannot answer.

        Row by row it is ``batches("test", batch_size)``: the labels are this dataset's, whose classes may
        be others than the ``champion``'s.

        Raises:
            ArtifactError: If a shard is damaged, or if rows are missing.
        """
        if self.champion is None:
            return None
        folder = self.path / CHAMPION / "test" if (self.path / CHAMPION).is_dir() else self.path / "test"
        return _batches(_blocks(folder, self.champion, self.rows["test"]), self.champion, batch_size)

    def head(self, split: str, n: int) -> tuple[Batch, Array]:
        """Returns the first ``n`` examples of a split, or all: ``(examples as the model takes them, y)``."""
        for batch in self.batches(split, n):
            return batch
        x, y = self.arrays(split)
        return model_inputs(self.schema, {INPUT: x}), y

    def sample(self, split: str, n: int, seed: int) -> tuple[Batch, Array]:
        """Returns ``n`` examples drawn over a whole split, or all: ``(examples as the model takes them, y)``.

        Every class, or every range of a numeric label, has its share; the order is random. All of the split
        is read, but only the labels and the sample are held.

        Args:
            split: The split.
            n: How many.
            seed: Another one gives another sample.
        """
        labels = [y for _, y in self.blocks(split)]
        if not labels:
            return self.head(split, n)
        places = drawn(np.concatenate(labels), n, seed)
        x, y = gathered(self.blocks(split), places)
        return model_inputs(self.schema, {INPUT: x}), y

    def model_input(self, x: Array) -> Any:
        """Returns stored tensors as a Keras model is called with them; see ``model_input``.

        Args:
            x: Stored tensors, ``(n, *shape)``.
        """
        return model_input(self.schema, x)


def files_of(splits: Sequence[str] | None) -> list[str] | None:
    """Returns the files of a dataset to ask for, given the splits that will be read; None: all of both."""
    if splits is None:
        return None
    folders = [f"{before}{split}/" for split in splits for before in ("", f"{CHAMPION}/")]
    return [SCHEMA_FILE, STATISTICS_FILE, f"{CHAMPION}/{SCHEMA_FILE}", *folders]


def _champion(prepared: artifact.Artifact, schema: DatasetSchema) -> DatasetSchema:
    """Returns the schema of the model in service, which is the dataset's own unless it is there."""
    name = f"{CHAMPION}/{SCHEMA_FILE}"
    if name not in prepared.manifest.files:
        return schema
    return DatasetSchema.model_validate_json((prepared.path / name).read_bytes())


def _blocks(folder: Path, schema: DatasetSchema, rows: int) -> Iterator[tuple[Array, Array]]:
    layout, spec, seen = layout_of(schema), schema.input, 0
    for shard in sorted(folder.glob("part-*.tfrecord")):
        for raw, y in read_shard(shard, layout):
            x = np.ascontiguousarray(raw).view(np.dtype(spec.stored_dtype).newbyteorder("<"))
            seen += len(y)
            yield x.reshape(len(y), *spec.shape), y
    if seen != rows:
        raise ArtifactError(
            f"the {folder.name} split has {seen} rows, its manifest says {rows}", path=str(folder)
        )


def _batches(
    blocks: Iterator[tuple[Array, Array]], schema: DatasetSchema, batch_size: int
) -> Iterator[tuple[Batch, Array]]:
    parts: list[tuple[Array, Array]] = []
    held = 0
    for x, y in blocks:
        at = 0
        while len(y) - at >= batch_size - held:
            take = batch_size - held
            yield _joined([*parts, (x[at : at + take], y[at : at + take])], schema)
            at, parts, held = at + take, [], 0
        if at < len(y):
            parts.append((x[at:], y[at:]))
            held += len(y) - at
    if parts:
        yield _joined(parts, schema)


def _joined(parts: list[tuple[Array, Array]], schema: DatasetSchema) -> tuple[Batch, Array]:
    x, y = (np.concatenate(column) for column in zip(*parts, strict=True))
    return model_inputs(schema, {INPUT: x}), y


def model_inputs(schema: DatasetSchema, stored: Batch) -> Batch:
    """Returns the stored tensor of some examples as the model takes it, or as its inputs do, by name."""
    x, parts = stored[INPUT], schema.input.parts
    if not parts:
        return {INPUT: _model_ready(schema.input, x)}
    return {name: _model_ready(parts[name], part) for name, part in packed.unpack(x, parts).items()}


def model_input(schema: DatasetSchema, x: Array) -> Any:
    """Returns stored tensors ``(n, *shape)`` as a Keras model is called with them: by name if it has several.

    They are ``stored * scale + offset`` in float32; tokens stay int32.
    """
    return fed(model_inputs(schema, {INPUT: x}))


def _model_ready(spec: TensorSpec, x: Array) -> Array:
    """Returns stored tensors ``(n, *shape)`` as the model takes them, in float32; tokens stay int32."""
    if spec.is_tokens:
        return x.astype(np.int32, copy=False)
    result: Array = x.astype(np.float32)
    if spec.scale:
        result *= np.asarray(spec.scale, np.float32)
    if spec.offset:
        result += np.asarray(spec.offset, np.float32)
    return result
