"""Which pipeline a command is about, and what it is called with; nothing heavy is imported for ``--help``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from types import ModuleType

    from trimtab.config.config import Config

NAMES = ("optimize", "retrain")


@dataclass(frozen=True)
class Pipeline:
    """A pipeline, with the arguments that are not in the config.

    Attributes:
        forced_by: Who promotes the outcome of a retraining whatever it is; empty: nobody.
        forced_reason: Why.
    """

    name: Literal["optimize", "retrain"] = "optimize"
    forced_by: str = ""
    forced_reason: str = ""

    @property
    def module(self) -> ModuleType:
        """Returns the module that has its `NAME` and its `build`."""
        return import_module(f"pipelines.{self.name}")

    @property
    def default(self) -> Any:
        """Returns the pipeline as it is for any config, to call or to look at."""
        return getattr(self.module, self.name)

    def arguments(self, config: Config, output: str) -> dict[str, Any]:
        """Returns what the pipeline is called with.

        Args:
            config: The resolved config.
            output: The directory that holds the runs' directories.
        """
        common = {"config": config.as_argument(), "output": output}
        if self.name == "optimize":
            return {**common, "recipes": list(config.branches())}
        # Argo takes two opening braces for a reference of its own.
        reason = self.forced_reason.replace("{{", "{ {")
        return {**common, "forced_by": self.forced_by, "forced_reason": reason}
