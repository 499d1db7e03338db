"""Pieces of words, learnt and cut."""

from __future__ import annotations

from trimtab.data.encoders import subwords

COUNTS = {"low": 5, "lower": 2, "newest": 6, "widest": 3}


def test_frequent_neighbours_become_pieces() -> None:
    """The example of Sennrich et al. 2016: `es` and `est` are merged first."""
    pieces = subwords.learnt(COUNTS, 100)
    assert pieces[:4] == ["##e", "##w", "##s", "##t"]
    assert pieces[11:15] == ["##es", "##est", "##ow", "low"]
    assert {"low", "newest", "widest", "lower"} <= set(pieces)
    assert pieces == subwords.learnt(dict(reversed(COUNTS.items())), 100)


def test_a_vocabulary_is_as_large_as_may_be() -> None:
    assert subwords.learnt(COUNTS, 14) == subwords.learnt(COUNTS, 100)[:14]
    assert subwords.learnt(COUNTS, 3) == subwords.learnt(COUNTS, 100)[:3]
    assert subwords.learnt({}, 3) == []


def test_a_word_is_cut_into_the_longest_pieces_that_fit() -> None:
    cut = subwords.Subwords({"low": 2, "##est": 3, "##e": 4, "##s": 5, "##t": 6, "l": 7}, 1)
    assert cut.numbers("lowest") == [2, 3]
    assert cut.numbers("lest") == [7, 3]
    assert cut.numbers("lset") == [7, 5, 4, 6]
    assert cut.numbers("lowly") == [1], "a character that no piece has"
    assert cut.numbers("lowest") == [2, 3]


def test_a_word_without_end_is_cut_off() -> None:
    cut = subwords.Subwords({"a": 2, "##a": 3}, 1)
    assert cut.numbers("a" * 10_000) == [2, *[3] * 63]
