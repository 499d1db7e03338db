import json
import subprocess
import sys
import time

import pytest

from trimtab.cli import COMMANDS

HEAVY = ("tensorflow", "keras", "kfp", "numpy", "pydantic", "pyarrow")
PROBE = """
import json, sys
from trimtab.cli import main
try:
    main(json.loads(sys.argv[1]))
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], *[[name, "--help"] for name in COMMANDS]])
def test_help_imports_nothing_heavy(arguments):
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(arguments)], capture_output=True, text=True, check=True
    )
    assert "Usage: trimtab" in done.stdout
    modules = {name.partition(".")[0] for name in json.loads(done.stderr)}
    assert not modules & set(HEAVY)


def test_help_answers_at_once():
    seconds = []
    for _ in range(5):
        start = time.monotonic()
        subprocess.run([sys.executable, "-m", "trimtab", "run", "--help"], capture_output=True, check=True)
        seconds.append(time.monotonic() - start)
    # The best of a few: other work on the machine is not what this is about.
    assert min(seconds) < 0.3
