import json
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest

from trimtab.cli import COMMANDS

PROBE = """
import json, sys
from trimtab.cli import main
try:
    main(json.loads(sys.argv[1]))
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], *[[name, "--help"] for name in COMMANDS]])
def test_help_imports_nothing_but_click(arguments):
    """Which is why it answers at once: whatever else is installed takes a while to import."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(arguments)], capture_output=True, text=True, check=True
    )
    assert "Usage: trimtab" in done.stdout
    modules = {name.partition(".")[0] for name in json.loads(done.stderr)}
    installed = {name for name in modules & set(packages_distributions()) if not name.startswith("_")}
    assert installed - {"trimtab"} == {"click"}
