"""The stage that turns the user's files into a verified dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab import progress
from trimtab.config.data import Data
from trimtab.data.champion.drift import DriftReport, measure
from trimtab.data.champion.reference import Reference
from trimtab.data.prepare.prepare import PreparedSummary, prepare
from trimtab.data.prepare.sources import checksums
from trimtab.data.statistics.brief import brief_statistics
from trimtab.deploy.champion import Snapshot
from trimtab.stages.begin import begin, check_needs
from trimtab.stages.stage import recorded
from trimtab.storage import artifact

STAGE = "data_prep"


def run(
    *,
    config: str,
    run: str,
    dataset: str,
    recipes: Sequence[str] | None = None,
    champion: str | None = None,
) -> None:
    """Writes the dataset artifact.

    With a champion, new rows are held against its data: its schema is kept where it still holds, and drift is
    measured.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        dataset: Where to write the artifact.
        recipes: The ids of the recipes that the pipeline applies; None: it takes those of the config.
        champion: The ``champion`` artifact to read; None or an empty string: there is none.

    Raises:
        SystemExit: With code 2 if the data cannot be used; the reason is in the stage's record.
    """
    with recorded(STAGE, run) as record:
        resolved = begin(config, run, recipes)
        check_needs(resolved, retraining=bool(champion))
        reference = _reference(champion) if champion else None
        # Before the rows are read: what changes meanwhile is then found to be new the next time.
        sources = checksums(resolved.data)
        with artifact.create(dataset, "dataset") as draft:
            prepared = prepare(resolved.data, seed=resolved.seed, directory=draft.path, champion=reference)
            draft.counts, draft.lineage = dict(prepared.rows), _lineage(prepared, sources)
        limits = resolved.retrain.drift
        drift = measure(reference, prepared.schema, prepared.train, limits) if reference else None
        record.summary = {
            **_summary(prepared),
            "sources": {split: len(files) for split, files in sources.items()},
            "drift": drift.model_dump() if drift else None,
        }
        _tell(prepared, drift)


def _reference(champion: str) -> Reference | None:
    """Returns the data of the model in service: its training part's, else what it is served with, if any."""
    snapshot = Snapshot.open(champion)
    directory, record = snapshot.training or snapshot.deployment, snapshot.record
    if directory is None:
        return None
    return Reference.load(directory, Data.model_validate(record.data) if record else None)


def _lineage(prepared: PreparedSummary, sources: dict[str, dict[str, str]]) -> dict[str, Any]:
    return {
        "fingerprint": prepared.content.fingerprint,
        "content_rows": prepared.content.rows,
        "sources": sources,
        "warnings": prepared.warnings,
        "schema_changes": prepared.schema_changes,
        "sides_changed": prepared.sides_changed,
        "champion_rows": prepared.champion_rows,
    }


def _summary(prepared: PreparedSummary) -> dict[str, Any]:
    schema = prepared.schema
    return {
        "rows": prepared.rows,
        "task": schema.task,
        "label": schema.label,
        "classes": schema.classes,
        "class_counts": prepared.class_counts,
        "fingerprint": prepared.content.fingerprint,
        "warnings": prepared.warnings,
        "schema_changes": prepared.schema_changes,
        "columns": brief_statistics(schema.columns, prepared.train),
        "input_kind": schema.input.kind,
        "input_shape": list(schema.input.shape),
    }


def _tell(prepared: PreparedSummary, drift: DriftReport | None) -> None:
    spec = prepared.schema.input
    rows = ", ".join(f"{count:,} {name}" for name, count in prepared.rows.items())
    progress.say(STAGE, f"{rows}; input {spec.kind} {spec.shape}")
    for warning in prepared.warnings:
        progress.say(STAGE, f"warning: {warning}")
    for change in prepared.schema_changes:
        progress.say(STAGE, f"the schema has changed: {change}")
    for one in drift.drifted if drift else []:
        progress.say(STAGE, f"drift: {one.name}, {one.aspect}: PSI {one.psi:.2f}, {one.test}")
