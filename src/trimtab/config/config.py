"""The whole config, as one object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError
from pydantic_core.core_schema import ValidationInfo

from trimtab.config import brought, chains
from trimtab.config.base import Section
from trimtab.config.budget import Budget, check_groups, check_streams, check_task, of_labels
from trimtab.config.chains import Branch, Candidate, Chain
from trimtab.config.data import Data
from trimtab.config.deploy import Deploy
from trimtab.config.kubeflow import Kubeflow
from trimtab.config.methods import installed
from trimtab.config.model import Model
from trimtab.config.notify import Notify
from trimtab.config.problems import Problems
from trimtab.config.proof import ProofSettings
from trimtab.config.recipe_schema import RecipesSchema
from trimtab.config.recipes import AUTO, baseline, expand
from trimtab.config.resources import Resources
from trimtab.config.retrain import Retrain
from trimtab.config.search import Search
from trimtab.config.tensorboard import TensorBoard
from trimtab.config.train import Train
from trimtab.config.tune import Tune
from trimtab.registry import RUNTIMES


def _registered(name: str) -> str:
    if name not in (AUTO, *RUNTIMES):
        raise PydanticKnownError("literal_error", {"expected": ", ".join([AUTO, *RUNTIMES])})
    return name


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


RuntimeName = Annotated[str, AfterValidator(_registered), WithJsonSchema({"enum": [AUTO, *RUNTIMES]})]


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
    runtimes: Annotated[list[RuntimeName], BeforeValidator(_listed)] = Field(
        ["litert"], min_length=1, description="What runs the models; `auto`: every runtime that is installed."
    )
    recipes: Annotated[list[Any] | Literal["auto"], RecipesSchema] | None = Field(
        None,
        description="Chains of passes; null: the trained model, by each quantization that trains nothing; "
        "`auto`: what a search finds once the model is trained.",
    )
    search: Search = Search()
    budget: Budget = Budget()
    proof: ProofSettings = ProofSettings()
    deploy: Deploy = Deploy()
    retrain: Retrain = Retrain()
    resources: Resources = Resources()
    tensorboard: TensorBoard = TensorBoard()
    notify: Notify = Notify()
    kubeflow: Kubeflow = Kubeflow()

    @field_validator("recipes")
    @classmethod
    def _are_chains(cls, recipes: list[Any] | str | None, info: ValidationInfo) -> list[Any] | str | None:
        expand(recipes, _runtimes(info.data.get("runtimes", ["litert"])))
        return recipes

    @model_validator(mode="after")
    def _can_be_done(self) -> Self:
        chains_of_recipes, runtimes = self._chains()[0], _runtimes(self.runtimes)
        labels = {name: each.task for name, each in self.data.labels.items()}
        # Limits have the order of the labels: the first one's are those of the headline.
        self.__dict__["budget"] = of_labels(self.budget, labels)
        if labels and self.model.classes is not None:
            problems = Problems()
            problems.add(("model", "classes"), "lists one label's; there are several (data.labels)", None)
            problems.refuse("Config")
        if self.data.task is not None:
            check_task(self.budget, self.data.task)
        check_groups(self.budget, self.data.group_by)
        check_streams(self.budget, self.file_runtimes())
        if self.is_searched and self.data.folds > 1:
            problems = Problems()
            problems.add(("recipes",), "auto is guided by validation rows, which other folds are tested on")
            problems.refuse("Config")
        brought.check(self.model, self.train, chains_of_recipes, runtimes, is_tuned=self.tune is not None)
        return self

    def as_argument(self) -> str:
        """Returns the config as JSON that a task on a cluster can take for an argument, without defaults.

        Argo takes two opening braces for a reference of its own, and so would fail on code or text that has
        them. In JSON they are only ever inside strings, where the second one can be written as an escape.
        """
        return self.model_dump_json(exclude_defaults=True).replace("{{", r"{\u007b")

    def resolved(self) -> Config:
        """Returns the config with the runtimes that are installed here in the place of ``auto``."""
        return self.model_copy(update={"runtimes": _runtimes(self.runtimes)})

    def candidates(self) -> dict[str, Candidate]:
        """Returns every candidate by id, in the order of the recipes; the float baseline is the first."""
        return chains.candidates(*self._chains())

    def branches(self) -> dict[str, Branch]:
        """Returns every Keras part of the recipes with its endings, by id; the baseline's is the first."""
        return chains.branches(*self._chains())

    @property
    def is_searched(self) -> bool:
        """Returns whether its recipes are still to be searched for."""
        return self.recipes == AUTO

    @property
    def searches_by_scikit_learn(self) -> bool:
        """Returns whether hyper-parameters are searched for by what needs scikit-learn."""
        return self.tune is not None and self.tune.algorithm == "bayesian"

    def file_runtimes(self) -> list[str]:
        """Returns the runtimes that candidates may be of."""
        asked = _runtimes(self.runtimes)
        return asked if self.is_searched else list({chain.runtime: None for chain in self._chains()[0]})

    def _chains(self) -> tuple[list[Chain], Chain]:
        runtimes = _runtimes(self.runtimes)
        return expand(self.recipes, runtimes), baseline(runtimes)


def _runtimes(asked: Sequence[str]) -> list[str]:
    """Returns the runtimes that a config asks for, once each."""
    named = (name for each in asked for name in (installed() if each == AUTO else [each]))
    return list(dict.fromkeys(named))
