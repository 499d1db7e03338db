"""The stage that turns the user's files into a verified dataset."""

from __future__ import annotations

from trimtab import progress
from trimtab.config.config import Config
from trimtab.data.brief import brief_statistics
from trimtab.data.dataset import SCHEMA_FILE
from trimtab.data.prepare import prepare
from trimtab.data.reference import Reference
from trimtab.data.sources import checksums
from trimtab.stages.stage import recorded
from trimtab.storage import artifact

STAGE = "data_prep"


def run(*, config: str, run: str, dataset: str, champion: str | None = None) -> None:
    """Writes the dataset artifact.

    With a champion, new rows are held against its data: its schema is kept where it still holds, and drift is
    measured.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        dataset: Where to write the artifact.
        champion: The ``champion`` artifact to read; None or an empty string: there is none.

    Raises:
        SystemExit: With code 2 if the data cannot be used; the reason is in the stage's record.
    """
    resolved = Config.model_validate_json(config)
    with recorded(STAGE, run) as record:
        reference = _reference(champion) if champion else None
        with artifact.create(dataset, "dataset") as draft:
            sources = checksums(resolved.data)
            prepared = prepare(resolved.data, seed=resolved.seed, directory=draft.path, champion=reference)
            draft.counts = dict(prepared.rows)
            draft.lineage = {
                "fingerprint": prepared.content.fingerprint,
                "content_rows": prepared.content.rows,
                "sources": sources,
                "warnings": prepared.warnings,
                "schema_changes": prepared.schema_changes,
                "champion_rows": prepared.champion_rows,
            }
        schema = prepared.schema
        record.summary = {
            "rows": prepared.rows,
            "task": schema.task,
            "label": schema.label,
            "classes": schema.classes,
            "class_counts": prepared.class_counts,
            "fingerprint": prepared.content.fingerprint,
            "warnings": prepared.warnings,
            "schema_changes": prepared.schema_changes,
            "sources": {split: len(files) for split, files in sources.items()},
            "columns": brief_statistics(schema.columns, prepared.train),
            "input_kind": schema.input.kind,
            "input_shape": list(schema.input.shape),
        }
        rows = ", ".join(f"{count:,} {name}" for name, count in prepared.rows.items())
        progress.say(STAGE, f"{rows}; input {schema.input.kind} {schema.input.shape}")
        for warning in prepared.warnings:
            progress.say(STAGE, f"warning: {warning}")
        for change in prepared.schema_changes:
            progress.say(STAGE, f"the schema has changed: {change}")


def _reference(champion: str) -> Reference | None:
    """Returns the data of the model in service: its training part's, else what it is served with, if any."""
    path = artifact.load(champion, "champion").path
    found = [path / name for name in ("training", "deployment") if (path / name / SCHEMA_FILE).is_file()]
    return Reference.load(found[0]) if found else None
