"""What OpenVINO says of a failure, in one sentence for people."""

from __future__ import annotations

import re


def reason(text: str) -> str:
    """Returns why a conversion or a run failed.

    Args:
        text: The library's error and whatever it wrote meanwhile.
    """
    missing = re.search(r"No conversion rule found for operations: ([^\n]+)", text)
    if missing:
        return f"OpenVINO has no operation for {missing.group(1).strip()}"
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith(("Exception from", "Check '"))]
    return f"OpenVINO cannot take this model: {(said or ['no reason given'])[0][:300]}"
