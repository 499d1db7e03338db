"""What TensorBoard's HParams page shows of a search."""

from __future__ import annotations

import time
from pathlib import Path

from trimtab.events import file
from trimtab.events.session import session
from trimtab.tune.journal import Entry

PREFIX = "trial/"


def write_trial(directory: Path, entry: Entry, objective: str) -> None:
    """Writes one trial; what an earlier attempt wrote is replaced.

    Args:
        directory: The directory of this trial's logs.
        entry: How the trial ended.
        objective: The objective's name.
    """
    end = time.time()
    metrics = {} if entry.score is None else {objective: entry.score}
    # Columns of candidates come first by their names, and TensorBoard shows the first five.
    values = {f"{PREFIX}{name}": value for name, value in entry.values.items()}
    row = session("trials", values, metrics, began=end - entry.seconds, ended=end, ok=entry.score is not None)
    file.replace(directory, row)
