"""What a run had selected before it was stopped: it holds, as what was deployed of it does."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.artifacts import selection
from trimtab.artifacts.record import read_records
from trimtab.artifacts.selection import SelectSummary
from trimtab.errors import ArtifactError


def before(run_uri: str, dataset: str, evaluations: Mapping[str, str], cpu: str) -> SelectSummary | None:
    """Returns what was decided of the same candidates on such a machine, or None.

    Latencies that were measured again could choose another one, beside what was deployed of the first.

    Args:
        run_uri: The URI of the run's directory.
        dataset: The reference of the dataset.
        evaluations: The references of the candidates, by id.
        cpu: The name of the CPU.
    """
    summaries = (record.read(SelectSummary) for record in read_records(run_uri) if record.stage == "select")
    decided = next(summaries, None)
    if decided is None or (decided.dataset, decided.evaluations, decided.cpu) != (dataset, evaluations, cpu):
        return None
    try:
        _, kept = selection.read(run_uri)
    except ArtifactError:
        return None
    return decided if (kept.chosen, kept.verdict) == (decided.chosen, decided.verdict) else None
