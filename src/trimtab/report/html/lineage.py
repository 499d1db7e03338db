"""What the deployed model was made from, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trimtab.report.html.rows import recipe_text
from trimtab.report.records.evidence import Evidence
from trimtab.report.result import Result
from trimtab.report.words.verdict import find_candidate


@dataclass(frozen=True)
class Origin:
    """One step on the way from the data to what ships.

    Attributes:
        what: What it is, for people.
        detail: What was done.
        digest: What tells it from any other; empty: nothing does.
    """

    what: str
    detail: str
    digest: str = ""


def origins(result: Result, evidence: Evidence) -> list[Origin]:
    """Returns the way from the data to the deployed version, as far as the run came."""
    return list(_origins(result, evidence))


def _origins(result: Result, evidence: Evidence) -> Iterator[Origin]:
    data, lineage = result.data, evidence.lineage
    if data is not None:
        rows = ", ".join(f"{count:,} {split}" for split, count in data.rows.items())
        yield Origin("Data", f"{rows} rows, told by their content", data.fingerprint)
    if evidence.weights_sha256:
        start = result.retrain.start if result.retrain and result.retrain.start else ""
        yield Origin("Trained weights", f"started from {start}" if start else "", evidence.weights_sha256)
    chosen = find_candidate(result, result.chosen)
    if chosen is not None:
        *steps, ending, _ = chosen.recipe
        detail = recipe_text(steps) if steps else "as it was trained"
        yield Origin("Keras model", detail, lineage.model if lineage else "")
        runs_on = f"{lineage.runtime} {lineage.runtime_version}".strip() if lineage else chosen.runtime
        yield Origin("Model file", f"{recipe_text([ending])}, for {runs_on}", lineage.file if lineage else "")
    if result.deployed:
        yield Origin(f"Version {evidence.version}".strip(), "deployed at", result.deployed)
