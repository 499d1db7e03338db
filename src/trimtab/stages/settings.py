"""The config of a run, as every task but the first finds it in the run's directory."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from trimtab.artifacts import answered
from trimtab.artifacts.record import read_record
from trimtab.artifacts.search import STAGE as SEARCH
from trimtab.artifacts.search import SearchSummary
from trimtab.config.config import Config
from trimtab.config.known import without_unknown
from trimtab.errors import ArtifactError, ConfigError
from trimtab.storage.sealed import opened, sealed
from trimtab.storage.store import open_store

SCHEMA_VERSION = 1
"""Raised by what an older trimtab, which leaves alone what it does not know, would misread."""
CONFIG, PLANNED = "config.json", "planned.json"
"""The resolved config, and that of a retraining, with the recipe of the champion as the only one."""


def of(run_uri: str) -> Config:
    """Returns the config by which a run goes on: the planned one in a retraining.

    Recipes that are searched for are in it once they are found.

    Args:
        run_uri: The URI of the run's directory.

    Raises:
        ArtifactError: If the first task has left none.
    """
    config = _read(run_uri, PLANNED) or asked(run_uri)
    if not config.is_searched or (searched := search_of(run_uri)) is None:
        return config
    return config.model_copy(update={"recipes": searched.recipes})


def decided(run_uri: str) -> Config:
    """Returns the config by which a run goes on, with its recipes.

    Raises:
        ArtifactError: If the first task has left none, or the recipes are still to be found.
    """
    config = of(run_uri)
    if config.is_searched:
        where = f"{run_uri.rstrip('/')}/stages/{SEARCH}.json"
        raise ArtifactError(
            "there are no recipes", path=where, hint="The task that trains searches for them."
        )
    return config


def search_of(run_uri: str) -> SearchSummary | None:
    """Returns what the search for recipes found; None: there was none, or it has not ended."""
    record = read_record(run_uri, SEARCH)
    if record is None:
        # Kubeflow's cache may have answered for the task that searched.
        answered.recall(run_uri, {(SEARCH, "")})
        record = read_record(run_uri, SEARCH)
    return record.read(SearchSummary) if record else None


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


def content_of(config: Config) -> bytes:
    """Returns what a run's directory has of a config: JSON that covers itself."""
    content = {"schema_version": SCHEMA_VERSION, **config.model_dump(mode="json")}
    return json.dumps(sealed(content), indent=2, ensure_ascii=False).encode()


def parsed(content: bytes, where: str) -> Config:
    """Returns the config that ``content_of`` was given, without fields that this trimtab does not know.

    Args:
        content: The file's.
        where: The file's URI, for messages.

    Raises:
        ConfigError: If it is damaged, or if a newer trimtab would read it as something else.
    """
    try:
        values = opened(json.loads(content))
        version = values.pop("schema_version", SCHEMA_VERSION)
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise ConfigError(
                f"a newer trimtab wrote it: its schema version is {version}, and this one reads up to "
                f"{SCHEMA_VERSION}",
                path=where,
                hint="Go on with the trimtab that started the run.",
            )
        return _validated(values)
    except (ValueError, AttributeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        raise ConfigError(
            f"it is damaged, or of another version: {first['msg']}",
            path=where,
            field=".".join(map(str, first["loc"])) or None,
            hint="Go on with the trimtab that started the run, or start another run.",
        ) from None


def _validated(values: dict[str, Any]) -> Config:
    try:
        return Config.model_validate_json(json.dumps(values))
    except ValidationError as error:
        if not without_unknown(values, error):
            raise
    return _validated(values)


def write_planned(run_uri: str, config: Config) -> None:
    """Lets the tasks that follow go on by another config."""
    open_store(run_uri).write(PLANNED, content_of(config))


def _read(run_uri: str, name: str) -> Config | None:
    content = open_store(run_uri).read(name)
    where = f"{run_uri.rstrip('/')}/{name}"
    return with_target(parsed(content, where), run_uri) if content else None


def with_target(config: Config, run_uri: str) -> Config:
    """Returns the config with its deployment target resolved."""
    deploy = config.deploy.model_copy(update={"target": target(config, run_uri)})
    return config.model_copy(update={"deploy": deploy})


def target(config: Config, run_uri: str) -> str:
    """Returns the URI of the model repository: the config's, else the one beside the run's directory."""
    return config.deploy.target or f"{run_uri.rstrip('/').rpartition('/')[0]}/deployed/{config.name}"
