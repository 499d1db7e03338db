"""Whether a model may have been trained on rows that are test rows now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.data.reference import Reference
    from trimtab.data.schema import DatasetSchema


def sides_changed(champion: Reference, schema: DatasetSchema, config: Data) -> list[str]:
    """Returns why the champion may have been trained on rows that are test rows now; empty: it was not.

    The side of a row follows from its input columns, or its group, and the share of the test rows. While
    these are the same, or the share is smaller, no row that the champion was trained on is a test row,
    however many rows are added. A test split that is given is taken to be unseen, unless it is given for the
    first time: its rows may come from the file that the champion's splits were made of.

    Args:
        champion: The data of the model in service.
        schema: Of the new data.
        config: The config's data section.
    """
    if config.test is None:
        return list(_reasons(champion, schema, config))
    before = champion.settings
    return ["data.test was not given"] if before is not None and before.test is None else []


def warning(reasons: list[str]) -> list[str]:
    """Returns what people should know of it, if there is anything.

    Args:
        reasons: As ``sides_changed`` returns them.
    """
    if not reasons:
        return []
    return [
        f"rows have changed sides ({', '.join(reasons)}): the model in service may have been trained on some "
        "of the test rows, which favours it"
    ]


def _reasons(champion: Reference, schema: DatasetSchema, config: Data) -> Iterator[str]:
    before = champion.settings
    names = [{column.name for column in one.columns} for one in (champion.schema, schema)]
    if config.group_by is None and names[0] != names[1]:
        yield "the input columns have changed"
    if before is None:
        return
    if before.test is not None:
        yield "data.test was given"
    elif config.split.test > before.split.test:
        yield f"data.split.test was {before.split.test:g}"
    if config.group_by != before.group_by:
        yield f"data.group_by was {before.group_by or 'not set'}"
