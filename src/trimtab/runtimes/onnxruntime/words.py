"""What ONNX Runtime and the exporter say of a failure, in one sentence for people."""

from __future__ import annotations

import re


def reason(text: str) -> str:
    """Returns why a conversion or a run failed.

    Args:
        text: The library's error and whatever it wrote meanwhile.
    """
    missing = re.search(r"(?:No Op registered for|Could not find an implementation for) (\w+)", text)
    if missing:
        return f"ONNX Runtime has no operator for {missing.group(1)}"
    said = next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
    said = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", said)
    return f"ONNX Runtime cannot take this model: {said[:300]}"
