"""What the columns mean: kinds, label, task and classes, from statistics and the config's overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trimtab.data.kinds.registry import holds_files, words_kind
from trimtab.data.readers.label import check_known, label_column, label_columns, listed
from trimtab.data.schema import Column
from trimtab.data.statistics.media import is_of_folder
from trimtab.data.values.notation import PLAIN, DateNotation
from trimtab.errors import DataError
from trimtab.registry import TASKS
from trimtab.tasks import registry as tasks
from trimtab.tasks.masks import COLUMN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trimtab.config.columns import ColumnKind
    from trimtab.config.data import Data
    from trimtab.config.named import Task
    from trimtab.data.statistics.column import ColumnSummary
    from trimtab.data.statistics.summary import Summary

_IDENTIFIER_ROWS = 20
_IDENTIFIER_NAMES = frozenset(
    ["id", "ids", "uuid", "guid", "uid", "index", "idx", "key", "rowid", "row", "identifier"]
)


class Meaning(NamedTuple):
    """What the columns of the sources mean.

    Attributes:
        label: The label's column.
        classes: In order; none where there are none.
        columns: The input columns.
    """

    task: Task
    label: str
    classes: list[str]
    columns: list[Column]

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the names of the input columns."""
        return tuple(column.name for column in self.columns)


class LabelMeaning(NamedTuple):
    """What one of several labels means; fields as of ``Meaning``."""

    task: Task
    label: str
    classes: list[str]


def infer_labels(summary: Summary, config: Data) -> dict[str, LabelMeaning]:
    """Returns what each of several labels seems to mean; of one label, nothing: see ``infer_schema``.

    Args:
        summary: Of the training split's rows, or of all rows.
        config: The config's data section.

    Raises:
        DataError: If one of them can be no label, or none beside others.
    """
    found = dict[str, LabelMeaning]()
    for name, alone in config.each_label.items() if config.labels else ():
        label = checked_label(summary, alone)
        task = task_of(label, summary, alone)
        found[name] = LabelMeaning(task, label, _classes(task, summary, label, alone))
    return found


def _classes(task: Task, summary: Summary, label: str, config: Data) -> list[str]:
    return tasks.task(task).meaning.classes(summary.columns[label], label, config)


def infer_schema(summary: Summary, config: Data) -> Meaning:
    """Returns what the columns seem to mean.

    A column of encoded files is the only input where there is one: the other columns of such a table say
    where the file came from, and often give the label away. In tables, a column is *datetime* or *numeric* if
    it was read as such (see ``notations``), or *numeric* if every value that is not missing is a number; else
    of the first kind of input that takes it, such as *text*; else
    *categorical*. Identifiers are left out (see ``identifiers``).

    Args:
        summary: Of the training split's rows, or of all rows.
        config: The config's data section; ``columns`` and ``task`` override what is found.

    Raises:
        DataError: If there are no rows, if the config names a column that is not there, if a column can be
            no input, or if none is left.
    """
    names, label = list(summary.columns), checked_label(summary, config)
    first = next(iter(config.each_label.values()))
    task = task_of(label, summary, first)
    classes = _classes(task, summary, label, first)
    columns = input_columns(summary, label, config)
    if not columns:
        raise DataError("no column is left as input", path=config.train, hint=f"Columns: {listed(names)}.")
    return Meaning(task, label, classes, columns)


def checked_label(summary: Summary, config: Data) -> str:
    """Returns the label's column, after checking that there are rows, and all columns that the config names.

    Args:
        summary: Of some rows.
        config: The config's data section.

    Raises:
        DataError: If there are no rows, or no such column.
    """
    if not summary.rows:
        raise DataError("there are no rows", path=config.train)
    names = list(summary.columns)
    label = label_column(names, config)
    _check_names(names, label, config)
    if summary.columns[label].type == "other":
        several = [name for name in TASKS if tasks.task(name).meaning.takes_several]
        raise DataError(
            "expected one label a row, found lists or structs",
            path=config.train,
            field=label,
            hint=f"For lists of labels, set data.task: {' or '.join(several)}.",
        )
    return label


def identifiers(summary: Summary, label: str, config: Data) -> dict[str, bool]:
    """Returns the columns whose values all differ, and of each whether it is clearly an identifier.

    Whole numbers and words that all differ in at least 20 rows may be an identifier. It is clearly one when
    it is called ``id`` or the like (also ``customer_id``, ``CustomerID``), when it counts the rows, or when
    it is a word: a category that occurs once predicts nothing. Columns with a kind set in the config are
    never one.

    Args:
        summary: Of the training split's rows, or of all rows.
        label: The label's column.
        config: The config's data section.
    """
    is_clear = {}
    for name in _candidates(summary, label, config):
        column = summary.columns[name]
        present = summary.rows - column.missing
        if name in config.columns or present < _IDENTIFIER_ROWS or not column.distinct.all_once:
            continue
        if isinstance(column.notation, DateNotation):
            continue
        if column.numbers == present and column.integers == present:
            is_clear[name] = is_called_identifier(name) or _counts_rows(column)
        elif column.numbers == 0 and column.type == "string" and words_kind(column, present) == "categorical":
            is_clear[name] = True
    return is_clear


def input_columns(summary: Summary, label: str, config: Data) -> list[Column]:
    """Returns the columns that seem to be input; see ``infer_schema``.

    Args:
        summary: Of the training split's rows, or of all rows.
        label: The label's column.
        config: The config's data section.

    Raises:
        DataError: If a column can be no input.
    """
    if config.inputs:
        named = dict.fromkeys(name for given in config.inputs.values() for name in given.names)
        return [_column(name, summary, config) for name in named]
    names = _candidates(summary, label, config)
    encoded = [name for name in names if holds_files(column_kind(name, summary, config))]
    if encoded:
        return [_column(name, summary, config) for name in encoded]
    left_out = {name for name, clearly in identifiers(summary, label, config).items() if clearly}
    return [
        _column(name, summary, config)
        for name in names
        if name not in left_out and (name in config.columns or summary.columns[name].missing < summary.rows)
    ]


def _column(name: str, summary: Summary, config: Data) -> Column:
    kind = column_kind(name, summary, config)
    notation = summary.columns[name].notation if kind in ("numeric", "datetime") else None
    return Column(name=name, kind=kind, notation=None if notation == PLAIN else notation)


def _candidates(summary: Summary, label: str, config: Data) -> list[str]:
    """Returns the columns that can be input at all."""
    labels = label_columns(list(summary.columns), config)
    left_out = {label, *labels, COLUMN, *config.drop, str(config.groups_alone)}
    if config.split.column not in config.columns:
        left_out.add(str(config.split.column))
    if is_of_folder(summary.columns):
        left_out.add("path")
    return [name for name in summary.columns if name not in left_out]


def column_kind(name: str, summary: Summary, config: Data) -> ColumnKind:
    """Returns what a column seems to be, or what the config says it is.

    Args:
        name: The column.
        summary: Of the training split's rows, or of all rows.
        config: The config's data section.

    Raises:
        DataError: If it can be no input.
    """
    if (kind := config.kind_set(name)) is not None:
        return kind
    column = summary.columns[name]
    present = summary.rows - column.missing
    if column.type == "binary":
        return column.media.kind
    if column.type == "other":
        raise DataError(
            "expected numbers, text or encoded files, found lists or structs",
            path=config.train,
            field=name,
            hint=f"Leave it out with data.drop: [{name}].",
        )
    if isinstance(column.notation, DateNotation):
        return "datetime"
    if column.type == "boolean":
        return "categorical"
    return "numeric" if column.numeric else words_kind(column, present)


def task_of(label: str, summary: Summary, config: Data) -> Task:
    """Returns what a label means.

    Args:
        label: The label's column.
        summary: Of the training split's rows, or of all rows.
        config: The config's data section; ``task`` overrules.
    """
    return config.task or tasks.task_of_label(summary.columns[label], config).name


def is_called_identifier(name: str) -> bool:
    """Returns whether a column's name ends with ``id`` or the like."""
    last = name.replace("-", "_").replace(" ", "_").split("_")[-1]
    return last.lower() in _IDENTIFIER_NAMES or last.endswith(("Id", "ID"))


def _counts_rows(column: ColumnSummary) -> bool:
    assert column.minimum is not None
    assert column.maximum is not None
    return column.minimum in (0.0, 1.0) and column.maximum - column.minimum == column.numbers - 1


def _check_names(names: Sequence[str], label: str, config: Data) -> None:
    for name in config.columns:
        check_known(name, names, "data.columns", config)
    for name in config.drop:
        check_known(name, names, "data.drop", config)
    for input_name, given in config.inputs.items():
        for name in given.names:
            check_known(name, names, f"data.inputs.{input_name}", config)
            if name == label:
                raise DataError(f"{name} is the label: it cannot be input", field=f"data.inputs.{input_name}")
    if config.group_by is not None:
        check_known(config.group_by, names, "data.group_by", config)
    if config.split.column is not None:
        check_known(config.split.column, names, "data.split.column", config)
    if label in config.drop:
        raise DataError(f"{label} is the label: it cannot be dropped", field="data.drop")
