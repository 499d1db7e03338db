"""What LiteRT's converter says of a failure, in one sentence for people."""

from __future__ import annotations

import re


def reason(text: str) -> str:
    """Returns why a conversion failed, in one sentence.

    Args:
        text: The converter's error and whatever it wrote meanwhile.
    """
    listed = ",".join(re.findall(r"(?:Flex|Custom) ops: ([^\n]+)", text))
    named = re.findall(r"'tf\.(\w+)' op", text) if not listed else re.split(r"[,\s]+", listed)
    missing = sorted({name for name in named if name})
    if missing:
        return f"LiteRT has no built-in kernel for {', '.join(missing)}"
    first = next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
    return f"LiteRT cannot convert this model: {first[:300]}"
