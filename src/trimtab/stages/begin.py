"""What the first task of a run makes sure of, before any work is done.

The command line checks most of it before it submits a run. A run that is started in Kubeflow's UI, or by
another program, comes here unchecked.
"""

from __future__ import annotations

from pydantic import ValidationError

from trimtab.config.config import Config
from trimtab.data.prepare.sources import checksums_of
from trimtab.deploy import ledger
from trimtab.deploy.repository import Repository
from trimtab.errors import ConfigError
from trimtab.runtimes import sources
from trimtab.runtimes.registry import runtime
from trimtab.stages.resumed import bring
from trimtab.stages.settings import CONFIG, asked, content_of, target, with_target
from trimtab.storage.store import open_store, read
from trimtab.storage.volumes import check_outlives_pod

_MANY = 200


def begin(config: str, run_uri: str) -> Config:
    """Returns the config, once it is sure that the run can leave its results.

    Args:
        config: The resolved config as JSON, or the URI of a file that holds it.
        run_uri: The URI of the run's directory, which gets the config.

    Raises:
        ConfigError: If the config is none, or another one than the run was started with, or if nobody could
            find what the run leaves.
        StorageError: If the run's directory cannot be written.
    """
    given = with_target(_parsed(_content(config)), run_uri).resolved()
    # It is no part of what is asked: the config of a run that goes on is that of the one before.
    settings = given.model_copy(update={"kubeflow": given.kubeflow.model_copy(update={"resume": None})})
    check_outlives_pod(run_uri, "output")
    check_outlives_pod(target(settings, run_uri), "deploy.target")
    if not open_store(run_uri).swap(CONFIG, None, content_of(settings)):
        _check_same(settings, run_uri)
    if given.kubeflow.resume:
        bring(run_uri, given.kubeflow.resume)
    return settings


def _check_same(settings: Config, run_uri: str) -> None:
    """Refuses another config than the run's, which the tasks that follow would go by."""
    if asked(run_uri).resolved() != settings:
        where = f"{run_uri.rstrip('/')}/{CONFIG}"
        raise ConfigError("this run was started with another config", path=where, hint="Start a new one.")


def check_needs(settings: Config, *, retraining: bool) -> None:
    """Refuses before any work what would end the run after hours of it.

    Args:
        settings: The config, as ``begin`` returns it.
        retraining: Whether the run has a snapshot of the champion, and may replace a damaged pointer to it.

    Raises:
        DataError: If the model's archive is not there.
        ConfigError: If a bucket cannot be accessed, or if a runtime of the candidates is not installed here.
        DeployError: If the repository or its ledger is damaged, so that the chosen model could not be
            proven or deployed.
        StorageError: If the chosen model could not be deployed, or a bucket cannot be reached.
    """
    made = {ending.runtime for branch in settings.branches().values() for ending in branch.endings}
    for name in made.union(settings.file_runtimes()):
        runtime(name).check_installed()
    for part in sources.parts(settings.model.archive) if settings.model.archive else []:
        checksums_of(part)
    assert settings.deploy.target is not None
    repository = Repository(settings.deploy.target)
    repository.check_takes_versions()
    ledger.read(repository)
    if not retraining:
        repository.champion()
    if settings.deploy.kserve is not None:
        # An HTTP client, which costs the first task of every other run a fifth of a second.
        from trimtab.deploy.kserve.service import Service

        Service(settings.deploy.kserve, settings.resources, settings.deploy.target).check()


def _content(config: str) -> str:
    """Returns the config itself where an argument names the file that it is in, because it is large."""
    if not config.strip() or "\n" in config or config.lstrip().startswith("{"):
        return config
    content = read(config)
    return config if content is None else content.decode(errors="replace")


def _parsed(config: str) -> Config:
    try:
        return Config.model_validate_json(config)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or None
        raise ConfigError(
            f"{first['msg']}; got {str(first['input'])[:_MANY]!r}",
            path="the parameter `config`",
            field=field,
            hint="It is JSON: `trimtab run FILE --runner kubeflow --dry-run --json` prints it as `config`.",
        ) from None
