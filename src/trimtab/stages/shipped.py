"""What is left of a decision: the files of what was chosen, its golden answers, and what is claimed of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from trimtab import progress
from trimtab.artifacts import claim as claims
from trimtab.artifacts import selection
from trimtab.artifacts.selection import Selection, SelectionLineage
from trimtab.batch import INPUT, Batch, take
from trimtab.config.chains import BASELINE
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset, model_inputs
from trimtab.deploy import golden
from trimtab.errors import ModelError
from trimtab.runtimes import files
from trimtab.runtimes.base import Runtime
from trimtab.runtimes.registry import runtime
from trimtab.stages import proving, settings
from trimtab.stages.evaluated import Entry
from trimtab.storage.artifacts import open_artifacts

_GOLDEN_EXAMPLES, _KERNEL_EXAMPLES, _TOLERANCE_EXAMPLES = 16, 64, 1_024


def write(
    run_uri: str,
    decided: Selection,
    entries: dict[str, Entry],
    data: Dataset,
    claim: Callable[[Path], None],
) -> SelectionLineage:
    """Leaves the decision with the files of what was chosen, and returns what these were made from.

    Args:
        run_uri: The URI of the run's directory.
        decided: The decision.
        entries: All candidates by id.
        data: The dataset.
        claim: Writes what is claimed into a directory.
    """
    with open_artifacts(run_uri).create(selection.KIND, selection.KIND) as draft:
        selection.write(draft.path, decided)
        draft.lineage = lineage = SelectionLineage(dataset=data.fingerprint)
        if decided.chosen is None:
            return lineage
        entry = entries[decided.chosen]
        serving = runtime(entry.evaluation.runtime)
        draft.lineage = lineage = SelectionLineage(
            dataset=data.fingerprint,
            candidate=decided.chosen,
            runtime=serving.name,
            runtime_version=serving.version(),
            streams=settings.of(run_uri).budget.streams_of(serving.name),
            model=entry.model_ref,
            file=entry.file_ref,
        )
        files.copy(serving, entry.files.path, draft.path)
        _golden(entry, data).save(draft.path / golden.GOLDEN_FILE)
        claim(draft.path)
    return lineage


def claim(decided: Selection, config: Config, judge: proving.Judge, directory: Path) -> None:
    """Writes what is claimed of the chosen candidate, with the answers that it rests on.

    Args:
        decided: The decision.
        config: The run's config.
        judge: What it was made by.
        directory: Where to.
    """
    proof, chosen = decided.proof, decided.chosen
    if proof is None or chosen is None:
        return
    names = dict.fromkeys([BASELINE, chosen, *(test.candidate for test in proof.tested)])
    results = {candidate.id: candidate for candidate in decided.candidates}
    claims.write(
        directory,
        claims.Claim(
            task=judge.task,
            chosen=chosen,
            drop=results[chosen].drop,
            proof=proof,
            budget=config.budget.model_dump(mode="json", by_alias=True),
            thresholds={name: results[name].thresholds for name in names},
        ),
        judge.rows(names),
    )


def _golden(entry: Entry, data: Dataset) -> golden.Golden:
    x, _ = next(data.blocks("test"))
    x = x[:_KERNEL_EXAMPLES]
    serving, batch = runtime(entry.evaluation.runtime), model_inputs(data.schema, {INPUT: x})
    model = serving.load(entry.files.path)
    y = model.predict(batch)
    outputs = model.predict(data.head("test", _TOLERANCE_EXAMPLES)[0])
    arithmetic = serving.traits(entry.files.path).arithmetic
    apart = _apart(serving, entry, batch, y)
    allowed = max(golden.tolerance(each, arithmetic, apart) for each in outputs.values())
    return golden.Golden({INPUT: x[:_GOLDEN_EXAMPLES]}, take(y, 0, _GOLDEN_EXAMPLES), allowed)


def _apart(serving: Runtime, entry: Entry, batch: Batch, answers: Batch) -> float:
    """Returns how far the runtime's other kernels are from its answers; 0 where these cannot run the file."""
    try:
        others = serving.reference(entry.files.path).predict(batch)
    except ModelError as error:
        progress.say("select", f"other kernels of {serving.name} cannot run the model: {error.message}")
        return 0.0
    return max(float(np.abs(others[name] - answers[name]).max()) for name in answers)
