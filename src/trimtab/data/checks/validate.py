"""Whether the data can be trained on, and what people should know about it before they trust the result."""

from __future__ import annotations

import re
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING

from trimtab.config.data_limits import named
from trimtab.data.checks.few_sentences import few_sentences
from trimtab.data.checks.leaks import DECIDES, leaks
from trimtab.data.kinds.infer import LabelMeaning, identifiers
from trimtab.data.kinds.notations import misread
from trimtab.data.kinds.registry import any_files, holds_files, kind_of
from trimtab.data.statistics.summary import Summary
from trimtab.data.values.values import folded
from trimtab.errors import DataError
from trimtab.tasks import registry as tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trimtab.config.data import Data
    from trimtab.data.kinds.infer import Meaning
    from trimtab.data.schema import Column
    from trimtab.tasks.base import Meaning as TaskMeaning

    _Counts = Mapping[str, Mapping[str, int]]
    """Rows by class, by split."""

_MOSTLY = 0.9
_MOST_NAMED = 10
_MANY_WORDS = 32
_AROUND_A_NUMBER = re.compile(r"\W*\d[\d.,'/:\s-]*[^\W\d]{0,4}\W*")
"""A number in a notation that is not read, such as ~12, 12-, 3 kg among grams, or 2025-03."""


_MISSING = frozenset({"nan", "na", "n/a", "#n/a", "null", "?"})
"""How programs write a missing value; as a label it may be meant, as NA is for Namibia."""


def validate(
    per_split: dict[str, Summary],
    *,
    meaning: Meaning,
    config: Data,
    labels: Mapping[str, LabelMeaning] = MappingProxyType({}),
    duplicates: int = 0,
    known: bool = False,
) -> list[str]:
    """Returns warnings, and stops the run on data that cannot be used.

    Args:
        per_split: Summaries of ``train``, ``validation`` and ``test``.
        meaning: What the columns mean.
        config: The config's data section.
        labels: What each of several labels means, by name.
        duplicates: Rows of the given validation and test sources that are in another split, too.
        known: Whether a model already knows the classes, so that some of them may be absent.

    Raises:
        DataError: If a split has no rows or lacks a column; if labels are missing, constant, no numbers
            where numbers are expected, or of classes with too few rows; if more files are unreadable than
            ``max_bad_fraction`` allows.
    """
    (task, label, classes, columns) = meaning
    all_labels = list(labels.values()) or [LabelMeaning(task, label, classes)]
    for split, summary in per_split.items():
        for each in all_labels:
            _check_columns(split, summary, each.label, columns, config)
    for each in all_labels:
        _check_labels(per_split, tasks.task(each.task).meaning, each.label, config)
    warnings = [*_unreadable(per_split, columns, config), *_remarks(per_split["train"], columns)]
    for each in all_labels:
        warnings += _of_label(per_split, each, config, known=known)
    train = per_split["train"]
    return [
        *warnings,
        *_duplicates(duplicates, config),
        *_identifiers(train, label, columns, config),
        *_left_out(train, columns, config),
        *few_sentences(train, columns, config),
        *_misread(per_split, [*(each.label for each in all_labels), *(column.name for column in columns)]),
        *(warning for each in all_labels for warning in _leaks(train, each, columns)),
    ]


def _of_label(per_split: dict[str, Summary], of: LabelMeaning, config: Data, *, known: bool) -> list[str]:
    """Returns warnings about the classes or the values of a label.

    Raises:
        DataError: If they cannot be used.
    """
    targets = tasks.task(of.task).meaning
    columns = {split: summary.columns[of.label] for split, summary in per_split.items()}
    if of.classes:
        counts = {split: targets.counts(column) for split, column in columns.items()}
        _check_classes(counts, of.label, of.classes, config, known=known)
        absent = _absent_classes(counts, of.classes, known=known)
        return absent + _alike(of.classes) + _unnamed(of.classes)
    if objection := targets.objection(columns, config):
        raise DataError(objection[0], path=config.train, field=of.label, hint=objection[1])
    return []


def _source(split: str, config: Data) -> str:
    return {"validation": config.validation, "test": config.given_test}.get(split) or config.train


def _check_columns(split: str, summary: Summary, label: str, columns: list[Column], config: Data) -> None:
    if not summary.rows:
        raise DataError(
            f"the {split} split has no rows",
            path=_source(split, config),
            hint="Give more rows, or larger shares in data.split.",
        )
    lacking = [name for name in (label, *(column.name for column in columns)) if name not in summary.columns]
    if lacking:
        raise DataError(
            f"the {split} split lacks the columns {', '.join(lacking)}", path=_source(split, config)
        )


def _check_labels(per_split: dict[str, Summary], meaning: TaskMeaning, label: str, config: Data) -> None:
    """Refuses rows without a label, those of one source together."""
    sources: dict[str, list[Summary]] = {}
    for split, summary in per_split.items():
        sources.setdefault(_source(split, config), []).append(summary)
    for source, summaries in sources.items():
        rows = sum(summary.rows for summary in summaries)
        columns = [(summary.columns[label], summary.rows) for summary in summaries]
        missing = sum(meaning.unlabelled(column, count) for column, count in columns)
        if missing:
            blank = sum(column.missing for column, _ in columns)
            what = "no number as their label" if meaning.is_numeric and missing > blank else "no label"
            raise DataError(
                f"{missing:,} of {rows:,} rows have {what}",
                path=source,
                field=label,
                hint="Remove these rows, or name another column in data.label.",
            )


def _check_classes(per_split: _Counts, label: str, classes: list[str], config: Data, *, known: bool) -> None:
    for split, counts in per_split.items():
        unknown = sorted(set(counts) - set(classes))
        if unknown:
            raise DataError(
                f"the {split} split has classes that training does not have: {_listed(unknown)}",
                path=_source(split, config),
                field=label,
            )
    present = per_split["train"] if known else classes
    if len(present) < 2:
        raise _constant(label, config)
    if known:
        return
    given = {"validation": config.validation, "test": config.given_test}
    pooled = [counts for split, counts in per_split.items() if given.get(split) is None]
    for split, counts in per_split.items():
        if given.get(split) is not None and (unknown := sorted(set(counts) - set(per_split["train"]))):
            raise _unknown(split, unknown, per_split, label, config)
    for name in classes:
        rows = sum(counts.get(name, 0) for counts in pooled)
        if rows < config.min_rows_per_class or name not in per_split["train"]:
            raise DataError(
                f"the class {name} has {rows} rows to train on; "
                f"data.min_rows_per_class is {config.min_rows_per_class}",
                path=config.train,
                field=label,
                hint="Give more rows of it, remove it, or join it with another class.",
            )


def _unknown(split: str, unknown: list[str], per_split: _Counts, label: str, config: Data) -> DataError:
    rows = sum(per_split[split][name] for name in unknown)
    return DataError(
        f"{rows:,} {split} rows are of classes that no training row has: {_listed(unknown)}",
        path=_source(split, config),
        field=label,
        hint=f"Add rows of them to data.train, or remove them here. Trained classes, whose names must be the "
        f"same here: {_listed(sorted(per_split['train']))}.",
    )


def _constant(label: str, config: Data) -> DataError:
    return DataError(
        "every row has the same label: there is nothing to learn", path=config.train, field=label
    )


def _alike(classes: list[str]) -> list[str]:
    """Returns warnings about classes whose names differ in case or blanks only."""
    spellings: dict[str, list[str]] = {}
    for name in classes:
        spellings.setdefault(folded(name), []).append(name)
    return [
        f"the classes {', '.join(map(repr, names))} differ in case or blanks only; "
        "data.label_spelling: fold takes them for one"
        for names in spellings.values()
        if len(names) > 1
    ]


def _absent_classes(per_split: _Counts, classes: list[str], *, known: bool) -> list[str]:
    warnings = []
    for split, counts in per_split.items():
        absent = [name for name in classes if name not in counts]
        if absent:
            forgets = known and split == "train"
            then = "the new model may forget them" if forgets else "nothing will be known of them"
            warnings.append(f"{split}: no row of the classes {_listed(absent)}: {then}")
    return warnings


def _unreadable(per_split: dict[str, Summary], columns: list[Column], config: Data) -> list[str]:
    warnings = []
    for column in columns:
        if not holds_files(column.kind):
            continue
        files = {split: summary.columns[column.name].media for split, summary in per_split.items()}
        count = sum(media.unreadable for media in files.values())
        if not count:
            continue
        rows = sum(summary.rows for summary in per_split.values())
        named = [
            name or f"row {row + 1} of the {split} split"
            for split, media in files.items()
            for row, name in media.unreadable_items
        ]
        more = f" and {count - len(named[:_MOST_NAMED])} more" if count > len(named[:_MOST_NAMED]) else ""
        text = f"{count:,} of {rows:,} files cannot be read: {', '.join(named[:_MOST_NAMED])}{more}"
        if count > config.max_bad_fraction * rows:
            raise DataError(
                text,
                path=config.train,
                field=column.name,
                hint="Repair or remove them; data.max_bad_fraction leaves out a share of files. "
                f"What may be read of one is limited by {_limits_of(column)}.",
            )
        warnings.append(f"{column.name}: {text}; they are left out")
    return warnings


def _remarks(train: Summary, columns: list[Column]) -> list[str]:
    """Returns what kinds of files have to say of those of the training split."""
    return [
        f"{column.name}: {remark}"
        for column in columns
        if holds_files(column.kind)
        for remark in train.columns[column.name].media.remarks(column.kind)
    ]


def _limits_of(column: Column) -> str:
    files = kind_of(column.kind).files
    limits = ("file_mb", *(files.limits if files else ()))
    return ", ".join(named(limit) for limit in limits)


def _duplicates(duplicates: int, config: Data) -> list[str]:
    if not duplicates:
        return []
    which = "later" if config.split.by == "time" else "given"
    return [
        f"{duplicates:,} rows of the {which} splits are in another split, too: the test counts them as new"
    ]


def _identifiers(train: Summary, label: str, columns: list[Column], config: Data) -> list[str]:
    used = {column.name for column in columns}
    if any_files(columns):
        return []
    warnings = []
    for name in identifiers(train, label, config):
        if name in used:
            warnings.append(
                f"{name}: every value is different: it may be an identifier; data.drop leaves it out"
            )
            continue
        kind = "numeric" if train.columns[name].numeric else "categorical"
        warnings.append(
            f"{name}: an identifier (every value is different): it is left out; "
            f"data.columns: {{{name}: {kind}}} keeps it"
        )
    return warnings


def _left_out(train: Summary, columns: list[Column], config: Data) -> list[str]:
    """Returns warnings about columns that have no value, and about numbers among which there are words."""
    warnings = []
    used = {column.name for column in columns}
    for name, column in train.columns.items():
        if name not in config.drop and column.missing == train.rows:
            warnings.append(f"{name}: every value is missing{'' if name in used else ': it is left out'}")
    for name, kind in ((each.name, each.kind) for each in columns):
        if kind == "numeric" or holds_files(kind):
            continue
        statistics = train.columns[name]
        present = train.rows - statistics.missing_numbers
        if name not in config.columns and statistics.type == "string" and present:
            words = [value for value in statistics.frequent.top() if not _is_number(value)]
            known = train.rows - statistics.words
            if statistics.numbers and known >= _MOSTLY * train.rows and words:
                warnings.append(
                    f"{name}: {known / train.rows:.0%} of its values are numbers, but not {_listed(words)}: "
                    f"it is taken as words; data.columns: {{{name}: numeric}} takes these as missing"
                )
            elif kind == "categorical" and (odd := _nearly_numbers(statistics.frequent.top())):
                warnings.append(
                    f"{name}: its many different values hold numbers, but not written as numbers or dates, "
                    f"such as {_listed(odd)}: it is taken as words; write them in one way, or agree by "
                    f"data.columns: {{{name}: categorical}}"
                )
    return warnings


def _nearly_numbers(values: Mapping[str, int]) -> list[str]:
    """Returns examples of values that are no numbers, if there are many and nearly all are meant for one."""
    meant = [value for value in values if _AROUND_A_NUMBER.fullmatch(value)]
    if len(values) <= _MANY_WORDS or len(meant) < _MOSTLY * len(values):
        return []
    return [value for value in meant if not _is_number(value)][:3]


def _misread(per_split: Mapping[str, Summary], names: list[str]) -> list[str]:
    """Returns warnings about values that count as missing because they are not written as the others are."""
    warnings = []
    for name in names:
        if any(summary.columns[name].notation is not None for summary in per_split.values()):
            whole = [Summary(each.rows, {name: each.columns[name]}) for each in per_split.values()]
            warnings.append(misread(name, reduce(Summary.merge, whole).columns[name]))
    return [warning for warning in warnings if warning]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _leaks(train: Summary, of: LabelMeaning, columns: list[Column]) -> list[str]:
    warnings, is_numeric = [], tasks.task(of.task).meaning.is_numeric
    for leak in leaks(train.sample, of.label, columns, is_numeric=is_numeric):
        next_best = max(leak.next_best, 0.0)
        score = (
            f"R² {leak.skill:.2f} alone, the next best feature {next_best:.2f}"
            if is_numeric
            else f"ROC AUC {(leak.skill + 1) / 2:.2f} alone, the next best feature {(next_best + 1) / 2:.2f}"
        )
        how = "decides" if leak.skill >= DECIDES else "predicts"
        warnings.append(
            f"{leak.column}: {how} the label alone, far better than any other feature ({score}): a possible "
            "leak; make sure that it is known when a prediction is made, or leave it out with data.drop"
        )
    return warnings


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"


def _unnamed(classes: list[str]) -> list[str]:
    """Returns warnings about classes that are named as a missing label is written."""
    return [
        f"{name!r} is a class of its own; if it stands for a missing label, remove its rows"
        for name in classes
        if folded(name) in _MISSING
    ]
