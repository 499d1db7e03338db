"""Images and their masks, in two folders with files of the same names: ``images/`` and ``masks/``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa

from trimtab.data.readers.base import Format, Partition
from trimtab.data.readers.files import read_file, walk
from trimtab.data.readers.image_folder import IMAGE_ENDINGS
from trimtab.errors import DataError
from trimtab.home import expanded

if TYPE_CHECKING:
    from trimtab.config.data import Data

IMAGES, MASKS = "images", "masks"
_FILES_PER_PARTITION, _ROWS = 2048, 64
_MOST_NAMED = 5


def is_mask_folder(source: str) -> bool:
    """Returns whether a source is a directory with both folders."""
    path = expanded(source)
    return (path / IMAGES).is_dir() and (path / MASKS).is_dir()


class MaskFolderReader:
    """Reads the columns ``image`` and ``label`` (binary: the encoded files), and ``path`` of the image.

    The ending may differ: the mask of ``images/a/1.jpg`` is ``masks/a/1.png``.
    """

    def partitions(self, source: str, config: Data) -> list[Partition]:  # noqa: ARG002
        """See ``Reader``; units are images in sorted order.

        Raises:
            DataError: If an image has no mask, or a mask no image.
        """
        count = len(_pairs(source))
        starts = range(0, count, _FILES_PER_PARTITION)
        return [
            Partition(source, place, start, min(start + _FILES_PER_PARTITION, count))
            for place, start in enumerate(starts)
        ]

    def read(self, partition: Partition, config: Data) -> Iterator[pa.RecordBatch]:
        """See ``Reader``; a file that cannot be read is a null."""
        root = expanded(partition.source)
        pairs = _pairs(partition.source)[partition.start : partition.stop]
        for at in range(0, len(pairs), _ROWS):
            images, masks = zip(*pairs[at : at + _ROWS], strict=True)
            yield pa.RecordBatch.from_arrays(
                [
                    pa.array([read_file(root / name, config.limits) for name in images], pa.binary()),
                    pa.array([read_file(root / name, config.limits) for name in masks], pa.binary()),
                    pa.array(images, pa.string()),
                ],
                names=["image", "label", "path"],
            )


def _pairs(source: str) -> list[tuple[str, str]]:
    """Returns the names of every image and of its mask below the source, sorted."""
    root = expanded(source)
    if not is_mask_folder(source):
        raise DataError(
            f"expected a directory with the folders {IMAGES} and {MASKS}",
            path=source,
            hint="Or give a table with a column of each: data.inputs, and data.label for the masks.",
        )
    images, masks = (_by_stem(root / folder, source) for folder in (IMAGES, MASKS))
    for there, others, what in ((images, masks, "mask"), (masks, images, "image")):
        if alone := sorted(there[stem] for stem in there.keys() - others.keys()):
            more = f" and {len(alone) - _MOST_NAMED} more" if len(alone) > _MOST_NAMED else ""
            raise DataError(
                f"there is no {what} to {', '.join(alone[:_MOST_NAMED])}{more}",
                path=source,
                hint="A mask has the name of its image; the ending may differ.",
            )
    return [(images[stem], masks[stem]) for stem in sorted(images)]


def _by_stem(folder: Path, source: str) -> dict[str, str]:
    """Returns the files of a folder, ``images/a/1.jpg`` by ``a/1``."""
    found: dict[str, str] = {}
    for below, names in walk(folder):
        for name in names:
            path = (below / name).relative_to(folder).as_posix()
            if not name.lower().endswith(IMAGE_ENDINGS) or any(p.startswith(".") for p in path.split("/")):
                continue
            stem = str(PurePosixPath(path).with_suffix(""))
            if stem in found:
                raise DataError(
                    f"two files are called {stem}: {found[stem]} and {folder.name}/{path}", path=source
                )
            found[stem] = f"{folder.name}/{path}"
    if not found:
        raise DataError(f"expected images in the folder {folder.name}, found none", path=source)
    return found


FORMAT = Format(MaskFolderReader)
