"""The fingerprint of a source: equal for equal rows, whatever their order and their partitions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from trimtab.data.prepare.split import Sides
from trimtab.data.schema import SPLITS
from trimtab.data.values.hashing import DIGEST_BYTES, Digests

_MODULUS = 1 << (8 * DIGEST_BYTES)


@dataclass
class Fingerprint:
    """The sum, modulo 2^256, of the digests of the rows of each split, and how many rows there are.

    A sum counts duplicates, where an exclusive or would cancel them (M. Bellare and D. Micciancio, "A New
    Paradigm for Collision-Free Hashing", EUROCRYPT 1997: AdHash). It finds changes; it is no seal against
    forgers.
    """

    sums: list[int] = field(default_factory=lambda: [0] * len(SPLITS))
    rows: list[int] = field(default_factory=lambda: [0] * len(SPLITS))

    def add(self, digests: Digests, sides: Sides) -> None:
        """Adds rows.

        Args:
            digests: The digests of whole rows, label and all, ``(rows, 32)``.
            sides: The split of every row, as an index into ``SPLITS``.
        """
        for side in range(len(SPLITS)):
            chosen = np.ascontiguousarray(digests[sides == side])
            words = chosen.view("<u4").sum(axis=0, dtype=np.uint64)
            total = sum(int(word) << (32 * place) for place, word in enumerate(words))
            self.sums[side] = (self.sums[side] + total) % _MODULUS
            self.rows[side] += len(chosen)

    def merge(self, other: Fingerprint) -> Fingerprint:
        """Returns the fingerprint of both sets of rows."""
        return Fingerprint(
            [(a + b) % _MODULUS for a, b in zip(self.sums, other.sums, strict=True)],
            [a + b for a, b in zip(self.rows, other.rows, strict=True)],
        )

    def tested(self, splits: Sequence[str]) -> Fingerprint:
        """Returns the fingerprint of a test split that has the rows of several."""
        places = [SPLITS.index(name) for name in splits]
        total, rows = sum(self.sums[place] for place in places), sum(self.rows[place] for place in places)
        return Fingerprint([0, 0, total % _MODULUS], [0, 0, rows])

    def hexdigest(self, names: Iterable[str], splits: Sequence[str] = SPLITS) -> str:
        """Returns the fingerprint as 64 hexadecimal digits.

        Args:
            names: The names of the columns that were hashed.
            splits: The splits whose rows count.
        """
        per_split = zip(SPLITS, self.rows, self.sums, strict=True)
        lines = [f"{split} {count} {total:064x}" for split, count, total in per_split if split in splits]
        return hashlib.sha256("\n".join([*sorted(names), *lines]).encode()).hexdigest()
