"""Runs groups of faults and prints a line of JSON for each: ``python -m faults [--size full] [GROUP ...]``.

Exits with 1 if anything happened that must not; what, goes to standard error.
"""

from __future__ import annotations

import argparse
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
    clean = True
    for name in given.groups or GROUPS:
        with tempfile.TemporaryDirectory(prefix=f"faults-{name}-", ignore_cleanup_errors=True) as temporary:
            place = given.keep / name if given.keep else Path(temporary)
            place.mkdir(parents=True, exist_ok=True)
            tally = import_module(GROUPS[name]).run(given.size, place, given.seed)
        print(tally.line(), flush=True)
        for example in tally.examples:
            print(f"  {name}: {example}", file=sys.stderr, flush=True)
        clean = clean and tally.is_clean
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
