"""Axes of charts: from values to pixels, and ticks at round numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Maps values between ``low`` and ``high`` to pixels between ``start`` and ``end``.

    Attributes:
        log: Whether equal ratios, not equal differences, are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Returns the pixel of a value, rounded to a tenth: files stay small and sharp."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(max(value, 1e-300))
        return round(self.start + (at - low) / (high - low) * (self.end - self.start), 1)

    def __contains__(self, value: float) -> bool:
        """Returns whether a value is on the axis."""
        return self.low <= value <= self.high

    def clamp(self, value: float) -> float:
        """Returns the value moved to the nearest end of the axis if it lies outside."""
        return min(max(value, self.low), self.high)

    def ticks(self, about: int = 5) -> list[tuple[float, str]]:
        """Returns round values on the axis with their pixels, as ``(pixel, text)``."""
        values = self._log_ticks() if self.log else self._linear_ticks(about)
        digits = 0 if self.log else max(0, -_exponent(self._step(about)))
        return [(self(v), f"{v:g}" if self.log else f"{v:,.{digits}f}") for v in values]

    def _linear_ticks(self, about: int) -> list[float]:
        step = self._step(about)
        return [index * step for index in self._multiples(step)]

    def _step(self, about: int) -> float:
        """Returns 1, 2 or 5 times a power of ten, for at most ``about`` steps, and at least one tick."""
        rough = (self.high - self.low) / about
        base = 10.0 ** math.floor(math.log10(rough))
        steps = [m * base for m in (0.5, 1, 2, 5, 10)]
        coarse = next(index for index, step in enumerate(steps) if step >= rough * (1 - 1e-9))
        # A short axis may lie between two multiples, such as 1 to 400,002 of 500,000.
        return steps[coarse] if self._multiples(steps[coarse]) else steps[coarse - 1]

    def _multiples(self, step: float) -> range:
        """Returns which multiples of a step are on the axis."""
        return range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)

    def _log_ticks(self) -> list[float]:
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        decades = len(exponents)
        steps = (1, 2, 5) if decades <= 4 else (1,)
        values = [m * 10.0**exponent for exponent in exponents for m in steps]
        return [value for value in values if self.low <= value <= self.high]


def _exponent(step: float) -> int:
    return math.floor(math.log10(step) + 1e-9)


def spread(values: list[float], margin: float, *, floor: float | None = None) -> tuple[float, float]:
    """Returns the ends of a linear axis that shows all values with some room around them.

    Args:
        values: What must be on the axis; at least one.
        margin: The room on either side, as a fraction of the values' range.
        floor: The axis never begins below this.
    """
    low, high = min(values), max(values)
    room = (high - low) * margin or abs(high) * margin or margin
    low, high = low - room, high + room
    return (max(low, floor), high) if floor is not None else (low, high)
