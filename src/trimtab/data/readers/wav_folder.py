"""Sound clips, a class a folder, in a directory or a .zip; they may differ in length, rate and channels."""

from __future__ import annotations

from trimtab.data.readers.base import Format
from trimtab.data.readers.folder import FolderReader

WAV_ENDINGS = (".wav", ".wave")


class WavFolderReader(FolderReader):
    """Reads the columns ``audio``, ``label`` and ``path``."""

    def __init__(self) -> None:
        super().__init__("audio", WAV_ENDINGS)


FORMAT = Format(WavFolderReader, member_endings=WAV_ENDINGS)
