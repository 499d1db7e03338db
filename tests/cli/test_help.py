import json
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest

from trimtab.cli import COMMANDS

PROBE = """
import json, sys
from trimtab.cli import main
for name in sys.argv[1:]:
    try:
        main([name, "--help"] if name != "--help" else [name])
    except SystemExit as ended:
        print("ended with", ended.code)
    print(json.dumps([name, sorted(sys.modules)]), file=sys.stderr)
"""
HELPS = ["--help", *COMMANDS]


@pytest.fixture(scope="module")
def modules():
    """Returns what is imported when a help was shown, by command; each with what those before it had."""
    done = subprocess.run([sys.executable, "-c", PROBE, *HELPS], capture_output=True, text=True, check=True)
    assert done.stdout.count("Usage: trimtab") == done.stdout.count("ended with 0") == len(HELPS)
    return dict(map(json.loads, done.stderr.splitlines()))


@pytest.mark.parametrize("name", HELPS)
def test_help_imports_nothing_but_click(modules, name):
    """Which is why it answers at once: whatever else is installed takes a while to import."""
    modules = {name.partition(".")[0] for name in modules[name]}
    installed = {name for name in modules & set(packages_distributions()) if not name.startswith("_")}
    assert installed - {"trimtab"} == {"click"}
