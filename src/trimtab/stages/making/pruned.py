"""Makes a model by one step of a recipe."""

from __future__ import annotations

import shutil

from trimtab.artifacts import dataset, hyperparameters
from trimtab.artifacts.model import MODEL_FILE, SCORES_FILE, ModelLineage, ModelSummary, write_scores
from trimtab.artifacts.store import ContentStore
from trimtab.compress.apply import apply
from trimtab.compress.traits import measure
from trimtab.config.chains import Step
from trimtab.models import archive, cost
from trimtab.stages import settings
from trimtab.stages.making.context import Making, trained
from trimtab.stages.making.cost import cost_of
from trimtab.train.scores import validation_scores


def make(run_uri: str, ref: str, label: str, parent_ref: str, step: Step) -> None:
    """Applies a step to a model, and keeps what comes out.

    Args:
        run_uri: The URI of the run's directory.
        ref: The entry to make.
        label: The stage and the branch.
        parent_ref: The model to start from.
        step: The pass with its parameters.
    """
    store, config = ContentStore(run_uri), settings.of(run_uri)
    parent = store.open(parent_ref, [MODEL_FILE, SCORES_FILE])
    lineage = ModelLineage.model_validate(parent.lineage)
    data = dataset.read(store, lineage.dataset, ["train", "validation"])
    values = hyperparameters.read(store, lineage.hyperparameters)
    making = Making(
        run_uri, label, config, data, values, parent_ref, trained(store, parent_ref, config.model)
    )
    source = archive.load(parent.path / MODEL_FILE, config.model)
    pruned = apply(step, source, making.context())
    with store.create(ref) as draft:
        if pruned is source:
            shutil.copyfile(parent.path / MODEL_FILE, draft.path / MODEL_FILE)
            shutil.copyfile(parent.path / SCORES_FILE, draft.path / SCORES_FILE)
        else:
            pruned.save(draft.path / MODEL_FILE)
            write_scores(draft.path, validation_scores(pruned, data))
        draft.lineage = lineage.model_copy(
            update={"parent": parent_ref, "trained": lineage.trained or parent_ref}
        )
        draft.summary = ModelSummary(
            weights_sha256=cost.weights_sha256(pruned),
            cost=cost_of(pruned),
            traits=measure(pruned),
            history=making.history,
        )
