"""The prune stage: the Keras part of every branch of a shard, one step after the other.

Branches that begin alike share what they have in common: each step's model is an entry of the content store.
A step that fails costs the branches that have it. A branch that is proven to be over the accuracy budget goes
no further.
"""

from __future__ import annotations

from functools import partial

from trimtab import progress
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts import model as models
from trimtab.artifacts import shard as shards
from trimtab.artifacts.model import KIND, TrainSummary, read_scores
from trimtab.artifacts.record import of_fold
from trimtab.artifacts.shard import PRUNED, Outcome
from trimtab.artifacts.store import reference
from trimtab.config.chains import Branch
from trimtab.config.chains import shard as branches_of
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.evaluate.elimination import over_budget
from trimtab.stages import questions, rehearsal, settings
from trimtab.stages.entries import Work, obtain
from trimtab.stages.folds import of_folds
from trimtab.stages.stage import Task, recorded

STAGE = "prune"


def run(run_uri: str, shard: str, dataset: str, model: str) -> str:
    """Makes the pruned models of a shard.

    Args:
        run_uri: The URI of the run's directory.
        shard: Such as ``1/2``.
        dataset: The reference of the dataset.
        model: The reference of the trained model, which is the baseline.

    Returns:
        The reference of the shard's models by branch.
    """
    with recorded(STAGE, run_uri, shard) as task:
        config = settings.decided(run_uri)
        data = datasets.read(task.store, dataset, ["validation"])
        trained = models.folds(task.store, model)
        outcomes, rehearsed = {}, rehearsal.known(task, config, dataset)
        for branch in branches_of(config.branches(), shard):
            if reason := rehearsed.branches.get(branch.id):
                rehearsal.leave_out(task, branch.id, reason)
                outcomes[branch.id] = Outcome(reason=reason)
                continue
            outcome = of_folds(partial(pruned, task, config, branch), trained)
            # Out of fold, validation rows are test rows of others: to judge by them would be to look.
            is_judged = len(trained) == 1
            outcomes[branch.id] = (
                _judged(task, config, branch, model, outcome, data) if is_judged else outcome
            )
        ref = shards.write(task.store, PRUNED, outcomes)
        goes_on = sum(bool(outcome.ref) for outcome in outcomes.values())
        progress.say(task.label, f"{goes_on} of {len(outcomes)} models go on")
    return ref


def pruned(task: Task, config: Config, branch: Branch, fold: int, model: str) -> Outcome:
    """Applies the steps of a branch, those that nobody has applied before.

    Args:
        task: The task, whose record gets what is made.
        config: The config of the run.
        branch: The branch.
        fold: From 0.
        model: The reference of the fold's trained model.
    """
    ref = model
    for place, step in enumerate(branch.steps, start=1):
        parent = ref
        ref = reference(KIND, parent=parent, **questions.step(step), train=questions.train(config))
        name = branch.id if place == len(branch.steps) else f"{branch.id}.{place}"
        name = of_fold(name, fold) if fold else name
        entry = obtain(task, Work(ref, f"{STAGE} {name}", "pruned", (parent, step)), name)
        if not entry.ok:
            return Outcome(reason=entry.reason)
    return Outcome(ref=ref)


def _judged(
    task: Task, config: Config, branch: Branch, model: str, outcome: Outcome, data: Dataset
) -> Outcome:
    """Drops a branch that is proven to be over the budget."""
    if not outcome.ref or outcome.ref == model:
        return outcome
    before, after = (read_scores(task.store, ref) for ref in (model, outcome.ref))
    choices, groups = _choices(task, config, model), data.groups("validation")
    reason = over_budget(before, after, config.budget, data.schema.task, choices, groups)
    if reason:
        progress.say(f"{STAGE} {branch.id}", f"goes no further: {reason}")
        return Outcome(reason=reason)
    return outcome


def _choices(task: Task, config: Config, model: str) -> int:
    """Returns of how many models the baseline is the best by validation: of every epoch, of every trial."""
    trained = TrainSummary.model_validate(task.store.open(model, []).manifest.summary)
    epochs = len(trained.history) if trained.best_epoch is not None else 1
    return max(epochs, 1) * (config.tune.trials if config.tune is not None else 1)
