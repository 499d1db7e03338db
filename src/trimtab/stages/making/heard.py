"""What a rehearsal says as it goes, in a file: of a process that is killed, it tells what that was at."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

Part = Literal["steps", "ending"]
STEPS: Part = "steps"
ENDING: Part = "ending"


class Heard(BaseModel):
    """What is known of one candidate.

    Attributes:
        part: What it was at: the steps of its branch, or the files that it ends in.
        outcome: ``begins`` as long as it is at it; ``unsure``: it failed in a way that training may mend.
        reason: Why it fails.
        crash: The signal that ended the process that was at it; SIGKILL is what a lack of memory sends.
    """

    candidate: str
    part: Part
    outcome: Literal["begins", "works", "fails", "unsure"] = "begins"
    reason: str = ""
    crash: str = ""

    @property
    def has_failed(self) -> bool:
        """Returns whether it cannot be made."""
        return self.outcome == "fails" or self.crash not in ("", "SIGKILL")


def say(file: Path, heard: Heard) -> None:
    """Adds what is known by now."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(f"{heard.model_dump_json()}\n")


def hear(file: Path) -> dict[str, Heard]:
    """Returns the last that was said of each candidate; a line that was cut is left out."""
    heard: dict[str, Heard] = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        try:
            one = Heard.model_validate_json(line)
        except ValidationError:
            continue
        heard[one.candidate] = one
    return heard
