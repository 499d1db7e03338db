"""What is known of some rows: a small summary that merges, pickles and travels as JSON.

A summary's size depends on the number of columns, never on the number of rows. Merging is exact for
everything but the frequent values and tokens, whose error is stated; merged in the order of the partitions,
it gives one result whatever the executor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic_core import to_json

from trimtab.data.readers.label import label_columns, labelled, may_be_several
from trimtab.data.statistics.blocks import WIDE, block_summaries
from trimtab.data.statistics.column import ColumnSummary, name_hashes, tokens_counted
from trimtab.data.statistics.media import is_of_folder
from trimtab.data.statistics.sample import Sample
from trimtab.data.statistics.sketches import Frequent, mix
from trimtab.data.values.notation import Notation, as_read
from trimtab.tasks.masks import COLUMN

if TYPE_CHECKING:
    from trimtab.config.data import Data

_COLUMNS_AT_A_TIME = 256
_NAME_COLUMNS = ("path", "filename", "file_name", "file", "id")


@dataclass
class Summary:
    """Rows, summarized; empty summaries (``Summary()``) are the neutral element of ``merge``.

    Attributes:
        rows: How many rows.
        columns: Their columns, dropped ones among them (only by name and type).
        sample: Some whole rows, chosen by their content.
    """

    rows: int = 0
    columns: dict[str, ColumnSummary] = field(default_factory=dict)
    sample: Sample = field(default_factory=Sample)

    @classmethod
    def of(
        cls, batch: pa.RecordBatch, config: Data, notations: Mapping[str, Notation] = MappingProxyType({})
    ) -> Summary:
        """Returns the summary of a batch's rows.

        Args:
            batch: Rows as a reader gives them.
            config: The config's data section; dropped columns and the paths of folders are not looked at.
            notations: What columns are read by.
        """
        names, several = _item_names(batch), _several_labels(batch, config)
        unseen = {*config.drop, COLUMN, *(["path"] if is_of_folder(batch.schema.names) else [])}
        columns: dict[str, ColumnSummary] = {}
        hashes = np.zeros(batch.num_rows, np.uint64)
        sampled = []
        width, at_once, own = batch.num_columns, {}, name_hashes(batch.schema.names)
        if width >= WIDE:
            alone = {*unseen, *notations, *config.columns, *label_columns(batch.schema.names, config)}
            together = [place for place, name in enumerate(batch.schema.names) if name not in alone]
            tokens = Frequent(tokens_counted(config))  # none, and of all columns
            for summaries, of_rows in block_summaries(batch, together, own):
                for summary in summaries.values():
                    summary.tokens = tokens
                at_once.update(summaries)
                hashes += of_rows
        for place, name in enumerate(batch.schema.names):
            column = batch.column(place)
            if name in unseen:
                columns[name] = ColumnSummary.unseen(column)
                continue
            if place in at_once:
                columns[name] = at_once[place]
                sampled.append(name)
                continue
            notation = notations.get(name)
            columns[name], of_values = ColumnSummary.of(
                name, column, names, config, width, own[place], notation, parted=name in several
            )
            if of_values is not None:
                hashes += of_values  # a sum, so that the order of columns does not matter
                sampled.append(name)
        return cls(batch.num_rows, columns, Sample.of(as_read(batch.select(sampled), notations), mix(hashes)))

    def merge(self, other: Summary) -> Summary:
        """Returns the summary of both; merge in partition order for one result whatever the executor.

        A column that only one of them has is missing in the rows of the other.
        """
        if not self.rows or not other.rows:
            return other if other.rows or not self.columns else self
        columns = {
            name: self._column(name).merge(other._column(name), self.rows)
            for name in {**self.columns, **other.columns}
        }
        return Summary(self.rows + other.rows, columns, self.sample.merge(other.sample))

    def _column(self, name: str) -> ColumnSummary:
        return self.columns.get(name) or ColumnSummary.absent(self.rows)

    def quantiles(self, column: str, q: list[float]) -> list[float]:
        """Returns quantiles of a numeric column from the sampled rows (error in rank 0.7 % or less)."""
        return self.sample.quantiles(column, q)

    def to_dict(self) -> dict[str, Any]:
        """Returns the summary as JSON values."""
        columns = {name: column.to_dict() for name, column in self.columns.items()}
        return {"rows": self.rows, "columns": columns, "sample": self.sample.to_text()}

    def to_json(self) -> Iterator[str]:
        """Yields parts of the JSON of ``to_dict``: as a whole, that of a wide table takes gigabytes."""
        yield f'{{"rows": {self.rows}, "columns": {{'
        columns = list(self.columns.items())
        for start in range(0, len(columns), _COLUMNS_AT_A_TIME):
            some = {name: column.to_dict() for name, column in columns[start : start + _COLUMNS_AT_A_TIME]}
            text = to_json(some, inf_nan_mode="constants").decode()  # in a fifth of the time of json.dumps
            yield f"{', ' if start else ''}{text[1:-1]}"
        yield f'}}, "sample": "{self.sample.to_text()}"}}'  # nothing in base 64 is to be escaped

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Summary:
        """Returns the summary that ``to_dict`` gave."""
        columns = {name: ColumnSummary.from_dict(column) for name, column in values["columns"].items()}
        return cls(values["rows"], columns, Sample.from_text(values["sample"]))


def _several_labels(batch: pa.RecordBatch, config: Data) -> list[str]:
    """Returns the columns of labels whose values are several labels each."""
    names = batch.schema.names
    if not any(may_be_several(alone) for alone in config.each_label.values()):
        return []
    return [column for column, alone in labelled(names, config).items() if may_be_several(alone)]


def _item_names(batch: pa.RecordBatch) -> list[str]:
    """Returns what to call the rows in messages about unreadable files: their file's name, if any."""
    for name in _NAME_COLUMNS:
        if name in batch.schema.names and pa.types.is_string(batch.schema.field(name).type):
            return [value or "" for value in batch.column(name).to_pylist()]
    return []
