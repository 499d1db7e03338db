"""The commands that make a run again, or check what came of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from trimtab.report.result import Result


@dataclass(frozen=True)
class Command:
    """A line for a shell, and what it does."""

    meaning: str
    line: str


def commands(result: Result) -> list[Command]:
    """Returns the commands that a reader may want to type, each as it can be copied.

    Args:
        result: The outcome of the run; of one without a report's place, nothing can be said.
    """
    directory = (result.report or "").removesuffix("/report.html")
    if not directory or not result.config:
        return []
    output = directory.rpartition("/")[0] or "."
    pipeline = "retrain" if result.retrain else "run"
    again = _line("trimtab", pipeline, f"{directory}/config.json", "--output", output)
    lines = [Command("The same run again, from its resolved config", again)]
    if result.deployed:
        target, _, version = result.deployed.rstrip("/").rpartition("/")
        verify = _line("trimtab", "verify", target, "--version", version)
        lines.append(
            Command("Compute every number of the claim again, from the deployed version alone", verify)
        )
    return [*lines, Command("This outcome on the terminal", _line("trimtab", "report", directory))]


def _line(*words: str) -> str:
    return shlex.join(words)
