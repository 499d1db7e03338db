"""A toy stage: it counts the rows of the dataset. This is the work, as in the files of ``trimtab.stages``."""

from __future__ import annotations

from pydantic import BaseModel

from trimtab import progress
from trimtab.data.dataset.dataset import Dataset, files_of
from trimtab.errors import DataError
from trimtab.stages import settings
from trimtab.stages.stage import recorded

STAGE = "count_rows"


class Counted(BaseModel):
    """What is counted."""

    rows: int


def run(run_uri: str, dataset: str) -> str:
    """Counts the rows of all splits, and returns the dataset's key.

    Args:
        run_uri: The URI of the run's directory.
        dataset: The dataset's key.
    """
    with recorded(STAGE, run_uri) as task:
        rows = sum(Dataset.of(task.store.open(dataset, files_of(()))).rows.values())
        task.summarize(Counted(rows=rows))
        progress.say(STAGE, f"{rows} rows")
        if settings.of(run_uri).name == "refused":
            raise DataError("these rows are refused", field="data.train")
    return dataset
