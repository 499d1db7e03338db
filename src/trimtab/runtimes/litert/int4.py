"""Weights in 4 bits, and what LiteRT has operators for: embeddings by blocks, kernels by output channel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from trimtab.errors import CompressionError
from trimtab.runtimes.litert import edge
from trimtab.runtimes.litert.flatbuffer import int4_constants
from trimtab.runtimes.litert.lookups import Lookup, with_lookups
from trimtab.runtimes.litert.params import LiteRTInt4

_LOOKUP = "EMBEDDING_LOOKUP"
_BLOCK = 32
"""Of a row that has such blocks: 4.5 bits a weight. A scale for a row takes 12 bytes."""


def int4(content: bytes, asked: LiteRTInt4, name: str) -> bytes:
    """Returns a float flatbuffer with weights in 4 bits.

    Args:
        content: The flatbuffer, with a signature.
        asked: Which weights, and what is computed in.
        name: The model's or the file's, for messages.

    Raises:
        CompressionError: If the quantizer is not installed or cannot take the file, or if no weight has 4
            bits after it.
    """
    edge.check_installed("int4", name)
    rewritten, lookups = with_lookups(content)
    made = edge.weights_only(rewritten, list(_rules(asked, lookups)), name)
    if not int4_constants(made):
        what = "embedding" if asked.weights == "embeddings" else f"kernel of {edge.LEAST_WEIGHTS:,} weights"
        raise CompressionError(f"the model has no {what} that 4 bits could hold", field=name)
    return made


def _rules(asked: LiteRTInt4, lookups: list[Lookup]) -> Iterator[dict[str, Any]]:
    is_float = asked.activations == "float"
    yield edge.rule(8 if asked.weights == "embeddings" else 4, is_float=is_float)
    # What reads a table brings its rows to floats itself: with an operator for that, it would be all rows.
    yield edge.rule(4, operation=_LOOKUP, least=0)
    for lookup in lookups:
        if lookup.width % _BLOCK == 0:
            outputs = f"^{re.escape(lookup.output)}"
            yield edge.rule(4, f"BLOCKWISE_{_BLOCK}", operation=_LOOKUP, outputs=outputs, least=0)
