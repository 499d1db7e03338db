"""What of the champion's schema no longer holds for new data, in words; empty: it holds, and is kept.

Columns keep the kind and the place that they had: a text column of many rows may look categorical. Classes
may be absent. Settings count when they are not those of then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trimtab.config.data import Data
from trimtab.data.encoders import preprocess
from trimtab.data.encoders.form import RANGE
from trimtab.data.kinds.infer import checked_label, column_kind, input_columns, task_of
from trimtab.data.kinds.registry import holds_files, input_kind
from trimtab.data.values.notation import PLAIN
from trimtab.data.values.values import MISSING_NUMBERS, numbers
from trimtab.tasks.registry import task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trimtab.config.columns import ColumnKind
    from trimtab.data.champion.reference import Reference
    from trimtab.data.encoders.form import Form
    from trimtab.data.schema import Column, DatasetSchema
    from trimtab.data.statistics.column import ColumnSummary
    from trimtab.data.statistics.summary import Summary

_MOST_NAMED = 10


def schema_changes(champion: Reference, summary: Summary, config: Data) -> list[str]:
    """Returns what differs from the champion's schema, in words.

    Args:
        champion: The data of the model in service.
        summary: Of the new rows of all splits.
        config: The config's data section: what it sets explicitly must be the champion's, too.

    Raises:
        DataError: If there are no rows or no label, or if the config names a column that is not there.
    """
    schema = champion.schema
    if champion.train is None:
        return ["nothing is known of the champion's training rows"]
    label = checked_label(summary, config)
    parts, configs = schema.each_label, config.each_label
    if list(parts) != list(configs):
        return [
            f"the labels are {_labels_told(configs, label)}, they were {_labels_told(parts, schema.label)}"
        ]
    for name, part in parts.items():
        now = checked_label(summary, configs[name])
        if now != part.label:
            return [f"the label is the column {now}, it was {part.label}"]
    return [
        *(change for name, part in parts.items() for change in _label(part, summary, configs[name])),
        *(change for column in schema.columns for change in _column(column, summary, config)),
        *_added(schema, champion.train, summary, config),
        *_settings(schema, champion, champion.train, config),
    ]


def _labels_told(names: Iterable[str], only: str) -> str:
    """Returns the labels in words: their names, or the only one's column."""
    return ", ".join(filter(None, names)) or only


def form_changes(champion: DatasetSchema, form: Form) -> list[str]:
    """Returns what differs from what the champion takes and answers, in words.

    Args:
        champion: The schema of the model in service.
        form: What the new model takes and answers.
    """
    before = champion.preprocessing.get(RANGE, "standardized")
    changes = []
    if (now := _range(form, champion)) != before:
        changes.append(f"model.input is {now}, it was {before}")
    if task(champion.task).meaning.is_numeric and form.raw_label != _has_raw_label(champion):
        changes.append(f"model.output is {'raw' if form.raw_label else 'standardized'}, it was not")
    return changes


def _range(form: Form, champion: DatasetSchema) -> list[float] | str:
    """Returns a range as the settings of the champion's kind of encoder would hold it."""
    wanted = input_kind(champion.input.kind).raw if form.input == "raw" else form.input
    return list(wanted) if isinstance(wanted, tuple) else wanted


def _has_raw_label(schema: DatasetSchema) -> bool:
    return (schema.label_mean, schema.label_std) == (0.0, 1.0)


def can_answer(champion: DatasetSchema, new: DatasetSchema, summary: Summary) -> bool:
    """Returns whether the champion's model can be asked about new rows although the schema has changed.

    Args:
        champion: The schema of the model in service.
        new: The schema of the new rows.
        summary: Of the new rows of all splits.
    """
    before, now = champion.each_label, new.each_label
    if list(before) != list(now):
        return False
    pairs = [(before[name], now[name]) for name in now]
    same = all((theirs.task, theirs.label) == (ours.task, ours.label) for theirs, ours in pairs)
    known = all(not theirs.classes or set(theirs.classes) & set(ours.classes) for theirs, ours in pairs)
    alike = same and all(_has_the_same_pixels(*pair) for pair in pairs)
    return known and alike and all(_is_readable(column, summary) for column in champion.columns)


def _has_the_same_pixels(before: DatasetSchema, now: DatasetSchema) -> bool:
    """Returns whether masks of both are of one size, which is so where there are none."""
    meaning = task(now.task).meaning
    return not meaning.takes_masks or meaning.y_shape(before) == meaning.y_shape(now)


def _label(schema: DatasetSchema, summary: Summary, config: Data) -> Iterator[str]:
    column, task_now = summary.columns[schema.label], task_of(schema.label, summary, config)
    meaning = task(schema.task).meaning
    added = sorted(set(meaning.counts(column)) - set(schema.classes))
    holds = not (column.words if meaning.is_numeric else added)
    if config.normal is not None and config.normal != schema.normal:
        yield f"data.normal is {config.normal}, it was {schema.normal or 'not set'}"
    elif task_now != schema.task and (config.task is not None or not holds):
        yield f"the task is {task_now}, it was {schema.task}"
    elif added:
        noun, verb = ("class", "is") if len(added) == 1 else ("classes", "are")
        yield f"the {noun} {_listed(added)} {verb} new in {schema.label}"


def _column(column: Column, summary: Summary, config: Data) -> Iterator[str]:
    name = column.name
    if name not in summary.columns:
        yield f"the column {name} is gone"
    elif name in config.drop:
        yield f"the column {name} is left out (data.drop)"
    elif name == config.groups_alone:
        yield f"the column {name} groups rows, it was input (data.group_by)"
    elif name == config.split.column and name not in config.columns:
        yield f"the column {name} says when a row happened, it was input (data.split.column)"
    elif (kind_set := config.kind_set(name)) is not None:
        if kind_set != column.kind:
            yield f"the column {name} is {kind_set}, it was {column.kind} (data.columns)"
    elif not _is_empty(summary.columns[name], summary.rows):
        kind = column_kind(name, summary, config)
        if not _is_alike(kind, column.kind):
            words = _words(summary.columns[name]) if column.kind == "numeric" else ""
            yield f"the column {name} is {kind}, it was {column.kind}{words}"
        elif column.kind in ("numeric", "datetime") and not _reads(column, summary.columns[name]):
            yield f"the values of the column {name} are written otherwise than they were"


def _reads(column: Column, statistics: ColumnSummary) -> bool:
    """Returns whether the champion reads a column's values as they are read now."""
    return (statistics.notation or PLAIN) == (column.notation or PLAIN)


def _added(schema: DatasetSchema, train: Summary, summary: Summary, config: Data) -> Iterator[str]:
    """Yields the input columns that are new; what the champion left out as an identifier stays out."""
    known = {column.name for column in schema.columns}
    for column in input_columns(summary, schema.label, config):
        if column.name in known:
            continue
        before = train.columns.get(column.name)
        if column.name in config.columns:
            yield f"the column {column.name} ({column.kind}) is input (data.columns)"
        elif before is None:
            yield f"the column {column.name} ({column.kind}) is new"
        elif before.type != "binary" and not len(before.distinct.hashes):
            yield f"the column {column.name} ({column.kind}) is input, it was empty or left out"


def _settings(schema: DatasetSchema, champion: Reference, train: Summary, config: Data) -> Iterator[str]:
    """Yields the settings that ask for other tensors than the champion's.

    They are held against those of then by what both make of the same rows: only what the config asks for
    counts, not what the champion's rows would ask for today, since its schema may be older than they are.
    """
    before = champion.settings or Data(train=config.train, inputs=config.inputs)
    if _columns(config) != _columns(before):
        yield f"data.inputs is {_told(config)}, it was {_told(before)}"
        return
    now, then = (preprocess.fit(schema.columns, train, settings) for settings in (config, before))
    for stored_one, now_one, then_one in zip(
        *(_encoders(each) for each in (schema.preprocessing, now, then)), strict=True
    ):
        yield from _asked(stored_one, now_one, then_one)


def _asked(stored: Mapping[str, Any], now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[str]:
    """Yields what the settings of one encoder ask for that the champion's are not."""
    for key, setting in input_kind(stored["kind"]).settings.items():
        if now[key] not in (then[key], stored[key]):
            wanted, was = (len(v) if isinstance(v, list) else v for v in (now[key], stored[key]))
            yield f"data.{setting.field} asks for {wanted:,} {setting.unit}".rstrip() + f", it was {was:,}"


def _encoders(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the settings of the encoders of all inputs."""
    return list(settings["inputs"].values()) if "inputs" in settings else [settings]


def _columns(config: Data) -> dict[str, tuple[str, ...]]:
    return {name: given.names for name, given in config.inputs.items()}


def _told(config: Data) -> str:
    listed = (f"{name} ({', '.join(columns)})" for name, columns in _columns(config).items())
    return "; ".join(listed) or "not set"


def _words(column: ColumnSummary) -> str:
    """Returns how many values are no numbers, and the most frequent of them."""
    texts = list(column.frequent.top())
    parsed = numbers(pa.array(texts, pa.string())).is_valid().to_pylist()
    words = [
        text for text, known in zip(texts, parsed, strict=True) if not known and text not in MISSING_NUMBERS
    ]
    return f": {column.words:,} of its values are no numbers, such as {_listed(words[:3])}" if words else ""


def _is_alike(kind: ColumnKind, before: ColumnKind) -> bool:
    return kind == before or (_is_words(kind) and _is_words(before))


def _is_words(kind: ColumnKind) -> bool:
    return kind != "numeric" and not holds_files(kind)


def _is_empty(column: ColumnSummary, rows: int) -> bool:
    return column.missing == rows


def _is_readable(column: Column, summary: Summary) -> bool:
    """Returns whether a column is there with values of its kind; of one left out, only the type is known."""
    statistics = summary.columns.get(column.name)
    if statistics is None or statistics.type == "other":
        return False
    encoded = holds_files(column.kind)
    numbers = column.kind not in ("numeric", "datetime") or (
        statistics.words == 0 and _reads(column, statistics)
    )
    return statistics.type == "null" or (encoded == (statistics.type == "binary") and numbers)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"
