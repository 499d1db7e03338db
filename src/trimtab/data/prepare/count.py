"""How many rows the test split will have, where counting them costs little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.data.prepare import split
from trimtab.data.prepare.executor import executor
from trimtab.data.prepare.fit import fit
from trimtab.data.prepare.work import is_small, parts_of
from trimtab.data.schema import SPLITS
from trimtab.storage.objects.location import is_remote

if TYPE_CHECKING:
    from trimtab.config.data import Data

_MOST_BYTES = 16 << 20


def test_rows(config: Data) -> tuple[str, int] | None:
    """Returns the task and the test rows, those among them that cannot be used; None of large sources.

    Args:
        config: The config's data section.

    Raises:
        DataError: If the sources cannot be read, or have no label or no input.
    """
    if any(is_remote(source) for source in split.sources(config).values()):
        return None
    parts = parts_of(config)
    if not is_small(parts, _MOST_BYTES):
        return None
    with executor(1, len(parts)) as workers:
        found = fit(config, parts, workers, teller="dry run")
    return found.meaning.task, found.found.fingerprint.rows[SPLITS.index("test")]
