"""Which reader reads a source."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from trimtab.config.data import Format
from trimtab.data.readers.archives import open_archive
from trimtab.data.readers.csv import CsvReader
from trimtab.data.readers.files import files_of, walk
from trimtab.data.readers.image_folder import IMAGE_ENDINGS, ImageFolderReader
from trimtab.data.readers.npz import NpzReader
from trimtab.data.readers.parquet import ParquetReader
from trimtab.data.readers.sklearn import SCHEME, SklearnReader
from trimtab.data.readers.wav_folder import WAV_ENDINGS, WavFolderReader
from trimtab.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trimtab.config.data import Data
    from trimtab.data.readers.base import Reader

READERS: dict[Format, Callable[[], Reader]] = {
    "csv": CsvReader,
    "parquet": ParquetReader,
    "npz": NpzReader,
    "image_folder": ImageFolderReader,
    "wav_folder": WavFolderReader,
    "sklearn": SklearnReader,
}
_FILE_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".npz": "npz",
}
_FOLDER_ENDINGS: dict[str, Format] = {
    **dict.fromkeys(IMAGE_ENDINGS, "image_folder"),
    **dict.fromkeys(WAV_ENDINGS, "wav_folder"),
}


def reader_for(source: str, config: Data) -> Reader:
    """Returns the reader of a source: by ``config.format``, else by its ending or the folder's content.

    Args:
        source: A file, a glob, a directory, a .zip of class folders, or ``sklearn://<name>``.
        config: The config's data section.

    Raises:
        DataError: If there is nothing at the source, or if no format fits.
    """
    if source.startswith(SCHEME):
        return SklearnReader()
    if "://" in source:
        raise DataError(f"expected a local path, gs:// or {SCHEME}<name>", path=source)
    return READERS[config.format or _infer(source)]()


def _infer(source: str) -> Format:
    path = Path(source).expanduser()
    if path.is_dir():
        endings = _endings(name for _, names in walk(path) for name in names)
    elif path.suffix.lower() == ".zip" and path.is_file():
        endings = _endings(_members(path))
    else:
        endings = _endings(file.name for file in files_of(source, tuple(_FILE_ENDINGS)))
    known = {**_FILE_ENDINGS, **_FOLDER_ENDINGS}
    formats = Counter[Format]()
    for ending, count in endings.items():
        if ending in known:
            formats[known[ending]] += count
    if formats:
        return formats.most_common(1)[0][0]
    found = ", ".join(sorted(ending or "no ending" for ending in endings)) or "nothing"
    raise DataError(
        f"cannot tell the format from what is there ({found})",
        path=source,
        field="data.format",
        hint=f"Known formats: {', '.join(get_args(Format))}; endings: {', '.join(sorted(known))}.",
    )


def _endings(names: Iterable[str]) -> Counter[str]:
    return Counter(os.path.splitext(name)[1].lower() for name in names)  # noqa: PTH122 (ten times pathlib's speed)


def _members(path: Path) -> list[str]:
    return [name for name in open_archive(path).namelist() if not name.startswith("__MACOSX/")]
