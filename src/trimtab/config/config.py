"""The whole config, as one object."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from trimtab.config.base import Section
from trimtab.config.budget import Budget
from trimtab.config.chains import Branch, Ending, Step
from trimtab.config.data import Data
from trimtab.config.deploy import Deploy
from trimtab.config.model import Model
from trimtab.config.recipes import (
    CANDIDATE_SEPARATOR,
    DynamicInt8,
    Float16,
    Int8,
    NoPrune,
    NoQuantize,
    Prune,
    Quantize,
    Recipe,
    candidate_id,
)
from trimtab.config.resources import Resources
from trimtab.config.retrain import Retrain
from trimtab.config.tensorboard import TensorBoard
from trimtab.config.train import Train
from trimtab.config.tune import Tune


def _default_recipes() -> list[Recipe]:
    return [Recipe(prune=NoPrune(), quantize=[NoQuantize(), Float16(), DynamicInt8(), Int8()])]


class Config(Section):
    """What to train, how to shrink it, and what it may cost."""

    name: str = Field(
        "model", pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="Names runs and deployments."
    )
    seed: int = Field(0, ge=0, lt=2**31)
    data: Data
    model: Model
    tune: Tune | None = None
    train: Train = Train()
    recipes: list[Recipe] = Field(default_factory=_default_recipes, min_length=1)
    budget: Budget = Budget()
    deploy: Deploy = Deploy()
    retrain: Retrain = Retrain()
    resources: Resources = Resources()
    tensorboard: TensorBoard = TensorBoard()

    @model_validator(mode="after")
    def _unique_recipes(self) -> Self:
        ids = [recipe.prune.id for recipe in self.recipes]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(
                f"recipes: {', '.join(twice)} is listed twice; give one entry all its quantizations"
            )
        for recipe in self.recipes:
            methods = [quantize.method for quantize in recipe.quantize]
            if len(methods) != len(set(methods)):
                raise ValueError(f"recipes: {recipe.prune.id} lists a quantization twice")
        return self

    def as_argument(self) -> str:
        """Returns the config as JSON that a task on a cluster can take for an argument.

        Argo takes two opening braces for a reference of its own, and so would fail on code or text that has
        them. In JSON they are only ever inside strings, where the second one can be written as an escape.
        """
        return self.model_dump_json().replace("{{", r"{\u007b")

    def prunes(self) -> dict[str, Prune]:
        """Returns the pruning of every recipe by its id; the baseline, ``none``, is always among them."""
        return {NoPrune().id: NoPrune(), **{recipe.prune.id: recipe.prune for recipe in self.recipes}}

    def candidates(self) -> dict[str, tuple[str, Quantize]]:
        """Returns ``{candidate id: (prune id, quantization)}``; the float baseline always comes first."""
        baseline = NoPrune().id
        found: dict[str, tuple[str, Quantize]] = {candidate_id(baseline, "none"): (baseline, NoQuantize())}
        for recipe in self.recipes:
            for quantize in recipe.quantize:
                found[candidate_id(recipe.prune.id, quantize.method)] = (recipe.prune.id, quantize)
        return found

    def branches(self) -> dict[str, Branch]:
        """Returns every Keras part of the recipes with its endings; the baseline's comes first."""
        endings: dict[str, list[Ending]] = {identifier: [] for identifier in self.prunes()}
        for name, (prune_id, quantize) in self.candidates().items():
            endings[prune_id].append(Ending(name, Step(quantize.method, quantize), "litert"))
        return {
            identifier: Branch(
                identifier,
                () if prune.method == "none" else (Step(prune.method, prune),),
                tuple(endings[identifier]),
            )
            for identifier, prune in self.prunes().items()
        }


def split_candidate(identifier: str) -> tuple[str, str]:
    """Returns ``(prune id, quantization method)`` of a candidate's id."""
    prune_id, _, quantize = identifier.rpartition(CANDIDATE_SEPARATOR)
    return prune_id, quantize
