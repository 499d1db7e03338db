"""``champion.json``: the version that is served, and every move of the pointer to it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from trimtab.storage.sealed import checksum_of

SCHEMA_VERSION = 1
"""Of the repository's own files: what an earlier trimtab cannot read raises it."""


class Promotion(BaseModel):
    """One move of the pointer.

    Attributes:
        version: What it points to since.
        at: UTC, ISO 8601.
        by: ``user@host``, or the id of a run on a cluster.
        action: What moved it: ``deploy``, ``promote`` or ``rollback``.
        forced: Whether it was to be promoted whatever was shown of it.
        reason: Why, in words; may be empty.
        selection: Checksum of the selection that the version came from; a retried deployment knows itself
            by it.

    What a newer trimtab adds is kept, as moves are written again with each new one.
    """

    model_config = ConfigDict(extra="allow")

    version: int
    at: str
    by: str
    action: str
    forced: bool = False
    reason: str = ""
    selection: str


class Champion(BaseModel):
    """``champion.json``: the version that is served.

    Attributes:
        version: Its number.
        previous: The version that it replaced; None for the first one.
        history: Every move of the pointer, the oldest first, this one included.
        moves_sha256: How many moves there are, and a checksum over them, as ``3:5f…``.
        schema_version: Of the file.
    """

    model_config = ConfigDict(extra="allow")

    version: int
    previous: int | None
    history: list[Promotion]
    moves_sha256: str = ""
    schema_version: int = Field(SCHEMA_VERSION, ge=1)

    @classmethod
    def after(cls, before: Champion | None, move: Promotion) -> Champion:
        """Returns what the pointer holds after a move.

        Args:
            before: What it held; None for the first champion.
            move: The move.
        """
        history = [*(before.history if before else []), move]
        return cls(
            version=move.version,
            previous=before.version if before else None,
            history=history,
            moves_sha256=checksum_of(history),
            **(before.model_extra or {} if before else {}),
        )

    @property
    def is_whole(self) -> bool:
        """Returns whether its parts say the same; one flipped bit would serve another version without a word.

        The last move is to the version, and the moves are those that were written; a trimtab that does not
        know of their checksum keeps the one of before, which is of fewer moves.
        """
        if not self.history:  # as where one version is served, whoever is the champion
            return self.previous is None and not self.moves_sha256
        versions = [move.version for move in self.history]
        if versions[-1:] != [self.version] or versions[-2:-1] != [self.previous][: len(versions) - 1]:
            return False
        count, _, _ = self.moves_sha256.partition(":")
        return count != str(len(self.history)) or self.moves_sha256 == checksum_of(self.history)

    def selection_of(self, version: int) -> str | None:
        """Returns the selection that a version had when it was last moved to, or None if it never was."""
        return next((move.selection for move in reversed(self.history) if move.version == version), None)
