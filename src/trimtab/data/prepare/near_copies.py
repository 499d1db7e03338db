"""Rows that are nearly the same as training rows, on another side: the split keeps exact copies together.

Each row gets a few signatures, of which near copies are likely to share one. *Numbers*: the standardized
values on a grid of a 100th of a standard deviation, and on the same grid moved by half a step, so that a
value at an edge of the one is inside the other; at least four columns of them, as fewer meet by chance.
*Images and audio*: which of neighbouring areas is brighter, beside and below, on a grid of 7 x 7 (dHash; N.
Krawetz, "Kind of Like That", 2013), by 2 % of an image's range or more, so that noise on an even ground says
nothing: of CIFAR-10's and MNIST's images 88 and 93 % keep it when made brighter, 64 and 86 % as JPEG.
*Text*: minhashes of its runs of three tokens, in bands of five (A. Broder, "On the resemblance and
containment of documents", 1997): texts that share nine tenths of their runs have a band in common in 97 % of
all cases, those that share half in 12 %.

Memory does not grow with the rows: signatures go to files by partition, at most 50,000 rows of a split are
looked up, and training is gone through file by file. What is found is a warning, and a lower limit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from trimtab.data.encoders.labels import Array

Signatures = npt.NDArray[np.uint64]
_STEP_SD, _LEAST_NUMBERS = 0.01, 4
_CELLS_AT_A_TIME = 1 << 18  # what they are on the way to a hash stays in the processor's cache
_AREAS, _BRIGHTER = 7, 0.02
_RUN, _BANDS, _BAND = 3, 4, 5
_LOOKED_UP = 50_000
_LEAST_FOUND, _LEAST_SHARE = 10, 0.01
_SEED = 0x7B1D


def signatures(x: Array, kind: str, numeric: int) -> Signatures | None:
    """Returns the signatures of rows, ``(n, k)``, or None where none would tell near copies from others.

    Args:
        x: Rows as they are stored, ``(n, *shape)``.
        kind: What they are, as in the schema's input.
        numeric: How many columns of numbers come first in a table's rows, standardized.
    """
    if kind == "text":
        return _of_texts(x)
    if kind in ("image", "audio"):
        return _of_pictures(x)
    return _of_numbers(x) if kind == "tabular" and numeric >= _LEAST_NUMBERS else None


class SignatureWriter:
    """Gathers the signatures of a partition's rows, and leaves them in files.

    Args:
        folder: Where the files go.
        place: The partition's place among those of its source.
        kind: What rows are, as in the schema's input.
        numeric: How many columns of standardized numbers they have.
        width: Only so many slots of a table's rows are compared; None: all.
    """

    def __init__(self, folder: Path, place: int, kind: str, numeric: int, width: int | None = None) -> None:
        self._folder, self._place, self._kind, self._numeric = folder, place, kind, numeric
        self._width = width
        self._parts: dict[str, list[Signatures]] = {"train": [], "test": []}

    def add(self, split: str, x: Array) -> None:
        """Adds rows that were written to a split, as they are stored, ``(n, *shape)``."""
        if split in self._parts and len(x):
            hashes = signatures(x[:, : self._width], self._kind, self._numeric)
            self._parts[split] += [] if hashes is None else [hashes]

    def close(self) -> None:
        """Writes what was gathered."""
        for split, parts in self._parts.items():
            if parts:
                np.save(self._folder / f"{split}-{self._place:05d}.npy", np.concatenate(parts))


def near_copies(folder: Path) -> tuple[int, int]:
    """Returns how many test rows share a signature with a training row, and of how many that were looked up.

    Args:
        folder: Where the files of signatures are, named after split and partition.
    """
    tests = [np.load(file) for file in sorted(folder.glob("test-*.npy"))]
    if not tests:
        return 0, 0
    wanted = np.concatenate(tests)
    wanted = wanted[:: -(-len(wanted) // _LOOKED_UP)]
    is_copy = np.zeros(len(wanted), bool)
    for file in sorted(folder.glob("train-*.npy")):
        known = np.load(file)
        for band in range(wanted.shape[1]):
            is_copy |= np.isin(wanted[:, band], known[:, band])
    return int(is_copy.sum()), len(is_copy)


def warning(copies: int, rows: int) -> list[str]:
    """Returns what people should know of near copies, where they are more than a few.

    Args:
        copies: Test rows that have one in training.
        rows: Test rows that were looked up.
    """
    if copies < _LEAST_FOUND or copies < _LEAST_SHARE * rows:
        return []
    return [
        f"{copies:,} of {rows:,} test rows ({copies / rows:.1%}) are nearly the same as training rows: the "
        "test takes them for new; data.group_by with what near copies have in common keeps them together"
    ]


def _of_numbers(x: Array) -> Signatures:
    step = max(1, _CELLS_AT_A_TIME // x.shape[1])
    return np.concatenate([_on_grids(x[start : start + step]) for start in range(0, len(x), step)])


def _on_grids(x: Array) -> Signatures:
    steps = x.astype(np.float64) / _STEP_SD
    grids = [np.floor(steps + offset).astype(np.int64).view(np.uint64) for offset in (0.0, 0.5)]
    return np.stack([_hashed(grid) for grid in grids], axis=1)


def _of_pictures(x: Array) -> Signatures:
    grey = x.reshape(*x.shape[:3], -1).astype(np.float32).mean(axis=3)
    rows, columns = (_edges(size) for size in grey.shape[1:])
    areas = np.add.reduceat(np.add.reduceat(grey, rows, axis=1), columns, axis=2)
    areas /= np.outer(_sizes(rows, grey.shape[1]), _sizes(columns, grey.shape[2])).astype(np.float32)
    least = _BRIGHTER * np.ptp(areas, axis=(1, 2), keepdims=True)
    beside = areas[:, :, 1:] - areas[:, :, :-1] > least
    below = areas[:, 1:] - areas[:, :-1] > least
    bits = np.packbits(
        np.concatenate([beside.reshape(len(x), -1), below.reshape(len(x), -1)], axis=1), axis=1
    )
    padded = np.zeros((len(x), -(-bits.shape[1] // 8) * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return _hashed(padded.view(np.uint64))[:, None]


def _edges(size: int) -> npt.NDArray[np.intp]:
    """Returns where areas of about the same size begin."""
    return np.unique(np.arange(_AREAS) * size // _AREAS)


def _sizes(edges: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.intp]:
    return np.diff(edges, append=size)


def _of_texts(x: Array) -> Signatures:
    tokens = x.astype(np.uint64)
    length = max(1, tokens.shape[1] - _RUN + 1)
    runs = np.zeros((len(tokens), length), np.uint64)
    for place in range(min(_RUN, tokens.shape[1])):
        runs = _mixed(runs * np.uint64(1_000_003) + tokens[:, place : place + length])
    padding = np.zeros((len(tokens), length), bool)
    padding[:, 1:] = tokens[:, 1:length] == 0  # a run that begins after the text's end
    seeds = np.random.default_rng(_SEED).integers(1, 2**63, (_BANDS, _BAND), np.uint64)
    bands = []
    for band in seeds:
        least = [np.where(padding, np.uint64(2**64 - 1), _mixed(runs ^ seed)).min(axis=1) for seed in band]
        bands.append(_hashed(np.stack(least, axis=1)))
    return np.stack(bands, axis=1)


def _hashed(words: Signatures) -> Signatures:
    """Returns one hash of each row of words, ``(n,)``: their sum, each times an odd number of its place."""
    places = _mixed(np.arange(1, words.shape[1] + 1, dtype=np.uint64)) | np.uint64(1)
    return _mixed(words @ places)


def _mixed(words: Signatures) -> Signatures:
    """Returns words whose every bit depends on all bits (the finalizer of SplitMix64)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
