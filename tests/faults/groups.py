"""The groups of faults by name, each a module with ``run(size, directory, seed)``."""

from __future__ import annotations

GROUPS = {"killed": "faults.killed"}
