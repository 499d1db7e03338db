"""Makes one evaluation of those of all folds: every row answered by the model that was made without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimtab.artifacts import dataset, evaluation
from trimtab.artifacts.evaluation import Evaluation, EvaluationLineage, Examples, read_test
from trimtab.artifacts.store import ContentStore
from trimtab.data.dataset.pooled import Pooled, restated
from trimtab.tasks.of_labels import meant


def make(run_uri: str, ref: str, label: str, folds: Sequence[str]) -> None:
    """Puts together what a candidate's models answered, in the order of the folds.

    It has no validation examples: a row that validates in one fold is tested in another, so that an order of
    the tests that came from them would have seen test labels.

    Args:
        run_uri: The URI of the run's directory.
        ref: The entry to make.
        label: The stage and the candidate.
        folds: The evaluations of the folds. The first one's model is what ships: sizes are its own.
    """
    del label
    store = ContentStore(run_uri)
    opened = [store.open(fold) for fold in folds]
    about = [Evaluation.model_validate(entry.manifest.summary) for entry in opened]
    lineages = [EvaluationLineage.model_validate(entry.lineage) for entry in opened]
    tested = Pooled([dataset.read(store, lineage.dataset, ["test"]) for lineage in lineages])
    schema = tested.schema
    answers = np.concatenate(
        [
            restated(read_test(entry.path).answers, data.schema, schema)
            for entry, data in zip(opened, tested.folds, strict=True)
        ]
    )
    quality = meant(schema).judging.quality(answers, tested.labels(), schema)
    none = Examples(np.empty(0, np.float32), np.empty((0, answers.shape[1]), np.float32))
    first = about[0]
    with store.create(ref) as draft:
        evaluation.write_examples(draft.path, Examples(quality.scores, answers), none)
        draft.counts = {"examples": len(answers)}
        draft.lineage = EvaluationLineage(
            dataset=lineages[0].dataset, file=lineages[0].file, folds=list(folds)
        )
        draft.summary = first.model_copy(
            update={
                "examples": len(answers),
                "metrics": quality.metrics,
                "per_class": quality.per_class,
                "confusion": quality.confusion,
                "by_fold": [summary.metrics[summary.headline.metric] for summary in about],
            }
        )
