"""Runs groups of faults and prints a line of JSON for each: ``python -m faults [--size full] [GROUP ...]``.

Exits with 1 if anything happened that must not; what, goes to standard error, and how far it is. Ctrl-C and
SIGTERM end it, with all that it started.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from faults.groups import GROUPS


def main() -> int:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all by default")
    parser.add_argument("--size", choices=("small", "full"), default="full")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a directory for what is made; else it is removed")
    given = parser.parse_args()
    if unknown := set(given.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _end)
    clean, before = True, os.environ.get("TMPDIR")
    for name in given.groups or GROUPS:
        with tempfile.TemporaryDirectory(prefix=f"faults-{name}-", ignore_cleanup_errors=True) as temporary:
            place = given.keep / name if given.keep else Path(temporary)
            place.mkdir(parents=True, exist_ok=True)
            os.environ["TMPDIR"] = tempfile.tempdir = temporary  # what is left there goes with it
            tally = import_module(GROUPS[name]).run(given.size, place, given.seed)
        _put_back(before)
        print(tally.line(), flush=True)
        for example in tally.examples:
            print(f"  {name}: {example}", file=sys.stderr, flush=True)
        clean = clean and tally.is_clean
    return 0 if clean else 1


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _put_back(temporary: str | None) -> None:
    """Lets temporary files be where they were before a group."""
    tempfile.tempdir = None
    if temporary is None:
        del os.environ["TMPDIR"]
    else:
        os.environ["TMPDIR"] = temporary


if __name__ == "__main__":
    sys.exit(main())
