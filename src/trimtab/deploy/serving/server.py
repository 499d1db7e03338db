"""The process: a listening socket, uvicorn, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import multiprocessing
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import ASGIApp

from trimtab.cpus import cpus
from trimtab.deploy.repository import Repository
from trimtab.deploy.serving.access import Access, Token
from trimtab.deploy.serving.app import Service
from trimtab.deploy.serving.arrivals import Arrivals
from trimtab.deploy.serving.at_once import AtOnce
from trimtab.deploy.serving.body import Bodies
from trimtab.deploy.serving.connection import Connection, Server
from trimtab.deploy.serving.crowd import Crowd, most_connections
from trimtab.deploy.serving.encoding import Encoding
from trimtab.deploy.serving.following import Follower
from trimtab.deploy.serving.guard import Guard
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.log import JsonLog
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.pinned import Pinned
from trimtab.deploy.serving.siblings import Siblings
from trimtab.deploy.serving.supervising import supervise
from trimtab.errors import ConfigError

_BACKLOG = 2048
_MOST_THREADS = 4
_FIRST_LOOK_S = 10.0
"""How long a process that shares its port may take for its model before it takes connections without one."""


@dataclass(frozen=True)
class Task:
    """What is served, and how.

    Attributes:
        target: The URI of the model repository; it may not exist yet.
        name: The model's name in paths.
        threads: How many threads of a process run the model.
        limits: How much a process takes on.
        access: Who may ask.
        version: The version that is served, whoever is the champion; None: the champion.
    """

    target: str
    name: str
    threads: int
    limits: Limits
    access: Access
    version: int | None = None

    @property
    def repository(self) -> Repository:
        """Returns where the model comes from."""
        return Repository(self.target) if self.version is None else Pinned(self.target, self.version)


def serve(
    target: str,
    host: str,
    port: int,
    name: str | None,
    limits: Limits,
    access: Access = Access(),  # noqa: B008 - it is frozen
    processes: int = 1,
    version: int | None = None,
) -> None:
    """Serves the champion of a repository until SIGTERM or SIGINT.

    Args:
        target: The URI of the model repository; it may not exist yet.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        name: The model's name in paths; None takes the last part of the target.
        limits: How much a process takes on.
        access: Who may ask.
        processes: How many processes share the port.
        version: The version to serve, whoever is the champion; None: the champion.

    Raises:
        ConfigError: If the target's scheme is not supported, if the name cannot be a part of a path, if the
            address cannot be listened on, or if a file of the token or of TLS cannot be used.
    """
    log, repository = JsonLog(sys.stderr.buffer), Repository(target)
    access.check()
    threads = max(1, min(cpus() // processes, _MOST_THREADS))
    task = Task(target, _named(repository, name), threads, limits, access, version)
    with _listening(host, port) as listener:
        address, bound = listener.getsockname()[:2]
        log.event("listening", host=address, port=bound, model=task.name, target=repository.uri)
        if access.is_open(address):
            log.event(
                "open", host=address, message="whoever reaches it may ask: see --token-file, --tls-cert"
            )
        if processes == 1:
            work(task, listener)
        else:
            supervise(functools.partial(work, task), listener, processes, log)
    log.event("stopped")


def work(task: Task, listener: socket.socket, meeting: Path | None = None) -> None:
    """Serves in this process until SIGTERM or SIGINT.

    Args:
        task: What.
        listener: The socket that connections are taken from.
        meeting: The directory where the processes that share it meet; None: it is alone.
    """
    log, metrics, limits = JsonLog(sys.stderr.buffer), Metrics(), task.limits
    follower = Follower(task.repository, task.name, task.threads, limits, metrics, log)
    arrivals = Arrivals(limits)
    token = None if task.access.token_file is None else Token(task.access.token_file)
    guard = Guard(limits, arrivals, metrics, log, token)
    encoding = Encoding(task.threads, limits)
    siblings = None if meeting is None else Siblings(meeting, metrics, guard.settle)
    bodies = Bodies(arrivals, limits, metrics, encoding.threads)
    app = Service(task.name, follower, guard, bodies, limits, siblings or metrics, encoding).app()
    at_once = AtOnce(task.name, follower, guard, limits)
    logging.getLogger().addHandler(log)
    logging.captureWarnings(True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(_settings(app, at_once, task), guard, follower, listener, task, log, siblings))


def _named(repository: Repository, name: str | None) -> str:
    name = repository.uri.rstrip("/").rpartition("/")[2] if name is None else name
    if not name or "/" in name or name in (".", ".."):
        message = f"expected a name that can be a part of a path, found {name!r}"
        raise ConfigError(message, field="--name")
    return name


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error}", field="--port") from error


async def _run(
    settings: uvicorn.Config,
    guard: Guard,
    follower: Follower,
    listener: socket.socket,
    task: Task,
    log: JsonLog,
    siblings: Siblings | None,
) -> None:
    limits, loop = task.limits, asyncio.get_running_loop()
    server = Server(settings)

    def leave(notice_s: float) -> None:
        log.event("leaving", notice_s=notice_s)
        guard.leaving = True
        loop.call_later(notice_s, setattr, server, "should_exit", True)

    loop.add_signal_handler(signal.SIGTERM, leave, limits.notice_s)
    loop.add_signal_handler(signal.SIGINT, leave, 0.0)
    if parent := multiprocessing.parent_process():
        loop.add_reader(parent.sentinel, _left_alone, loop, parent.sentinel, leave)
    if siblings is not None:
        await siblings.start()
    follower.start()
    if siblings is not None:
        # Others answer meanwhile.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(follower.looked.wait(), _FIRST_LOOK_S)
    watching = asyncio.create_task(guard.watch())
    await server.serve([listener])
    watching.cancel()
    guard.settle()
    follower.stop()


def _left_alone(loop: asyncio.AbstractEventLoop, sentinel: int, leave: Callable[[float], None]) -> None:
    """Ends a process whose parent has ended, however it did: nobody would end it later."""
    loop.remove_reader(sentinel)
    leave(0.0)


def _settings(app: ASGIApp, at_once: AtOnce, task: Task) -> uvicorn.Config:
    crowd = Crowd(most_connections(task.limits.connections))
    return uvicorn.Config(
        app,
        http=functools.partial(Connection, crowd=crowd, at_once=at_once),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=int(task.limits.idle_s),
        timeout_graceful_shutdown=int(task.limits.drain_s),
        ssl_certfile=task.access.certificate,
        ssl_keyfile=task.access.key,
    )
