"""Recipes as chains of steps, and how they are shared out.

A chain begins with the trained Keras model. Its first steps give Keras models (the *branch*), its last one
gives the files of a runtime (an *ending*). Chains that begin alike share their branch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from trimtab.config.base import Section
from trimtab.config.parameters import main_parameter

UNCHANGED = "none"
"""The branch that is the trained model as it is, and the ending in 32-bit floats."""

SEPARATOR = "--"
BASELINE = f"{UNCHANGED}{SEPARATOR}{UNCHANGED}"
"""The id of the candidate that all others are judged against, whatever its runtime."""

USUAL_RUNTIME = "litert"
"""The runtime that ids do not show."""

_DIGEST_DIGITS = 6
_EPOCHS_OF_A_START, _EPOCHS_OF_A_FILE = 8, 2
"""Epochs of small data in which a training's graph is made, and a file; those of large data outweigh both."""


@dataclass(frozen=True)
class Step:
    """One pass with its parameters.

    Attributes:
        name: The pass's name in the registry, or the quantization's in its runtime.
        params: Its parameters, validated.
    """

    name: str
    params: Section

    def to_json(self) -> dict[str, Any]:
        """Returns ``{name: {parameter: value}}``, with every parameter."""
        return {self.name: self.params.model_dump(mode="json")}

    @property
    def stem(self) -> str:
        """Returns its name and the value of its main parameter, such as ``channels-0.5``."""
        main = main_parameter(type(self.params))
        return self.name if main is None else f"{self.name}-{_short(getattr(self.params, main))}"

    @property
    def is_told_by_its_stem(self) -> bool:
        """Returns whether every parameter that the stem does not show has its default."""
        main, given = main_parameter(type(self.params)), self.params.model_dump()
        usual = type(self.params)().model_dump()
        return all(
            type(value)(_short(value)) == value if name == main else value == usual[name]
            for name, value in given.items()
        )


@dataclass(frozen=True)
class Ending:
    """The end of a chain: a branch's Keras model as the files of a runtime.

    Attributes:
        candidate: The candidate's id.
        step: The quantization, or ``none`` for 32-bit floats.
        runtime: The runtime's name.
    """

    candidate: str
    step: Step
    runtime: str


@dataclass(frozen=True)
class Branch:
    """The Keras part of one or more chains, with all their endings.

    Attributes:
        id: Readable, and unique in a config; ``none`` for the trained model as it is.
        steps: The passes in order; none for the trained model as it is.
        endings: At least one.
    """

    id: str
    steps: tuple[Step, ...]
    endings: tuple[Ending, ...]


@dataclass(frozen=True)
class Candidate:
    """A whole chain, which ends in the files of one runtime."""

    id: str
    branch: Branch
    ending: Ending

    @property
    def steps(self) -> tuple[Step, ...]:
        """Returns every step, the ending's the last."""
        return (*self.branch.steps, self.ending.step)

    def to_json(self) -> list[dict[str, Any]]:
        """Returns the chain with all parameters and its runtime, as a config takes it."""
        return Chain(self.branch.steps, self.ending.step, self.ending.runtime).to_json()


@dataclass(frozen=True)
class Chain:
    """A chain by itself, before it is known which others begin alike.

    Attributes:
        steps: The passes that give Keras models, in order.
        quantization: The step that gives files.
        runtime: The runtime of the files.
        place: Where it is in the config's recipes.
    """

    steps: tuple[Step, ...]
    quantization: Step
    runtime: str
    place: tuple[int | str, ...] = field(default=(), compare=False)

    def to_json(self) -> list[dict[str, Any]]:
        """Returns the chain with all parameters and its runtime, as a config takes it."""
        return [*(step.to_json() for step in (*self.steps, self.quantization)), {"runtime": self.runtime}]

    @cached_property
    def id(self) -> str:
        """Returns the candidate's id."""
        steps = (*self.steps, self.quantization)
        runtime = [] if self.runtime == USUAL_RUNTIME else [self.runtime]
        stems = [branch_stem(self.steps), self.quantization.stem, *runtime]
        return _identifier(stems, steps, self.to_json())

    @property
    def methods(self) -> tuple[str, ...]:
        """Returns the names of the steps, and the runtime."""
        return (*(step.name for step in (*self.steps, self.quantization)), self.runtime)

    @cached_property
    def branch_id(self) -> str:
        """Returns the id of what comes before the quantization."""
        return _identifier([branch_stem(self.steps)], self.steps, [step.to_json() for step in self.steps])


def branch_stem(steps: Sequence[Step]) -> str:
    """Returns what people read of a branch, such as ``channels-0.5--magnitude-0.5``."""
    return SEPARATOR.join(step.stem for step in steps) or UNCHANGED


def branches(chains: Sequence[Chain], baseline: Chain) -> dict[str, Branch]:
    """Returns every branch of some chains with its endings, by id; the baseline is the first of all.

    Args:
        chains: The chains, the baseline among them or not.
        baseline: The trained model in 32-bit floats.
    """
    steps: dict[str, tuple[Step, ...]] = {}
    endings: dict[str, list[Ending]] = {}
    for chain in [baseline, *(chain for chain in chains if chain != baseline)]:
        identifier = BASELINE if chain == baseline else chain.id
        steps[chain.branch_id] = chain.steps
        endings.setdefault(chain.branch_id, []).append(Ending(identifier, chain.quantization, chain.runtime))
    return {name: Branch(name, steps[name], tuple(endings[name])) for name in steps}


def candidates(chains: Sequence[Chain], baseline: Chain) -> dict[str, Candidate]:
    """Returns every candidate of some chains in their order, by id; the baseline is the first.

    Args:
        chains: The chains, the baseline among them or not.
        baseline: The trained model in 32-bit floats.
    """
    by_id = {
        ending.candidate: Candidate(ending.candidate, branch, ending)
        for branch in branches(chains, baseline).values()
        for ending in branch.endings
    }
    others = (chain.id for chain in chains if chain != baseline)
    return {identifier: by_id[identifier] for identifier in (BASELINE, *others)}


def short_name(candidate: str) -> str:
    """Returns a candidate's id as it fits into a chart: ``channels-0.5--int8`` is ``channels-0.5 int8``."""
    return " ".join(part for part in candidate.split(SEPARATOR) if part != UNCHANGED) or "baseline"


def _identifier(stems: Sequence[str], steps: Sequence[Step], chain: list[dict[str, Any]]) -> str:
    digest = [] if all(step.is_told_by_its_stem for step in steps) else [_digest(chain)]
    return SEPARATOR.join([*stems, *digest])


def _digest(chain: list[dict[str, Any]]) -> str:
    text = json.dumps(chain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_DIGITS]


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def shard_names(branches: Mapping[str, Branch], most: int) -> list[str]:
    """Returns the names of at most ``most`` shards, such as ``["1/2", "2/2"]``; none has to be empty."""
    return numbered(max(1, min(most, len(_groups(branches)))))


def numbered(count: int) -> list[str]:
    """Returns the names of so many shards."""
    return [f"{number}/{count}" for number in range(1, count + 1)]


def shard(branches: Mapping[str, Branch], name: str) -> list[Branch]:
    """Returns the branches of one shard; all shards together have every branch once.

    Branches that begin with the same step stay together, because that step is made once. The longest work is
    shared out first, each to the shard that has the least so far.

    Args:
        branches: All branches of a config.
        name: Such as ``1/2``.

    Raises:
        ValueError: If the name is none of a shard.
    """
    number, _, count = name.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise ValueError(f"expected a shard such as 1/2, got {name!r}")
    loads: list[int] = [0] * int(count)
    parts: list[list[Branch]] = [[] for _ in loads]
    for group in sorted(_groups(branches), key=_work, reverse=True):
        least = loads.index(min(loads))
        parts[least] += group
        loads[least] += _work(group)
    order = {identifier: place for place, identifier in enumerate(branches)}
    return sorted(parts[int(number) - 1], key=lambda branch: order[branch.id])


def _groups(branches: Mapping[str, Branch]) -> list[list[Branch]]:
    groups: dict[str, list[Branch]] = {}
    for branch in branches.values():
        groups.setdefault(repr(branch.steps[:1]), []).append(branch)
    return list(groups.values())


def _work(group: Sequence[Branch]) -> int:
    """Returns about how long a group takes, in epochs of training."""
    epochs = {
        repr(steps): int(getattr(steps[-1].params, "epochs", 0))
        for branch in group
        for steps in [
            *(branch.steps[: place + 1] for place in range(len(branch.steps))),
            *((*branch.steps, ending.step) for ending in branch.endings),
        ]
    }
    starts = sum(bool(count) for count in epochs.values())
    files = sum(len(branch.endings) for branch in group)
    return sum(epochs.values()) + _EPOCHS_OF_A_START * starts + _EPOCHS_OF_A_FILE * files
