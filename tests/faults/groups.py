"""The groups of faults by name, each a module with ``run(size, directory, seed)``."""

from __future__ import annotations

GROUPS = {
    "killed": "faults.killed",
    "at_rest": "faults.at_rest",
    "attacks": "faults.attacks",
    "inputs": "faults.inputs",
    "crowds": "faults.crowds",
}
