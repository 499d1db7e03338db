"""Candidates as they were evaluated, opened from the content store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trimtab.artifacts import shard as shards
from trimtab.artifacts.evaluation import Evaluation, EvaluationLineage
from trimtab.artifacts.file import FileLineage, FileSummary
from trimtab.artifacts.shard import EVALUATED, Outcome
from trimtab.artifacts.store import ContentStore
from trimtab.config.budget import Budget
from trimtab.config.chains import BASELINE
from trimtab.errors import ModelError
from trimtab.evaluate.turns import Served
from trimtab.storage.artifact import Artifact


@dataclass(frozen=True)
class Entry:
    """A candidate that was evaluated.

    Attributes:
        ref: The reference of what was found of it.
        file_ref: The reference of its files.
        files: They themselves.
        examples: The directory of its scores and outputs.
        evaluation: What was found of it.
        dataset: The reference of the dataset on which that was.
    """

    ref: str
    file_ref: str
    files: Artifact
    examples: Path
    evaluation: Evaluation
    dataset: str

    @classmethod
    def open(cls, store: ContentStore, ref: str) -> Entry:
        """Returns the candidate of an evaluation's reference."""
        entry = store.open(ref)
        made_of = EvaluationLineage.model_validate(entry.lineage)
        evaluation = Evaluation.model_validate(entry.manifest.summary)
        return cls(ref, made_of.file, store.open(made_of.file), entry.path, evaluation, made_of.dataset)

    def served(self, limits: Budget) -> Served:
        """Returns the files as they are timed: by their runtime, with as many streams as the budget says."""
        return Served(self.evaluation.runtime, self.files.path, limits.streams_of(self.evaluation.runtime))

    @property
    def summary(self) -> FileSummary:
        """Returns what is known of the files."""
        return FileSummary.model_validate(self.files.manifest.summary)

    @property
    def model_ref(self) -> str:
        """Returns the reference of the model that the files were made from."""
        return FileLineage.model_validate(self.files.lineage).model


def entries(store: ContentStore, evaluations: Sequence[str]) -> tuple[dict[str, Entry], dict[str, str]]:
    """Returns every evaluated candidate by id, and why there is none of the others.

    Args:
        store: The content store.
        evaluations: The references of all shards' evaluations, in any order.

    Raises:
        ModelError: If the baseline is not among them.
    """
    outcomes: dict[str, Outcome] = {}
    for ref in evaluations:
        outcomes |= shards.read(store, EVALUATED, ref)
    entries = {name: Entry.open(store, outcome.ref) for name, outcome in outcomes.items() if outcome.ref}
    missing = {name: outcome.reason for name, outcome in outcomes.items() if not outcome.ref}
    if BASELINE not in entries:
        reason = missing.get(BASELINE, "it is missing among the evaluations")
        raise ModelError(f"the baseline cannot be judged: {reason}", field=BASELINE)
    return entries, missing
