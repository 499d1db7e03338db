"""The history of a repository: every version there is or was, and every move of the pointer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from trimtab.deploy.moves import Champion, Promotion
from trimtab.deploy.pointer import REPLACED_DAMAGED
from trimtab.deploy.repository import Repository
from trimtab.errors import ArtifactError, DeployError
from trimtab.runtimes.registry import DEFAULT
from trimtab.storage.parallel import in_parallel


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Latency(_Lenient):
    p50: float


class _Candidate(_Lenient):
    id: str
    metrics: dict[str, float] = {}
    size_bytes: int | None = None
    latency_ms: _Latency | None = None


class _Runtime(_Lenient):
    name: str = DEFAULT


class _Metadata(_Lenient):
    """``metadata.json``, as far as people ask for it here."""

    run: str | None = None
    runtime: _Runtime = _Runtime()
    candidate: _Candidate | None = None


class Version(BaseModel):
    """One version.

    Attributes:
        version: Its number.
        state: ``champion``; ``former``: it was; ``never``: it never was; ``missing``: it was, and has gone;
            ``damaged``: its description is not what was deployed (other files are verified when it is used);
            ``unknown``: the pointer is or was damaged, and the history is lost with it.
        run: The URI of the run that made it.
        candidate: The candidate's id.
        runtime: What runs it.
        metrics: On the test split of its own run.
        size_bytes: Bytes of the model's files.
        latency_ms: Median milliseconds for one example, where and when it was selected.
    """

    version: int
    state: Literal["champion", "former", "never", "missing", "damaged", "unknown"]
    run: str | None = None
    candidate: str | None = None
    runtime: str | None = None
    metrics: dict[str, float] = {}
    size_bytes: int | None = None
    latency_ms: float | None = None


class History(BaseModel):
    """What ``trimtab history`` shows.

    Attributes:
        uri: The repository.
        champion: The version that is served; None: none, or the pointer is damaged.
        problem: What is wrong with the pointer.
        versions: In the order of their numbers.
        moves: When, by whom and why which version became the champion, the oldest first.
    """

    uri: str
    champion: int | None
    problem: str = ""
    versions: list[Version]
    moves: list[Promotion]


def history(target: str) -> History:
    """Returns every version of a repository.

    Args:
        target: The URI of the repository.

    Raises:
        DeployError: If nothing was deployed there.
    """
    repository, problem = Repository(target), ""
    champion: Champion | None = None
    try:
        champion = repository.champion()
    except DeployError as error:
        problem = error.describe()
    moves = champion.history if champion else []
    there, promoted = repository.versions(), {move.version for move in moves}
    if not there and not promoted and not problem:
        raise repository.nothing_deployed()
    is_lost = bool(problem) or any(REPLACED_DAMAGED in move.reason for move in moves)
    versions = in_parallel(lambda number: _version(repository, number), there)
    for version in versions:
        if version.state == "never" and version.version in promoted:
            version.state = "champion" if champion and champion.version == version.version else "former"
        elif version.state == "never" and is_lost:
            version.state = "unknown"
    versions += [Version(version=number, state="missing") for number in promoted.difference(there)]
    return History(
        uri=repository.uri,
        champion=champion.version if champion else None,
        problem=problem,
        versions=sorted(versions, key=lambda version: version.version),
        moves=moves,
    )


def _version(repository: Repository, number: int) -> Version:
    """Returns what a version is, as if it never had been the champion."""
    try:
        known = _Metadata.model_validate_json(repository.metadata(number) or b"")
    except (ValidationError, ArtifactError):
        return Version(version=number, state="damaged")
    if known.candidate is None:
        return Version(version=number, state="never", run=known.run)
    return Version(
        version=number,
        state="never",
        run=known.run,
        candidate=known.candidate.id,
        runtime=known.runtime.name,
        metrics=known.candidate.metrics,
        size_bytes=known.candidate.size_bytes,
        latency_ms=known.candidate.latency_ms.p50 if known.candidate.latency_ms else None,
    )
