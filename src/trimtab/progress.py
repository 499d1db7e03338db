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
