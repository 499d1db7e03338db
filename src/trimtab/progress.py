"""Progress for people who watch a run: on a laptop through the CLI, on a cluster in the pod's log."""

from __future__ import annotations

import sys

PREFIX = "trimtab | "


def say(stage: str, text: str) -> None:
    """Prints one line of progress to standard error.

    Args:
        stage: The stage, and the recipe or candidate it works on, such as ``prune channels-0.5``.
        text: What happened, such as ``epoch 3/20  loss 0.214  val_accuracy 0.951``.
    """
    sys.stderr.write(f"{PREFIX}{stage} | {text}\n")
    sys.stderr.flush()


def show(seconds: float, stage: str, text: str) -> None:
    """Shows one line of progress on the terminal of a person who follows a run.

    Args:
        seconds: How long the run has gone on.
        stage: As for ``say``.
        text: As for ``say``.
    """
    sys.stderr.write(line(seconds, stage, text))
    sys.stderr.flush()


def line(seconds: float, stage: str, text: str) -> str:
    """Returns a line of progress as the terminal shows it, with the minutes and seconds in front."""
    return f"{int(seconds) // 60:3d}:{int(seconds) % 60:02d}  {stage:<28}  {text}\n"
