"""The endgame is the one that is published: as many positions of each depth."""

from __future__ import annotations

from collections import Counter

_PUBLISHED = [27, 78, 246, 81, 198, 471, 592, 683, 1433, 1712, 1985, 2854, 3597, 4194, 4553, 2166, 390]
"""Of depth 0 to 16 in Bain's data set; 2,796 are drawn."""


def test_as_many_positions_are_of_each_depth_as_published(benchmark):
    table = benchmark("chess_krk").table()
    expected = {"draw": 2796, **{f"in {depth}": count for depth, count in enumerate(_PUBLISHED)}}
    assert Counter(table.pop("depth")) == expected
    rows = set(zip(*table.values(), strict=True))
    assert len(rows) == sum(expected.values())
    assert all(rank in "12345678" for rank in table["black_king_rank"])
