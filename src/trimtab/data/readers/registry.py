"""Which reader reads a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.data.readers.base import Reader


def reader_for(source: str, config: Data) -> Reader:
    """Returns the reader of a source: by ``config.format``, else by its ending or the folder's content.

    Raises:
        DataError: If there is nothing at the source, or if no format fits.
    """
    raise NotImplementedError
