"""Images, a class a folder, in a directory or a .zip; they may differ in size and mode."""

from __future__ import annotations

from importlib.util import find_spec

from trimtab.data.readers.base import Format
from trimtab.data.readers.folder import FolderReader

HAS_HEIF = find_spec("pillow_heif") is not None
_COMMON = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm", ".avif", ".jp2")
IMAGE_ENDINGS = (*_COMMON, ".heic", ".heif") if HAS_HEIF else _COMMON


class ImageFolderReader(FolderReader):
    """Reads the columns ``image``, ``label`` and ``path``."""

    def __init__(self) -> None:
        super().__init__("image", IMAGE_ENDINGS)


FORMAT = Format(ImageFolderReader, member_endings=IMAGE_ENDINGS)
