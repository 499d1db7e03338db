"""The config of a run, as every task but the first finds it in the run's directory."""

from __future__ import annotations

from trimtab.config.config import Config
from trimtab.errors import ArtifactError
from trimtab.storage.store import open_store

CONFIG, PLANNED = "config.json", "planned.json"
"""The resolved config, and that of a retraining, with the recipe of the champion as the only one."""


def of(run_uri: str) -> Config:
    """Returns the config by which a run goes on: the planned one in a retraining.

    Args:
        run_uri: The URI of the run's directory.

    Raises:
        ArtifactError: If the first task has left none.
    """
    return _read(run_uri, PLANNED) or asked(run_uri)


def asked(run_uri: str) -> Config:
    """Returns the config that the run was started with.

    Raises:
        ArtifactError: If the first task has left none.
    """
    config = _read(run_uri, CONFIG)
    if config is None:
        where = f"{run_uri.rstrip('/')}/{CONFIG}"
        raise ArtifactError("there is no config", path=where, hint="The first task of the run writes it.")
    return config


def is_retraining(run_uri: str) -> bool:
    """Returns whether a run retrains the champion: it has a plan for that."""
    return open_store(run_uri).read(PLANNED) is not None


def write_planned(run_uri: str, config: Config) -> None:
    """Lets the tasks that follow go on by another config."""
    open_store(run_uri).write(PLANNED, config.model_dump_json(indent=2).encode())


def _read(run_uri: str, name: str) -> Config | None:
    content = open_store(run_uri).read(name)
    return with_target(Config.model_validate_json(content), run_uri) if content else None


def with_target(config: Config, run_uri: str) -> Config:
    """Returns the config with its deployment target resolved."""
    deploy = config.deploy.model_copy(update={"target": target(config, run_uri)})
    return config.model_copy(update={"deploy": deploy})


def target(config: Config, run_uri: str) -> str:
    """Returns the URI of the model repository: the config's, else the one beside the run's directory."""
    return config.deploy.target or f"{run_uri.rstrip('/').rpartition('/')[0]}/deployed/{config.name}"
