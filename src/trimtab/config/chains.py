"""Recipes as chains of steps, and how they are shared out.

A chain begins with the trained Keras model. Its first steps give Keras models (the *branch*), its last one
gives the files of a runtime (an *ending*). Chains that begin alike share their branch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.config.base import Section


@dataclass(frozen=True)
class Step:
    """One pass with its parameters.

    Attributes:
        name: The pass's name in the registry.
        params: Its parameters, validated.
    """

    name: str
    params: Section

    def to_json(self) -> dict[str, Any]:
        """Returns ``{name: {parameter: value}}``, with every parameter."""
        return {self.name: self.params.model_dump(mode="json", exclude={"method"})}


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
        """Returns the chain with all parameters."""
        return [step.to_json() for step in self.steps]


def shard_names(branches: Mapping[str, Branch], most: int) -> list[str]:
    """Returns the names of at most ``most`` shards, such as ``["1/2", "2/2"]``; none has to be empty."""
    count = max(1, min(most, len(_groups(branches))))
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
    """Returns about how long a group takes: epochs of training, and one for each file."""
    epochs = {
        repr(steps): int(getattr(steps[-1].params, "epochs", 0))
        for branch in group
        for steps in [
            *(branch.steps[: place + 1] for place in range(len(branch.steps))),
            *((*branch.steps, ending.step) for ending in branch.endings),
        ]
    }
    return sum(epochs.values()) + sum(len(branch.endings) for branch in group)
