"""Images, a class a folder, in a directory or a .zip; they may differ in size and mode."""

from __future__ import annotations

from trimtab.data.readers.base import Format
from trimtab.data.readers.folder import FolderReader

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")


class ImageFolderReader(FolderReader):
    """Reads the columns ``image``, ``label`` and ``path``."""

    def __init__(self) -> None:
        super().__init__("image", IMAGE_ENDINGS)


FORMAT = Format(ImageFolderReader, member_endings=IMAGE_ENDINGS)
