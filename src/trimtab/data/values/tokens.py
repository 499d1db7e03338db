"""What the tokens of a text are, for statistics and for the encoder."""

from __future__ import annotations

import re

# Runs of letters and digits; scripts that are written without spaces character by character; every other
# visible character by itself.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]")


def tokenize(text: str) -> list[str]:
    """Returns the tokens of a text: lower-cased words, and punctuation marks one by one.

    >>> tokenize("It's 5 o'clock!")
    ['it', "'", 's', '5', 'o', "'", 'clock', '!']
    """
    return _TOKEN.findall(text.lower())
