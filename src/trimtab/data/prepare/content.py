"""The content of the sources: equal for equal rows, in whatever files and order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.data.prepare import split
from trimtab.data.prepare.fit import Fitted, fit
from trimtab.data.prepare.work import parts_of, workers_for
from trimtab.data.readers.remote import local_sources
from trimtab.data.schema import SPLITS

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.data.champion.reference import Reference


@dataclass(frozen=True)
class Content:
    """The content of the sources.

    Attributes:
        fingerprint: 64 hexadecimal digits.
        test: The same of the rows that are tested alone: the test split, or with folds all of them.
        rows: Rows by split, those among them that cannot be used.
    """

    fingerprint: str
    test: str
    rows: dict[str, int]


def content_of(fitted: Fitted, config: Data) -> Content:
    """Returns the content that the first pass found.

    Args:
        fitted: What the first pass found.
        config: The config's data section.
    """
    others = [name for name in (config.group_by, config.split.column) if name is not None]
    labels = [each.label for each in fitted.labels.values()] or [fitted.meaning.label]
    names = [*labels, *others, *fitted.meaning.names]
    whole = fitted.result.fingerprint
    rows = dict(zip(SPLITS, whole.rows, strict=True))
    tested = whole if fitted.rule.fold is None else whole.tested(_shared_out(config))
    return Content(whole.hexdigest(names), tested.hexdigest(names, ["test"]), rows)


def _shared_out(config: Data) -> list[str]:
    """Returns the splits whose rows one fold or another tests: those of a given split are in none."""
    given = split.sources(config)
    return [name for name in SPLITS if name == "train" or name not in given]


def fingerprint(config: Data, champion: Reference | None = None) -> Content:
    """Returns the content of the sources as ``trimtab.data.prepare.prepare`` finds it, and writes nothing.

    Args:
        config: The config's data section.
        champion: The data of the model in service, as for ``prepare``.

    Raises:
        DataError: If the sources cannot be read, or have no label or no input.
        StorageError: If data in Cloud Storage cannot be reached.
    """
    with local_sources(config.of_one_fold) as (local, _):
        parts = parts_of(local)
        with workers_for(parts, local) as workers:
            return content_of(fit(local, parts, workers, teller="check_data", champion=champion), local)
