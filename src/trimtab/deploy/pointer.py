"""Moving the pointer to the champion: by compare-and-swap, and the swap itself writes down every move."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from trimtab.deploy.identity import who
from trimtab.deploy.moves import Champion, Promotion
from trimtab.deploy.repository import Repository
from trimtab.errors import DeployError, NewerError

REPLACED_DAMAGED = "champion.json was damaged; it was replaced, and the history before is lost"
_CHOOSE = "`trimtab history` shows both; `trimtab promote` makes the other one the champion."


def move(
    repository: Repository,
    pointer: bytes | None,
    version: int,
    selection: str,
    *,
    action: Literal["deploy", "promote", "rollback"],
    by: str | None = None,
    forced: bool = False,
    reason: str = "",
) -> Champion:
    """Makes a version the champion, if the pointer still is what it was when it was read.

    A damaged pointer is replaced, and the history says so.

    Args:
        repository: Where.
        pointer: What ``repository.pointer()`` returned.
        version: What to point to.
        selection: Checksum of the selection that the version came from.
        action: What the history calls the move.
        by: Who moves it; None: this user on this host.
        forced: Whether it is to be promoted whatever was shown of it.
        reason: Why, for the history.

    Raises:
        DeployError: If another deployment was faster.
    """
    before = readable(repository, pointer)
    if pointer is not None and before is None:
        reason = f"{reason} ({REPLACED_DAMAGED})" if reason else REPLACED_DAMAGED
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    promotion = Promotion(
        version=version,
        at=now,
        by=by or who(),
        action=action,
        forced=forced,
        reason=reason,
        selection=selection,
    )
    champion = Champion.after(before, promotion)
    if not repository.promote(champion, pointer) and not _moved(repository, champion):
        raise lost(repository, f"version {version} was not promoted", _CHOOSE)
    return champion


def _moved(repository: Repository, champion: Champion) -> bool:
    """Returns whether a move took effect although its swap failed.

    The answer to a swap that won may be lost on its way. When it is repeated after the pointer has moved on,
    it is refused; but whoever moved the pointer on has kept our history and added to it.
    """
    now = readable(repository, repository.pointer())
    return now is not None and now.history[: len(champion.history)] == champion.history


def readable(repository: Repository, pointer: bytes | None) -> Champion | None:
    """Returns the champion that a pointer names; None if there is no pointer, or if it is damaged.

    Raises:
        NewerError: If a newer trimtab wrote it.
    """
    try:
        return repository.parse(pointer)
    except NewerError:
        raise
    except DeployError:
        return None


def lost(repository: Repository, what: str, hint: str) -> DeployError:
    """Returns the error of one that another was faster than; it names the other.

    Args:
        repository: Where the pointer is now another one than the one that was read.
        what: What did not happen.
        hint: What to do about it.
    """
    champion = readable(repository, repository.pointer())
    winner = ""
    if champion is not None and champion.history:
        last = champion.history[-1]
        winner = f": version {last.version}, by {last.by} at {last.at[:19]} ({last.action})"
    return DeployError(
        f"{what}: another deployment moved the pointer first{winner}",
        path=repository.uri,
        hint=hint,
    )
