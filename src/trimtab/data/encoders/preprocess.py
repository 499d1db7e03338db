"""Preprocessing, fitted: on the training split alone, so that nothing of the test rows reaches the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trimtab.data.kinds.registry import TABLE, holds_files, input_kind, name_of
from trimtab.errors import ConfigError, DataError

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.config.model import InputRange
    from trimtab.data.schema import Column
    from trimtab.data.statistics.summary import Summary


def fit(
    columns: Sequence[Column], summary: Summary, config: Data, input_range: InputRange = "standardized"
) -> dict[str, Any]:
    """Returns ``DatasetSchema.preprocessing``: the settings of the encoder that makes the one input tensor.

    Args:
        columns: The input columns.
        summary: The summary of the training split.
        config: The config's data section.
        input_range: What the model takes.

    Raises:
        DataError: If there is no input column, or if the columns do not fit into one tensor.
        ConfigError: If the columns cannot be put into the range.
    """
    if not columns:
        raise DataError("no input column is left beside the label", field="data.drop")
    whole = [column for column in columns if name_of(column.kind) != TABLE]
    if len(columns) > 1 and whole:
        raise _too_many(columns, whole)
    name = name_of(columns[0].kind)
    kind = input_kind(name)
    if isinstance(input_range, tuple) and not kind.has_limits:
        raise ConfigError(
            f"expected standardized or raw for {name} data; got {list(input_range)}", field="model.input"
        )
    return kind.fit(columns, summary, config, input_range)


def _too_many(columns: Sequence[Column], whole: Sequence[Column]) -> DataError:
    first = whole[0]
    rest = [column.name for column in columns if column is not first]
    tabular_names = [column.name for column in columns if column not in whole]
    hints = [f"To learn from {first.name} alone: data.drop: [{', '.join(rest)}]."]
    if tabular_names:
        names = ", ".join(column.name for column in whole)
        hints.append(f"To learn from the other columns: data.drop: [{names}].")
    if not all(holds_files(column.kind) for column in whole):
        hints.append("A text column with few different values can be made categorical in data.columns.")
    described = ", ".join(f"{column.name} ({column.kind})" for column in columns[:12])
    more = f" and {len(columns) - 12} more" if len(columns) > 12 else ""
    return DataError(
        f"a model takes one input: a {first.kind} column stands alone, found {described}{more}",
        field=first.name,
        hint=" ".join(hints),
    )
