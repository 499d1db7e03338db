"""Checkpoints: one checksummed file each, renamed into place whole, bound to the run that wrote it.

A file is ``magic, SHA-256 of the rest, length of the header, header (JSON), arrays (.npz)``. The two newest
are kept: when the newest is damaged, the one before it is used. A checkpoint of another run (other settings,
data or model) is never loaded: what differs is said, and training starts from the beginning.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.errors import ArtifactError
from trimtab.storage import atomic

MAGIC = b"trimtab checkpoint 1\n"
KEPT = 2
_PATTERN = "step-*.ckpt"


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run at one step.

    Attributes:
        meta: Everything that is not an array (JSON-able).
        arrays: Every variable's value by name.
    """

    meta: dict[str, Any]
    arrays: dict[str, np.ndarray]


class Checkpoints:
    """The checkpoints of one run in one directory.

    Args:
        directory: Where they are; created when missing.
        binding: What the run is: a checkpoint with another binding belongs to another run.
        say: Reports one line, when a checkpoint cannot be used.
        publish: Makes what is in the directory outlive this machine.
    """

    def __init__(
        self,
        directory: Path,
        binding: Mapping[str, str],
        say: Callable[[str], None],
        publish: Callable[[], None] = lambda: None,
    ) -> None:
        self._directory, self._binding, self._say = directory, dict(binding), say
        self._publish = publish

    def save(self, step: int, checkpoint: Checkpoint) -> None:
        """Writes the checkpoint of a step, removes all but the newest ones, and publishes what is left.

        Args:
            step: Steps done, over all epochs.
            checkpoint: The state after that step.
        """
        atomic.write_bytes(self._directory / f"step-{step:012d}.ckpt", encode(checkpoint, self._binding))
        for old in self._files()[KEPT:]:
            old.unlink()
        self._publish()

    def latest(self) -> Checkpoint | None:
        """Returns the newest checkpoint of this run that is whole, or None; all others are removed."""
        for leftover in self._directory.glob(f".{_PATTERN}.*.part"):
            leftover.unlink()
        checkpoint = None
        for file in self._files():
            usable = self._open(file) if checkpoint is None else None
            if usable is not None:
                checkpoint = usable
            elif checkpoint is None:
                file.unlink()
        return checkpoint

    def _open(self, file: Path) -> Checkpoint | None:
        try:
            checkpoint, binding = decode(file)
        except ArtifactError as error:
            self._say(f"checkpoint {file.name} is damaged and is left out: {error.message}")
            return None
        if binding != self._binding:
            differing = sorted(
                key
                for key in binding.keys() | self._binding.keys()
                if binding.get(key) != self._binding.get(key)
            )
            self._say(
                f"checkpoint {file.name} is of another run ({', '.join(differing)} differ) and is left out"
            )
            return None
        return checkpoint

    def _files(self) -> list[Path]:
        """Returns the files, the newest step first."""
        return sorted(self._directory.glob(_PATTERN), reverse=True)


def encode(checkpoint: Checkpoint, binding: Mapping[str, str]) -> bytes:
    """Returns the content of a checkpoint's file."""
    header = json.dumps({"binding": dict(binding), "meta": checkpoint.meta}).encode()
    arrays = io.BytesIO()
    np.savez(arrays, allow_pickle=False, **checkpoint.arrays)
    body = len(header).to_bytes(8, "little") + header + arrays.getbuffer()
    return MAGIC + hashlib.sha256(body).digest() + body


def decode(file: Path) -> tuple[Checkpoint, dict[str, str]]:
    """Returns the checkpoint in a file and its binding.

    Args:
        file: The file.

    Raises:
        ArtifactError: If the file is not whole, or not a checkpoint.
    """
    content = file.read_bytes()
    digest, body = content[len(MAGIC) : len(MAGIC) + 32], content[len(MAGIC) + 32 :]
    if not content.startswith(MAGIC) or hashlib.sha256(body).digest() != digest:
        raise ArtifactError("its SHA-256 is not the one that was written", path=str(file))
    end = 8 + int.from_bytes(body[:8], "little")
    try:
        header = json.loads(body[8:end])
        with np.load(io.BytesIO(body[end:]), allow_pickle=False) as arrays:
            return Checkpoint(header["meta"], dict(arrays)), header["binding"]
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ArtifactError("it was written by another version of trimtab", path=str(file)) from error
