"""Promotion and rollback of versions that are there: the pointer moves, and no version is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.deploy import servable
from trimtab.deploy.moves import Champion, Promotion
from trimtab.deploy.pointer import move, readable
from trimtab.deploy.repository import Repository
from trimtab.errors import ArtifactError, DeployError


@dataclass(frozen=True)
class Switch:
    """What the pointer did.

    Attributes:
        uri: Where the champion is served from.
        version: Its number.
        previous: The version that was the champion before; None: there was none, or none that can be known.
        moved: Whether the pointer moved; it does not when it pointed there already.
        repaired: Whether the pointer was damaged, and is replaced.
    """

    uri: str
    version: int
    previous: int | None
    moved: bool = True
    repaired: bool = False


def promote(target: str, version: int, *, reason: str = "", by: str | None = None) -> Switch:
    """Makes a version the champion, after a fresh process has shown that it can be served.

    Args:
        target: The URI of the repository.
        version: Any version of it.
        reason: Why, for the history.
        by: Who does it; None: this user on this host.

    Raises:
        DeployError: If there is no such version, if it cannot be served, or if the pointer moved meanwhile.
        ArtifactError: If one of its files is missing, cut or changed.
    """
    repository = Repository(target)
    pointer = repository.pointer()
    champion = readable(repository, pointer)
    if champion is not None and champion.version == version:
        return Switch(repository.location(version), version, champion.previous, moved=False)
    selection = _proven(repository, version)
    promoted = move(repository, pointer, version, selection, action="promote", reason=reason, by=by)
    repaired = pointer is not None and champion is None
    return Switch(repository.location(version), version, promoted.previous, repaired=repaired)


def rollback(target: str, *, reason: str = "", by: str | None = None) -> Switch:
    """Makes the champion before the present one the champion again; a second time, the one before that.

    Args:
        target: The URI of the repository.
        reason: Why, for the history.
        by: Who does it; None: this user on this host.

    Raises:
        DeployError: If there was no champion before, if it is missing, damaged or cannot be served (the
            message names one that could be chosen), or if the pointer moved meanwhile.
    """
    repository = Repository(target)
    pointer = repository.pointer()
    champion = repository.parse(pointer)
    if champion is None:
        raise repository.nothing_deployed()
    earlier = _earlier(champion.history)
    if not earlier:
        raise DeployError(
            f"there was no champion before version {champion.version}",
            path=repository.uri,
            hint=_advice(repository, champion, []),
        )
    try:
        selection = _proven(repository, earlier[0])
    except (ArtifactError, DeployError) as error:
        raise DeployError(
            f"version {earlier[0]}, the champion before, cannot be served: {error.message}",
            path=error.path,
            hint=_advice(repository, champion, earlier),
        ) from error
    restored = move(repository, pointer, earlier[0], selection, action="rollback", reason=reason, by=by)
    return Switch(repository.location(restored.version), restored.version, restored.previous)


def _proven(repository: Repository, version: int) -> str:
    """Returns the selection that a version came from, when it is whole and can be served."""
    if not repository.has(version):
        known = repository.versions()
        numbers = ", ".join(str(number) for number in known)
        hint = f"The versions there are: {numbers}." if known else "No model was deployed here."
        raise DeployError(f"there is no version {version}", path=repository.uri, hint=hint)
    with repository.fetched(version) as deployment:
        selection = str(deployment.lineage["selection"])
    servable.check(repository.uri, version)
    return selection


def _earlier(history: Sequence[Promotion]) -> list[int]:
    """Returns the champions that a rollback goes back through, the nearest first.

    A deployment and a promotion put a version on top; a rollback takes versions off.
    """
    stack: list[int] = []
    for promotion in history:
        if promotion.action == "rollback" and promotion.version in stack:
            while stack[-1] != promotion.version:
                stack.pop()
        elif stack[-1:] != [promotion.version]:
            stack.append(promotion.version)
    return stack[-2::-1]


def _advice(repository: Repository, champion: Champion, earlier: Sequence[int]) -> str:
    """Returns which version could be chosen instead: the nearest earlier champion, else the newest."""
    others = [version for version in reversed(repository.versions()) if version not in earlier]
    for version in (*earlier[1:], *others):
        if version != champion.version and _is_whole(repository, version):
            return f"Version {version} is whole: `trimtab promote {repository.uri} {version}` chooses it."
    return "There is no other whole version."


def _is_whole(repository: Repository, version: int) -> bool:
    try:
        with repository.fetched(version):
            return True
    except (ArtifactError, DeployError):
        return False
