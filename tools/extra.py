"""Prints what an extra of this project asks for, or what its build does, as a requirements file.

Usage: extra.py NAME, or extra.py build-system
"""

import sys
import tomllib
from pathlib import Path

pyproject = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
asked = {
    **pyproject["project"]["optional-dependencies"],
    "build-system": pyproject["build-system"]["requires"],
}
print("\n".join(asked[sys.argv[1]]))
