"""Several labels a row, as one column of text: see ``trimtab.tasks.several``.

Whatever reads them writes them as joined text, as lists, or as a column of zeros and ones a label; from here
on they are one column in one form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.readers.label import check_known, joined_name, label_column, may_be_several
from trimtab.data.readers.rewriting import Rewriting
from trimtab.data.values import values
from trimtab.errors import DataError
from trimtab.tasks import several

if TYPE_CHECKING:
    from trimtab.config.data import Data

_YES = ("1", "yes", "true", "1.0", "Yes", "True", "YES", "TRUE")
_NO = ("0", "no", "false", "0.0", "No", "False", "NO", "FALSE")


class SeveralLabels(Rewriting):
    """Reads as another reader does, with the labels of each row joined."""

    def rewritten(self, batch: pa.RecordBatch, config: Data, source: str) -> Iterator[pa.RecordBatch]:
        """See ``Rewriting``; several columns become one behind the others, one keeps its place."""
        for each in config.each_label.values():
            if may_be_several(each):
                batch = with_joined_labels(batch, each, source)
        yield batch


def with_joined_labels(batch: pa.RecordBatch, config: Data, source: str) -> pa.RecordBatch:
    """Returns rows with their labels joined.

    Args:
        batch: Rows as another reader gives them.
        config: The config's data section, whose rows may have several labels.
        source: Their file, for messages.

    Raises:
        DataError: If a column is missing, or holds no labels.
    """
    if isinstance(config.label, list):
        return _of_columns(batch, config.label, config, source)
    label = label_column(batch.schema.names, config)
    place, column = batch.schema.get_field_index(label), batch.column(label)
    lists = _lists(column, label, config, source)
    texts = pa.array([_joined(row) for row in lists.to_pylist()], pa.string())
    return batch.set_column(place, label, texts)


def _lists(column: pa.Array, label: str, config: Data, source: str) -> pa.Array:
    """Returns the labels of every row as a list; an empty text means none, a null that nobody knows."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return column
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        raise DataError(f"expected labels as text or lists, found {column.type}", path=source, field=label)
    text = values.plain(column)
    if not pa.types.is_string(text.type):
        text = values.texts(column)
    return pc.split_pattern(text, config.label_separator)


def _joined(labels: list[object] | None) -> str | None:
    if labels is None or any(label is None for label in labels):
        return None
    return several.joined(filter(None, (str(label).strip() for label in labels)))


def _of_columns(batch: pa.RecordBatch, names: list[str], config: Data, source: str) -> pa.RecordBatch:
    for name in names:
        check_known(name, batch.schema.names, "data.label", config)
    marked = [_marked(batch.column(name), name, source) for name in names]
    rows = zip(*marked, strict=True)
    texts = [None if None in row else several.joined(filter(None, row)) for row in rows]
    rest = batch.drop_columns(names)
    return rest.append_column(joined_name(names), pa.array(texts, pa.string()))


def _marked(column: pa.Array, name: str, source: str) -> list[str | None]:
    """Returns a column's name where it says yes, nothing where it says no, None where it is missing."""
    texts = values.texts(column)
    meant = dict.fromkeys(_YES, name) | dict.fromkeys(_NO, "")
    wrong = [value for value in pc.unique(texts.drop_null()).to_pylist() if value not in meant]
    if wrong:
        raise DataError(
            f"expected {', '.join(_YES[:3])} or {', '.join(_NO[:3])} in the column of a label, "
            f"found {wrong[0]!r}",
            path=source,
            field=name,
        )
    return [None if value is None else meant[value] for value in texts.to_pylist()]
