"""King and rook against king, Black to move: in how many moves White mates, of every position.

Computed by retrograde analysis (K. Thompson, "Retrograde Analysis of Certain Endgames", ICCA Journal, 1986);
the positions are those of M. Bain's data set "Chess (King-Rook vs. King)", 1994: one of all that are alike
by the board's symmetry.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_SIDE, _FILES = 8, "abcdefgh"
_STRAIGHT = ((1, 0), (-1, 0), (0, 1), (0, -1))
_AROUND = (*_STRAIGHT, (1, 1), (1, -1), (-1, 1), (-1, -1))
_DRAW = -1
Depths = NDArray[np.int64]
Board = NDArray[np.bool_]
# Positions are arrays by the squares of the white king, the white rook and the black king, (64, 64, 64).
_KING, _ROOK, _BLACK = np.ogrid[0:64, 0:64, 0:64]


def table() -> dict[str, list[str]]:
    """Returns the columns of all positions, with ``depth``: ``draw``, or White's moves until mate."""
    depths, legal = _depths()
    places = np.argwhere(legal & _canonical())
    columns = {}
    for name, squares in zip(("white_king", "white_rook", "black_king"), places.T, strict=True):
        columns[f"{name}_file"] = [_FILES[square % _SIDE] for square in squares]
        columns[f"{name}_rank"] = [str(square // _SIDE + 1) for square in squares]
    found = depths[tuple(places.T)]
    return {**columns, "depth": ["draw" if depth == _DRAW else f"in {depth}" for depth in found]}


def _depths() -> tuple[Depths, Board]:
    """Returns the moves until mate with Black to move, -1 where there is none, and which are legal."""
    attacked, near = _attacked(), _near()
    apart = (_KING != _ROOK) & (_ROOK != _BLACK) & (_KING != _BLACK)
    legal = apart & ~near[_KING, _BLACK]
    checked = attacked[_KING, _ROOK, _BLACK]
    escapes = [(to, inside & ~near[_KING, to]) for to, inside in _steps(_BLACK)]
    captures = np.zeros_like(legal)
    for to, may in escapes:
        captures |= may & (to == _ROOK) & ~near[_KING, _ROOK]
    flights = [(to, may & (to != _ROOK) & ~attacked[_KING, _ROOK, to]) for to, may in escapes]
    moves = sum((may.astype(int) for _, may in flights), np.zeros(legal.shape, int))
    depths = np.where(legal & checked & (moves == 0) & ~captures, 0, _DRAW)
    wins, depth = np.full(legal.shape, _DRAW), 0
    while (depths == depth).any():
        reached = legal & ~checked & (wins == _DRAW) & _white_can_reach(depths == depth, near)
        depth += 1
        wins[reached] = depth
        is_lost = legal & (moves > 0) & ~captures & (depths == _DRAW)
        for to, may in flights:
            is_lost &= ~may | (wins[_KING, _ROOK, to] != _DRAW)
        depths[is_lost] = depth
    return depths, legal


def _white_can_reach(wanted: Board, near: Board) -> Board:
    """Returns in which positions a move of White's leads to a wanted one, where Black moves."""
    found = np.zeros_like(wanted)
    for to, inside in _steps(_KING):
        found |= inside & (to != _ROOK) & ~near[to, _BLACK] & wanted[to, _ROOK, _BLACK]
    for rank, file in _STRAIGHT:
        free: Board = np.ones_like(wanted)
        for far in range(1, _SIDE):
            to, inside = _moved(_ROOK, far * rank, far * file)
            free = free & inside & (to != _KING) & (to != _BLACK)
            found |= free & wanted[_KING, to, _BLACK]
    return found


def _attacked() -> Board:
    """Returns which squares a rook attacks, with only the white king in its way: ``[king, rook, square]``."""
    king, rook = np.ogrid[0:64, 0:64]
    attacked = np.zeros((64, 64, 64), bool)
    for rank, file in _STRAIGHT:
        free: Board = np.ones((64, 64), bool)
        for far in range(1, _SIDE):
            to, inside = _moved(rook, far * rank, far * file)
            free = free & inside & (to != king)
            kings, rooks = np.nonzero(free)
            attacked[kings, rooks, to[0, rooks]] = True
    return attacked


def _near() -> Board:
    """Returns which squares are beside each other, or the same."""
    rank, file = np.divmod(np.arange(64), _SIDE)
    return np.maximum(abs(rank[:, None] - rank), abs(file[:, None] - file)) <= 1  # type: ignore[no-any-return]


def _steps(square: Depths) -> Iterator[tuple[Depths, Board]]:
    """Yields a king's squares after each step, and which of them are on the board."""
    for rank, file in _AROUND:
        yield _moved(square, rank, file)


def _moved(square: Depths, ranks: int, files: int) -> tuple[Depths, Board]:
    """Returns squares some way off, and which are on the board; those that are not are anywhere on it."""
    rank, file = square // _SIDE + ranks, square % _SIDE + files
    inside = (rank >= 0) & (rank < _SIDE) & (file >= 0) & (file < _SIDE)
    return np.where(inside, rank * _SIDE + file, 0), inside


def _canonical() -> Board:
    """Returns one of all positions that are alike: the white king in a triangle, and then the others."""

    def side(square: Depths) -> Depths:
        """Returns on which side of the diagonal a square is: 0 on it, 1 on the king's, -1 beyond."""
        return np.sign(square % _SIDE - square // _SIDE)

    triangle = (_KING % _SIDE < _SIDE // 2) & (side(_KING) >= 0)
    first = np.where(side(_BLACK) != 0, side(_BLACK), side(_ROOK))
    return triangle & ((side(_KING) > 0) | (first >= 0))  # type: ignore[no-any-return]
