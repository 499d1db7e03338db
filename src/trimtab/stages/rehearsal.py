"""Whether recipes can be made of the model at all: tried before it is trained, on a few rows.

The untrained model goes through the whole way of each kind of candidate, in child processes. What fails
there for a reason that no training mends, the tasks that follow leave out; so they do with what a native
crash ends, twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from pathlib import Path

from trimtab import progress
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts.record import EntryRecord
from trimtab.artifacts.rehearsal import KIND, Rehearsal, read
from trimtab.artifacts.store import reference
from trimtab.config.chains import BASELINE, Candidate
from trimtab.config.config import Config
from trimtab.config.recipes import baseline, expand
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import ModelError
from trimtab.runtimes import sources
from trimtab.stages import children, questions
from trimtab.stages.children import Crash, TimeLimit
from trimtab.stages.imports import light_imports
from trimtab.stages.making import heard
from trimtab.stages.making.heard import STEPS, Heard
from trimtab.stages.stage import Task

_LABEL = "rehearsal"
_LONG = 200_000
"""Examples that a built-in architecture is trained on, an epoch's each time, before it is rehearsed: tests
take each architecture through each pass, and a training of seconds tells the rest as soon."""

_LIMIT = TimeLimit(180.0, _LABEL)
"""For all of it: what takes longer is tried when its turn comes."""

Rehearse = Callable[[Collection[str], Path], Crash | None]
"""Rehearses candidates in a child process, which says in a file what comes of each."""


def rehearse(task: Task, config: Config, dataset: str) -> None:
    """Tries what the run is going to make of the model, unless that is known.

    Args:
        task: The task that trains, which says what fails.
        config: The resolved config.
        dataset: The reference of the dataset.

    Raises:
        ModelError: If the model cannot be built or served at all, or if no recipe works.
        Preempted: If the process is told to stop.
    """
    data = datasets.read(task.store, dataset, [])
    if not is_worth_it(config, data.rows["train"]):
        return
    ref = _reference(config, data)
    if task.store.find(ref) is None:
        # The search that may follow in this process finds what is imported here.
        with light_imports(scikit_learn=config.searches_by_scikit_learn):
            work = import_module("trimtab.stages.making.rehearsed").rehearse

        def child(names: Collection[str], file: Path) -> Crash | None:
            return children.run(_LABEL, work, task.run_uri, dataset, list(names), str(file), limit=_LIMIT)

        outcome = hold(config, child)
        with task.store.create(ref) as draft:
            draft.summary = outcome
    outcome = read(task.store, ref)
    for name, reason in {**outcome.branches, **outcome.candidates}.items():
        task.warn(f"{name} cannot be made of this model, and is left out: {reason}")
    check(config, outcome)


def known(task: Task, config: Config, dataset: str) -> Rehearsal:
    """Returns what came of a rehearsal; where there was none, that nothing is known to fail.

    Args:
        task: A task that makes candidates.
        config: The resolved config.
        dataset: The reference of the dataset.
    """
    return read(task.store, _reference(config, datasets.read(task.store, dataset, [])))


def leave_out(task: Task, name: str, reason: str) -> None:
    """Takes down that something is not made, because it failed in the rehearsal."""
    progress.say(f"{task.record.stage} {name}", f"cannot be made: {reason.splitlines()[0]}")
    task.add(EntryRecord(name=name, ok=False, reused=True, reason=reason))


def hold(config: Config, rehearse: Rehearse) -> Rehearsal:
    """Holds a rehearsal: a candidate of each kind first, and where one fails, all others that are alike.

    Args:
        config: The resolved config.
        rehearse: Rehearses some candidates.

    Raises:
        TrimtabError: If there is no model to rehearse with.
    """
    candidates = config.candidates()
    tried = _round(_of_each_kind(candidates), rehearse)
    for name in [name for name, one in tried.items() if one.crash]:
        # Alone, it shows whether it is to blame.
        tried |= _round([name], rehearse)
    tried |= _round(_like_what_failed(candidates, tried), rehearse)
    return _outcome(candidates, tried)


def check(config: Config, outcome: Rehearsal) -> None:
    """Refuses to train a model that cannot be served, or that nothing asked for can be made of.

    Raises:
        ModelError: If so.
    """
    if reason := outcome.candidates.get(BASELINE):
        model = config.model
        name = model.architecture or model.preset or model.builder or model.archive
        raise ModelError(f"it cannot be served, whatever it learns: {reason}", field=name)
    chains = expand(config.recipes, config.runtimes)
    reasons = {chain.id: outcome.reason(chain.id, chain.branch_id) for chain in chains}
    if baseline(config.runtimes) not in chains and all(reasons.values()):
        listed = "\n  ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise ModelError(f"none of them can be made of this model:\n  {listed}", field="recipes")


def is_worth_it(config: Config, examples: int) -> bool:
    """Returns whether a run rehearses: not with what runs already, nor before a training of seconds.

    Args:
        config: The resolved config.
        examples: Rows to train on.
    """
    if sources.own_runtime(config.model.archive) is not None or config.train.epochs == 0:
        return False
    return config.model.architecture is None or examples * config.train.most_epochs >= _LONG


def _reference(config: Config, data: Dataset) -> str:
    schema = data.schema
    return reference(
        KIND,
        model=questions.model(config),
        task=schema.task,
        input=schema.input,
        outputs=schema.outputs,
        vocabulary=schema.vocabulary_size,
        chains=config.model_dump(mode="json", include={"recipes", "runtimes"}),
        seed=config.seed,
    )


def _round(names: Collection[str], rehearse: Rehearse) -> dict[str, Heard]:
    """Rehearses candidates, in another process where one ends in the middle of one of them."""
    left, said = list(names), dict[str, Heard]()
    while left:
        crash, heard_now = _attempt(left, rehearse)
        said |= heard_now
        at = next((name for name, one in heard_now.items() if one.outcome == "begins"), None)
        if crash is None:
            break
        if crash.error is not None and not crash.was_killed:
            raise crash.error
        if at is None or not crash.signal:
            progress.say(_LABEL, f"not all was tried: {crash.reason.splitlines()[0]}")
            break
        said[at] = heard_now[at].model_copy(update={"reason": crash.reason, "crash": crash.signal})
        left = left[left.index(at) + 1 :]
    return said


def _attempt(names: Collection[str], rehearse: Rehearse) -> tuple[Crash | None, dict[str, Heard]]:
    with tempfile.TemporaryDirectory(prefix="trimtab-rehearsal-") as scratch:
        file = Path(scratch) / "heard"
        return rehearse(names, file), heard.hear(file)


def _kinds(candidate: Candidate) -> tuple[str, str]:
    """Returns the kind of a candidate's steps, and that of its files."""
    ending = candidate.ending
    steps = " ".join(step.name for step in candidate.branch.steps)
    return f"steps: {steps}", f"files: {ending.step.name} {ending.runtime}"


def _of_each_kind(candidates: Mapping[str, Candidate]) -> list[str]:
    """Returns the first candidates that have steps, or end, as none before them does."""
    known_kinds, first = set[str](), []
    for name, candidate in candidates.items():
        if not known_kinds.issuperset(_kinds(candidate)):
            first.append(name)
            known_kinds.update(_kinds(candidate))
    return first


def _like_what_failed(candidates: Mapping[str, Candidate], tried: Mapping[str, Heard]) -> list[str]:
    """Returns the candidates not yet tried whose steps, or files, are of a kind at which others failed."""
    failed = {_kinds(candidates[name])[one.part != STEPS] for name, one in tried.items() if one.has_failed}
    return [
        name for name, one in candidates.items() if name not in tried and not failed.isdisjoint(_kinds(one))
    ]


def _outcome(candidates: Mapping[str, Candidate], tried: Mapping[str, Heard]) -> Rehearsal:
    outcome = Rehearsal(tried=list(tried))
    for name, one in tried.items():
        candidate = candidates[name]
        if one.has_failed and one.part == STEPS:
            outcome.branches[candidate.branch.id] = _why(candidate, one)
        elif one.has_failed:
            outcome.candidates[name] = _why(candidate, one)
        elif one.outcome == "unsure":
            progress.say(_LABEL, f"{name} may fail: {one.reason.splitlines()[0]}")
    return outcome


def _why(candidate: Candidate, one: Heard) -> str:
    """Returns why it fails; a process that was killed could not say what it was at."""
    if not one.crash:
        return one.reason
    steps, ending = " and ".join(step.name for step in candidate.branch.steps), candidate.ending
    work = f"applied {steps}" if one.part == STEPS else f"made {ending.runtime}'s {ending.step.name} of it"
    return f"{one.crash} ended the process that {work}"
