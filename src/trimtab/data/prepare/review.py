"""What is said of the rows that were written: what was left out, and what makes their splits doubtful."""

from __future__ import annotations

from pathlib import Path

from trimtab.config.data import Data
from trimtab.data.dataset.origins import share_of_copies
from trimtab.data.prepare import split
from trimtab.data.prepare.fit_pass import FitResult
from trimtab.data.prepare.transform_pass import TransformResult
from trimtab.data.schema import SPLITS
from trimtab.errors import DataError

_MANY_FLAT, _MANY_COPIES = 0.1, 0.2


def too_many_unasked(config: Data, written: TransformResult) -> bool:
    """Returns whether asking the champion would cost more test rows than may be bad."""
    return written.unasked > config.max_bad_fraction * (written.rows["test"] + written.unasked)


def unasked(config: Data, written: TransformResult) -> list[str]:
    """Returns a warning where the model in service cannot read all test rows."""
    if not written.unasked:
        return []
    rows = f"{written.unasked:,} test rows cannot be read as the model in service takes them"
    return [f"{rows}: {'it is not asked' if too_many_unasked(config, written) else 'they were left out'}"]


def warnings(config: Data, fitted: FitResult, written: TransformResult, directory: Path) -> list[str]:
    """Returns warnings about what was written.

    Args:
        config: The config's data section.
        fitted: What the first pass found.
        written: What the second one wrote.
        directory: Where it was written.

    Raises:
        DataError: If a split is empty, or more rows cannot be used than may be left out.
    """
    _check_splits(config, written)
    return [
        *_bad_rows(config, fitted.rows, written),
        *_abnormal(config, written),
        *_uneven_shares(config, written),
        *_flat(written),
        *_copied(config, directory),
        *_in_the_gap(config, fitted.left_out),
    ]


def _check_splits(config: Data, written: TransformResult) -> None:
    for name in SPLITS:
        if not written.rows[name]:
            raise DataError(
                f"no rows are left for the {name} split",
                path=split.sources(config).get(name, config.train),
                hint="Give more rows, more and smaller groups, or other shares in data.split.",
            )


def _bad_rows(config: Data, rows: int, written: TransformResult) -> list[str]:
    if not written.bad:
        return []
    message = f"{written.bad:,} of {rows:,} rows cannot be used"
    named = "; ".join(written.reasons)
    if written.bad > config.max_bad_fraction * rows:
        raise DataError(
            f"{message}, data.max_bad_fraction allows {config.max_bad_fraction:.2%}: {named}",
            path=config.train,
            hint="Repair or remove them, or set data.max_bad_fraction.",
        )
    return [f"{message} and were left out: {named}"]


def _abnormal(config: Data, written: TransformResult) -> list[str]:
    if not written.abnormal:
        return []
    return [
        f"{written.abnormal:,} rows of data.train are not {config.normal}: they are left out, and not tested"
    ]


def _uneven_shares(config: Data, written: TransformResult) -> list[str]:
    """Returns a warning for each split whose share is far from the one asked for, as with few groups."""
    rows, shares = written.rows, {}
    if config.normal is not None:
        return []  # all rows that are not normal are tested
    if config.test is None:
        shares["test"] = (config.split.test, sum(rows.values()))
    if config.validation is None:
        shares["validation"] = (config.split.validation, rows["train"] + rows["validation"])
    why = "rows are few, or many of them are the same"
    if config.split.by == "time":
        why = f"many rows have the same {config.split.column}"
    elif config.group_by:
        why = f"the groups of {config.group_by} are few or uneven"
    return [
        f"the {name} split holds {rows[name] / whole:.0%} of its rows, not {share:.0%}: {why}"
        for name, (share, whole) in shares.items()
        if not share / 1.5 < rows[name] / whole < share * 1.5
    ]


def _flat(written: TransformResult) -> list[str]:
    rows = sum(written.rows.values())
    if written.flat < _MANY_FLAT * rows:
        return []
    return [
        f"{written.flat:,} of {rows:,} inputs are the same all over, such as an image of one colour: "
        "a model learns nothing of them; look at the files"
    ]


def _copied(config: Data, directory: Path) -> list[str]:
    """Returns a warning where many test rows are the same, as when a file was appended to itself."""
    share = share_of_copies(directory, "test")
    if share < _MANY_COPIES:
        return []
    counts = "the test counts an input once, however often it is there"
    if config.group_by is not None:
        counts = "the test counts a group once, but takes copies in two groups for two observations"
    return [f"about {share:.0%} of the test rows are copies of others: {counts}"]


def _in_the_gap(config: Data, rows: int) -> list[str]:
    if not rows:
        return []
    verb = "row is" if rows == 1 else "rows are"
    return [f"{rows:,} {verb} in no split: within the gap of {config.split.gap} before a later one"]
