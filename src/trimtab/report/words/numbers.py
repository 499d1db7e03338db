"""Numbers as people read them, the same on the terminal and in the HTML report."""

from __future__ import annotations

import math

from trimtab.artifacts.evaluation import HeadlineValue

ABSENT = "-"
_WRITTEN_DIGITS = 8
_ACRONYMS = {
    each.lower(): each for each in ("F1", "ROC", "AUC", "MAE", "MSE", "RMSE", "MAPE", "R2", "IoU", "NDCG")
}


def decimal(value: float | None, digits: int = 3) -> str:
    """Returns a number with so many significant digits, without an exponent where that reads well."""
    if value is None or not math.isfinite(value):
        return ABSENT
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = math.floor(math.log10(abs(rounded)))
    if not -5 < exponent < 7:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - exponent)}f}"


def percent(share: float | None, digits: int = 2) -> str:
    """Returns a fraction as a percentage: ``0.9722`` is ``97.22 %``."""
    return ABSENT if share is None or not math.isfinite(share) else f"{share * 100:.{digits}f} %"


def quality(headline: HeadlineValue | None) -> str:
    """Returns the value of the metric that a task is about."""
    if headline is None:
        return ABSENT
    return percent(headline.value) if headline.unit == "points" else decimal(headline.value, 4)


def heading(headline: HeadlineValue | None) -> str:
    """Returns the metric that a task is about, as a short heading: ``Accuracy``, ``MAE``."""
    if headline is None:
        return "Quality"
    short = metric(headline.metric)
    return short[:1].upper() + short[1:]


def metric(name: str) -> str:
    """Returns a metric's name as it is written: ``macro F1``, ``ROC AUC``, ``MAE``."""
    words = name.split("_")
    return " ".join(_ACRONYMS.get(word, word) for word in words)


def limit(value: float | None) -> str:
    """Returns a number that a person wrote, such as a budget, as written; a computed one is rounded."""
    if value is None:
        return ABSENT
    text = f"{value:,.10g}"
    digits = text.translate({ord(mark): None for mark in ".,"}).lstrip("0")
    return text if len(digits) <= _WRITTEN_DIGITS else decimal(value)


def points(share: float | None) -> str:
    """Returns a difference of two fractions in percentage points, such as ``0.28``."""
    if share is None or not math.isfinite(share):
        return ABSENT
    text = f"{share * 100:.2f}"
    return "0.00" if text == "-0.00" else text


def kilobytes(size_bytes: int | None) -> str:
    """Returns a size in units of 1,000 bytes, as the budget counts it."""
    return ABSENT if size_bytes is None else decimal(size_bytes / 1000)


def size(size_bytes: int | None) -> str:
    """Returns a size with the unit that fits it: B, kB, MB or GB, each 1,000 of the one before."""
    if size_bytes is None:
        return ABSENT
    value = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 999.5:
            return f"{value:.0f} B" if unit == "B" else f"{decimal(value)} {unit}"
        value /= 1000
    return f"{decimal(value)} GB"


def milliseconds(value: float | None) -> str:
    """Returns a time in milliseconds, without its unit."""
    return decimal(value)


def within(value: float | None, interval: tuple[float, float] | None) -> str:
    """Returns a time in milliseconds with its interval, where there is one: ``0.153 (0.150 to 0.157)``."""
    text = milliseconds(value)
    return f"{text} ({between(interval)})" if interval else text


def between(interval: tuple[float, float] | None) -> str:
    """Returns an interval in milliseconds, where there is one: ``0.150 to 0.157``."""
    return f"{milliseconds(interval[0])} to {milliseconds(interval[1])}" if interval else ""


def count(value: int | None) -> str:
    """Returns a count in thousands, millions or billions: ``78,666`` is ``78.7 k``."""
    if value is None:
        return ABSENT
    amount = float(value)
    for unit in ("", " k", " M"):
        if amount < 999.5:
            return (f"{amount:.0f}" if not unit else decimal(amount)) + unit
        amount /= 1000
    return f"{decimal(amount)} G"


def duration(seconds: float) -> str:
    """Returns a duration: ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
    return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60:02d} min"


def factor(before: float | None, after: float | None, less: str, more: str) -> str | None:
    """Returns how many times one cost is below another in words, such as ``3.9x smaller``.

    Args:
        before: The baseline's cost.
        after: The candidate's cost.
        less: The word for a lower cost, such as ``smaller``.
        more: The word for a higher cost, such as ``larger``.

    Returns:
        The words, or None when either cost is unknown or within 2 % of the other.
    """
    if not before or not after or max(before / after, after / before) < 1.02:
        return None
    times = before / after if before > after else after / before
    text = f"{times:.2f}" if times < 1.995 else f"{times:.1f}" if times < 99.5 else f"{times:,.0f}"
    return f"{text}x {less if before > after else more}"
