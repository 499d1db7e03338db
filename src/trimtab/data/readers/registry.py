"""Which reader reads a source."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.data.readers.archives import open_archive
from trimtab.data.readers.attached import AttachedFiles
from trimtab.data.readers.files import files_of, walk
from trimtab.data.readers.folded import FoldedLabels
from trimtab.data.readers.label import checked_masks, may_be_several
from trimtab.data.readers.mask_folder import is_mask_folder
from trimtab.data.readers.masks import LabelMasks
from trimtab.data.readers.several import SeveralLabels
from trimtab.data.readers.sklearn import SCHEME, SklearnReader
from trimtab.errors import DataError
from trimtab.home import expanded
from trimtab.registry import READERS, module
from trimtab.storage.objects.location import schemes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trimtab.config.data import Data
    from trimtab.data.readers.base import Format, Reader


def reader_for(source: str, config: Data) -> Reader:
    """Returns the reader of a source: by ``config.format``, else by its ending or the folder's content.

    Args:
        source: A file, a glob, a directory, a .zip of class folders, or ``sklearn://<name>``.
        config: The config's data section.

    Raises:
        DataError: If there is nothing at the source, or if no format fits.
    """
    reader: Reader = _of_format(source, config)
    if config.input_files:
        reader = AttachedFiles(reader)
    if checked_masks(config):
        return LabelMasks(reader)
    if config.label_spelling == "fold" and not isinstance(config.label, list):
        reader = FoldedLabels(reader)
    return SeveralLabels(reader) if any(map(may_be_several, config.each_label.values())) else reader


def _of_format(source: str, config: Data) -> Reader:
    if source.startswith(SCHEME):
        return SklearnReader()
    if "://" in source:
        raise DataError(f"expected a local path, {schemes()} or {SCHEME}<name>", path=source)
    has_masks = config.masks is not None and is_mask_folder(source)
    name = config.format or ("mask_folder" if has_masks else _infer(source))
    format_of: Format = module(READERS, name).FORMAT
    return format_of.reader()


def _infer(source: str) -> str:
    formats: dict[str, Format] = {name: module(READERS, name).FORMAT for name in READERS}
    of_files = {ending: name for name, each in formats.items() for ending in each.endings}
    of_members = {ending: name for name, each in formats.items() for ending in each.member_endings}
    endings, known = _present(source, tuple(of_files)), of_files | of_members
    counts = Counter[str]()
    for ending, count in endings.items():
        if ending in known:
            counts[known[ending]] += count
    if counts:
        return counts.most_common(1)[0][0]
    there = ", ".join(sorted(ending or "no ending" for ending in endings)) or "nothing"
    raise DataError(
        f"cannot tell the format from what is there ({there})",
        path=source,
        field="data.format",
        hint=f"Known formats: {', '.join(READERS)}; endings: {', '.join(sorted(known))}.",
    )


def _present(source: str, of_files: tuple[str, ...]) -> Counter[str]:
    """Returns the endings of the files that a source means, with how many have each."""
    path = expanded(source)
    if path.is_dir():
        return _endings(name for _, names in walk(path) for name in names)
    if path.suffix.lower() == ".zip" and path.is_file():
        return _endings(_members(path))
    return _endings(file.name for file in files_of(source, of_files))


def _endings(names: Iterable[str]) -> Counter[str]:
    return Counter(os.path.splitext(name)[1].lower() for name in names)  # noqa: PTH122 (ten times pathlib's speed)


def _members(path: Path) -> list[str]:
    return [name for name in open_archive(path).namelist() if not name.startswith("__MACOSX/")]
