"""Which column the label is."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from trimtab.errors import DataError
from trimtab.tasks.registry import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trimtab.config.data import Data

LABEL_NAMES = ("label", "target", "class", "y")


def may_be_several(config: Data) -> bool:
    """Returns whether a row may have several labels, as a mask has several classes.

    Raises:
        DataError: If the config names several columns for a task that takes one.
    """
    if checked_masks(config):
        return True
    takes_several = config.task is None or task(config.task).meaning.takes_several
    if isinstance(config.label, list) and not takes_several:
        raise DataError(
            f"expected one column for data.task: {config.task}, found {len(config.label)}",
            path=config.train,
            field="data.label",
        )
    return isinstance(config.label, list) or (config.task is not None and takes_several)


def checked_masks(config: Data) -> bool:
    """Returns whether labels are masks.

    Raises:
        DataError: If the config says how masks are written for a task without, or does not for one with.
    """
    takes_masks = config.masks is not None if config.task is None else task(config.task).meaning.takes_masks
    if takes_masks == (config.masks is not None):
        return takes_masks
    if takes_masks:
        raise DataError(
            f"data.task: {config.task} learns from masks: which of their values are classes?",
            path=config.train,
            field="data.masks",
            hint="Set it to {} where pixels are the numbers of their classes, and to {binary: true} where "
            "they are 0 and 255.",
        )
    raise DataError(
        f"data.task: {config.task} does not learn from masks",
        path=config.train,
        field="data.masks",
        hint="Leave it out.",
    )


def normal_label(config: Data) -> str | None:
    """Returns the label of the rows that are trained on; None: all are.

    Raises:
        DataError: If the config names one for a task that trains on all rows.
    """
    if config.normal is not None and config.task and not task(config.task).meaning.trains_on_normal_rows:
        raise DataError(
            f"data.task: {config.task} trains on all rows, whatever is normal",
            path=config.train,
            field="data.normal",
            hint="Leave it out.",
        )
    return config.normal


def joined_name(columns: Sequence[str]) -> str:
    """Returns what to call several columns of labels as one."""
    return ", ".join(columns)


def labelled(names: Sequence[str], config: Data) -> dict[str, Data]:
    """Returns the column of each label, the first one's first, and the section as that label has it alone.

    The column is ``config.label``, else one named ``label``, ``target``, ``class`` or ``y``. Of several
    columns, it is the one that ``SeveralLabels`` makes of them.

    Args:
        names: The columns, as a reader gives them.
        config: The config's data section.

    Raises:
        DataError: If there is no such column.
    """
    return {
        _column(names, alone, f"data.labels.{name}" if config.labels else "data.label"): alone
        for name, alone in config.each_label.items()
    }


def label_columns(names: Sequence[str], config: Data) -> list[str]:
    """Returns the columns of all labels, see ``labelled``."""
    return list(labelled(names, config))


def label_column(names: Sequence[str], config: Data) -> str:
    """Returns the label's column; of several labels, the first one's, see ``labelled``."""
    return next(iter(labelled(names, config)))


def _column(names: Sequence[str], config: Data, field: str) -> str:
    if isinstance(config.label, list):
        return joined_name(config.label)
    if config.label is not None:
        check_known(config.label, names, field, config)
        return config.label
    for wanted in LABEL_NAMES:
        for name in names:
            if name.lower() == wanted:
                return name
    raise DataError(
        f"which column is the label? None is named {', '.join(LABEL_NAMES)}",
        path=config.train,
        field=field,
        hint=f"Set data.label to one of: {listed(names)}.",
    )


def check_known(name: str, names: Sequence[str], field: str, config: Data) -> None:
    """Checks that a column which the config names is there.

    Raises:
        DataError: If it is not; it names the nearest one.
    """
    if name in names:
        return
    near = difflib.get_close_matches(name.lower(), [known.lower() for known in names], n=1, cutoff=0.0)
    nearest = next(known for known in names if known.lower() == near[0]) if near else ""
    raise DataError(
        f"there is no column {name}; the nearest is {nearest}",
        path=config.train,
        field=field,
        hint=f"Columns: {listed(names)}.",
    )


def listed(names: Sequence[str]) -> str:
    """Returns names in words, the first thirty."""
    shown = ", ".join(names[:30])
    return shown if len(names) <= 30 else f"{shown} and {len(names) - 30} more"
