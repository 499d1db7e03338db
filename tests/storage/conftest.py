"""Cloud Storage, emulated."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from faults.fixtures import emulator, hasty, proxy

__all__ = ["emulator", "hasty", "proxy"]
