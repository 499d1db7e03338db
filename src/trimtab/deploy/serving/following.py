"""Following the champion: whom the pointer names is loaded, verified, and put into service."""

from __future__ import annotations

import asyncio
import threading
import time

from trimtab.deploy.moves import Champion
from trimtab.deploy.repository import Repository
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.log import JsonLog
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.model import ServedModel, load
from trimtab.errors import TrimtabError


class Follower:
    """Looks at the pointer every few seconds, in a thread of its own.

    A champion that cannot be read, verified or run changes nothing: the one before stays in service, the log
    and a metric say why, and it is tried again later.

    Args:
        repository: Whose champion to serve.
        name: The model's name, for metrics.
        threads: How many threads may run the model.
        limits: How often to look.
        metrics: Where swaps and failures are counted.
        log: Where they are told.

    Attributes:
        current: The model in service; None until there is a champion.
        looked: Set when the first look is over, whatever came of it.
    """

    def __init__(
        self,
        repository: Repository,
        name: str,
        threads: int,
        limits: Limits,
        metrics: Metrics,
        log: JsonLog,
    ) -> None:
        self._repository, self._name, self._threads = repository, name, threads
        self._limits, self._metrics, self._log = limits, metrics, log
        self._stopped = threading.Event()
        self._pointer: bytes | None = None
        self._version: int | None = None
        self._selection = ""
        self._retry_at, self._waiting = 0.0, False
        self.current: ServedModel | None = None
        self.looked = asyncio.Event()

    def start(self) -> None:
        """Begins to follow; models go into service on the running event loop."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._follow, args=(loop,), name="follower", daemon=True).start()

    def stop(self) -> None:
        """Stops following; the model in service stays."""
        self._stopped.set()

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopped.is_set():
            pointer = self._look()
            if pointer is None and self._pointer is None:
                self._say_nothing_is_there()
            elif pointer is not None and (pointer != self._pointer or self._is_due()):
                self._try(pointer, loop)
            loop.call_soon_threadsafe(self.looked.set)
            self._stopped.wait(self._limits.poll_s)

    def _look(self) -> bytes | None:
        """Returns what the pointer holds now; None if it cannot be read, or if nothing was promoted yet."""
        try:
            return self._repository.pointer()
        except Exception as error:  # whatever the storage does, the model in service goes on
            self._metrics.poll_failures.inc()
            self._log.event("poll_failed", error=_text(error))
            return None

    def _say_nothing_is_there(self) -> None:
        if not self._waiting:
            self._log.event("waiting", target=self._repository.uri, reason="no champion could be read yet")
        self._waiting = True

    def _is_due(self) -> bool:
        return self._retry_at > 0 and time.monotonic() >= self._retry_at

    def _try(self, pointer: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self._pointer, self._retry_at = pointer, 0.0
        try:
            champion = self._repository.parse(pointer)
            if champion is None or self._serves(champion):
                return
            model = load(self._repository, champion.version, self._threads, self._limits, self._metrics)
            loop.call_soon_threadsafe(self._swap, model)
            self._version, self._selection = champion.version, _selection(champion)
        except Exception as error:  # a champion that cannot be served must not end the service
            self._retry_at = time.monotonic() + self._limits.retry_s
            self._metrics.swap_failures.inc()
            self._log.event("swap_failed", serving=self._version, error=_text(error))

    def _serves(self, champion: Champion) -> bool:
        """Returns whether that is in service; numbers begin anew when a repository does."""
        return (champion.version, _selection(champion)) == (self._version, self._selection)

    def _swap(self, model: ServedModel) -> None:
        """Puts a model into service; requests that have begun go on with the one before."""
        before, self.current = self.current, model
        if before is not None:
            before.retire()
        self._metrics.serving(self._name, model.version)
        self._log.event(
            "serving", model=self._name, version=model.version, before=before.version if before else None
        )
        if model.notice:
            self._log.event("other_library", version=model.version, notice=model.notice)


def _selection(champion: Champion) -> str:
    return champion.history[-1].selection if champion.history else ""


def _text(error: Exception) -> str:
    return error.describe() if isinstance(error, TrimtabError) else f"{type(error).__name__}: {error}"
