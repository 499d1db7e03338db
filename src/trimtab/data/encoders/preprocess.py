"""Preprocessing, fitted: on the training split alone, so that nothing of the test rows reaches the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trimtab.data.encoders.tabular import in_pieces
from trimtab.data.kinds.registry import NAMED, TABLE, holds_files, input_kind, name_of
from trimtab.errors import ConfigError, DataError

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.config.model import InputRange
    from trimtab.data.schema import Column
    from trimtab.data.statistics.summary import Summary


def fit(
    columns: Sequence[Column],
    summary: Summary,
    config: Data,
    input_range: InputRange = "standardized",
    *,
    pieces: bool = False,
    tokens: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns ``DatasetSchema.preprocessing``: the settings of the encoder of the input, or of all.

    Args:
        columns: The input columns.
        summary: The summary of the training split.
        config: The config's data section.
        input_range: What the model takes.
        pieces: Whether it takes numbers of a table in pieces, too.
        tokens: How a text becomes its inputs, where it brings its own tokens.

    Raises:
        DataError: If there is no input column, or if the columns do not fit into one tensor.
        ConfigError: If the columns cannot be put into the range.
    """
    if not columns:
        raise DataError("no input column is left beside the label", field="data.drop")
    if tokens is not None:
        return _by_tokens(columns, summary, config, tokens)
    if len(config.inputs) > 1:
        if isinstance(input_range, tuple):
            raise _no_limits("several inputs'", input_range)
        return input_kind(NAMED).fit(columns, summary, config, input_range)
    settings = fit_one(columns, summary, config, input_range)
    return in_pieces(settings, summary) if pieces and name_of(columns[0].kind) == TABLE else settings


def _by_tokens(
    columns: Sequence[Column], summary: Summary, config: Data, tokens: Mapping[str, Any]
) -> dict[str, Any]:
    from trimtab.data.encoders import preset_tokens as encoder

    if len(columns) > 1 or columns[0].kind != "text" or config.inputs:
        found = ", ".join(f"{column.name} ({column.kind})" for column in columns[:12])
        raise DataError(
            f"a preset of texts takes one column of text; found {found}",
            field="data.columns",
            hint="Leave others out by data.drop, and say what the one is: data.columns: {name: text}.",
        )
    return encoder.settings(columns[0], summary, config, tokens)


def fit_one(
    columns: Sequence[Column],
    summary: Summary,
    config: Data,
    input_range: InputRange = "standardized",
    field: str | None = None,
) -> dict[str, Any]:
    """Returns the settings of the encoder that makes one tensor.

    Args:
        columns: Its columns.
        summary: The summary of the training split.
        config: The config's data section.
        input_range: What the model takes.
        field: Which of several inputs it is, for messages.

    Raises:
        DataError: If the columns do not fit into one tensor.
        ConfigError: If they cannot be put into the range.
    """
    whole = [column for column in columns if name_of(column.kind) != TABLE]
    if len(columns) > 1 and whole:
        raise _too_many(columns, whole) if field is None else _stands_alone(whole[0], field)
    name = name_of(columns[0].kind)
    if isinstance(input_range, tuple) and not input_kind(name).has_limits:
        raise _no_limits(name, input_range)
    return input_kind(name).fit(columns, summary, config, input_range)


def _no_limits(name: str, input_range: tuple[float, float]) -> ConfigError:
    return ConfigError(
        f"expected standardized or raw for {name} data; got {list(input_range)}", field="model.input"
    )


def _stands_alone(column: Column, field: str) -> DataError:
    return DataError(
        f"a {column.kind} column stands alone, found others beside {column.name}",
        field=f"{field}.columns",
        hint=f"Make an input of its own of it: {column.name}: {{column: {column.name}}}; or say in "
        "data.columns what it is.",
    )


def _too_many(columns: Sequence[Column], whole: Sequence[Column]) -> DataError:
    first = whole[0]
    rest = [column.name for column in columns if column is not first]
    tabular_names = [column.name for column in columns if column not in whole]
    hints = [
        "To learn from several: data.inputs.",
        f"To learn from {first.name} alone: data.drop: [{', '.join(rest)}].",
    ]
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
