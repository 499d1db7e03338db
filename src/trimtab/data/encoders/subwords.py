"""Words in pieces, for texts of which words say too little: many are seen once, or never in training.

Pieces are learnt by merging the pair of neighbours that occurs most often (byte-pair encoding: Sennrich et
al., "Neural Machine Translation of Rare Words with Subword Units", 2016), and a word is cut into the longest
that fit, from its start (WordPiece; Devlin et al., "BERT", 2019): what has to be kept is a vocabulary.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

INNER = "##"
"""Before a piece that begins inside a word. No token has two of these marks."""
_MOST_KNOWN = 1 << 16
_LONGEST = 64
"""Characters of a word beyond which it is cut no further."""
Pair = tuple[str, str]


def learnt(counts: Mapping[str, int], size: int) -> list[str]:
    """Returns a vocabulary of pieces: characters first, the most frequent ones, then what they are merged to.

    Args:
        counts: How often each word occurs.
        size: How many pieces there are at most.
    """
    words = [_characters(word) for word in counts]
    times = list(counts.values())
    characters: Counter[str] = Counter()
    for word, count in zip(words, times, strict=True):
        for piece in word:
            characters[piece] += count
    found = [piece for piece, _ in sorted(characters.items(), key=lambda item: (-item[1], item[0]))][:size]
    return list(dict.fromkeys([*found, *_merges(words, times, size - len(found))]))


def _characters(word: str) -> list[str]:
    return [word[:1], *(INNER + each for each in word[1:_LONGEST])]


def _merges(words: list[list[str]], times: Sequence[int], number: int) -> Iterator[str]:
    """Yields merged pieces, at most ``number``; ``words`` are merged in place."""
    pairs: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)
    for place, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += times[place]
            places[pair].add(place)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    while heap and number > 0:
        count, pair = heapq.heappop(heap)
        if -count != pairs[pair]:
            continue  # it was counted anew since, and stands elsewhere in the heap
        if pairs[pair] < 2:
            return
        changed: set[Pair] = set()
        for place in places.pop(pair):
            before = words[place]
            words[place] = _merged(before, pair)
            changed |= _count(pairs, places, place, before, -times[place])
            changed |= _count(pairs, places, place, words[place], times[place])
        for each in sorted(changed - {pair}):
            if pairs[each] > 0:
                heapq.heappush(heap, (-pairs[each], each))
        number -= 1
        yield _joined(pair)


def _count(
    pairs: Counter[Pair], places: defaultdict[Pair, set[int]], place: int, word: list[str], times: int
) -> set[Pair]:
    """Counts the pairs of a word, or takes them off, and returns them."""
    seen = list(pairwise(word))
    for pair in seen:
        pairs[pair] += times
        if times > 0:
            places[pair].add(place)
    return set(seen)


def _joined(pair: Pair) -> str:
    return pair[0] + pair[1].removeprefix(INNER)


def _merged(word: list[str], pair: Pair) -> list[str]:
    """Returns a word with each such pair as one piece."""
    out: list[str] = []
    for piece in word:
        if out and (out[-1], piece) == pair:
            out[-1] = _joined(pair)
        else:
            out.append(piece)
    return out


class Subwords:
    """Cuts words into the pieces of a vocabulary.

    Args:
        numbers: The number of each piece.
        unknown: That of a word with a character that no piece has.
    """

    def __init__(self, numbers: Mapping[str, int], unknown: int) -> None:
        self._numbers, self._unknown = numbers, [unknown]
        self._longest = max((len(piece.removeprefix(INNER)) for piece in numbers), default=1)
        self._known: dict[str, list[int]] = {}

    def numbers(self, word: str) -> list[int]:
        """Returns the numbers of a word's pieces."""
        found = self._known.get(word)
        if found is None:
            found = self._cut(word[:_LONGEST])
            if len(self._known) < _MOST_KNOWN:
                self._known[word] = found
        return found

    def _cut(self, word: str) -> list[int]:
        found, start = [], 0
        while start < len(word):
            for end in range(min(len(word), start + self._longest), start, -1):
                number = self._numbers.get((INNER if start else "") + word[start:end])
                if number is not None:
                    break
            else:
                return self._unknown
            found.append(number)
            start = end
        return found
