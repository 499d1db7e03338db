"""How long clients of stores pause before they send a failed request again: not long, in tests."""

from __future__ import annotations

from trimtab.storage.objects.limits import DEFAULT


def shorten_pauses(seconds: float = 0.02) -> float:
    """Sets how long clients of this process pause, and returns how long they did."""
    before = DEFAULT.pause_seconds
    object.__setattr__(DEFAULT, "pause_seconds", seconds)  # frozen, and known to many modules by now
    return before
