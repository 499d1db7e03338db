"""Which pipeline a command is about, and what it is called with; nothing heavy is imported for ``--help``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from types import ModuleType

    from trimtab.config.config import Config

Name = Literal["optimize", "retrain", "compress"]
NAMES: tuple[Name, ...] = get_args(Name)
ON_CLUSTER = 2
"""Tasks that run at once on a cluster, unless the config says another number."""


@dataclass(frozen=True)
class Pipeline:
    """A pipeline, with the arguments that are not in the config.

    Attributes:
        forced_by: Who promotes what comes out whatever the champion is; empty: nobody.
        forced_reason: Why.
    """

    name: Name = "optimize"
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

    def arguments(self, config: Config, output: str, *, at_once: int = ON_CLUSTER) -> dict[str, Any]:
        """Returns what the pipeline is called with; a large config is written to a file for it.

        Args:
            config: The resolved config.
            output: The directory that holds the runs' directories.
            at_once: How many tasks may run at once, where the config does not say it.

        Raises:
            ConfigError: If the config is too large to travel; see `config_argument.argument`.
            StorageError: If its file cannot be written.
        """
        from trimtab.cli import config_argument

        return {
            "config": config_argument.argument(config, output),
            "output": output,
            "shards": shards(config, at_once),
            "forced_by": self.forced_by,
            # Argo takes two opening braces for a reference of its own.
            "forced_reason": self.forced_reason.replace("{{", "{ {"),
        }


def shards(config: Config, at_once: int = ON_CLUSTER) -> list[str]:
    """Returns the shards that the config's recipes are shared out to, never more than there are recipes.

    Recipes that are searched for are shared out once they are found: a shard may have none then.

    Args:
        config: The resolved config.
        at_once: How many tasks may run at once, where the config does not say it.
    """
    from trimtab.config.chains import numbered, shard_names

    most = config.resources.parallel or at_once
    if config.is_searched:
        return numbered(min(most, config.search.max_candidates + 1))
    return shard_names(config.branches(), most)
