"""The stage that turns the user's files into a verified dataset."""

from __future__ import annotations

from trimtab import progress
from trimtab.config.config import Config
from trimtab.data.brief import brief_statistics
from trimtab.data.prepare import prepare
from trimtab.stages.stage import recorded
from trimtab.storage import artifact

STAGE = "data_prep"


def run(*, config: str, run: str, dataset: str) -> None:
    """Writes the dataset artifact.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        dataset: Where to write the artifact.

    Raises:
        SystemExit: With code 2 if the data cannot be used; the reason is in the stage's record.
    """
    resolved = Config.model_validate_json(config)
    with recorded(STAGE, run) as record:
        with artifact.create(dataset, "dataset") as draft:
            prepared = prepare(resolved.data, seed=resolved.seed, directory=draft.path)
            draft.counts = dict(prepared.rows)
            draft.lineage = {"fingerprint": prepared.fingerprint, "warnings": prepared.warnings}
        schema = prepared.schema
        record.summary = {
            "rows": prepared.rows,
            "task": schema.task,
            "label": schema.label,
            "classes": schema.classes,
            "class_counts": prepared.class_counts,
            "fingerprint": prepared.fingerprint,
            "warnings": prepared.warnings,
            "columns": brief_statistics(schema.columns, prepared.train),
            "input_kind": schema.input.kind,
            "input_shape": list(schema.input.shape),
        }
        rows = ", ".join(f"{count:,} {name}" for name, count in prepared.rows.items())
        progress.say(STAGE, f"{rows}; input {schema.input.kind} {schema.input.shape}")
        for warning in prepared.warnings:
            progress.say(STAGE, f"warning: {warning}")
