"""The process: a listening socket, uvicorn, and an orderly end."""

from __future__ import annotations

import asyncio
import functools
import logging
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import uvicorn
import uvloop
from starlette.types import ASGIApp

from trimtab.cpus import cpus
from trimtab.deploy.repository import Repository
from trimtab.deploy.serving.app import Service
from trimtab.deploy.serving.arrivals import Arrivals
from trimtab.deploy.serving.body import Bodies
from trimtab.deploy.serving.connection import Connection, Server
from trimtab.deploy.serving.crowd import Crowd, most_connections
from trimtab.deploy.serving.following import Follower
from trimtab.deploy.serving.guard import Guard
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.log import JsonLog
from trimtab.deploy.serving.metrics import Metrics
from trimtab.errors import ConfigError

_BACKLOG = 2048
_MOST_THREADS = 4


def serve(target: str, host: str, port: int, name: str | None, limits: Limits) -> None:
    """Serves the champion of a repository until SIGTERM or SIGINT.

    Args:
        target: The URI of the model repository; it may not exist yet.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        name: The model's name in paths; None takes the last part of the target.
        limits: How much is taken on.

    Raises:
        ConfigError: If the target's scheme is not supported, if the name cannot be a part of a path, or if
            the address cannot be listened on.
    """
    log, metrics, repository = JsonLog(sys.stderr.buffer), Metrics(), Repository(target)
    name, threads = _named(repository, name), min(cpus(), _MOST_THREADS)
    follower = Follower(repository, name, threads, limits, metrics, log)
    arrivals = Arrivals(limits)
    guard = Guard(limits, arrivals, metrics, log)
    encoding = ThreadPoolExecutor(threads, thread_name_prefix="encoding")
    app = Service(name, follower, guard, Bodies(arrivals, limits, metrics), limits, metrics, encoding).app()
    logging.getLogger().addHandler(log)
    logging.captureWarnings(True)
    with _listening(host, port) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        address, bound = listener.getsockname()[:2]
        log.event("listening", host=address, port=bound, model=name, target=repository.uri)
        runner.run(_run(app, guard, follower, listener, limits, log))
    log.event("stopped")


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
    app: ASGIApp, guard: Guard, follower: Follower, listener: socket.socket, limits: Limits, log: JsonLog
) -> None:
    config = uvicorn.Config(
        app,
        http=functools.partial(Connection, crowd=Crowd(most_connections(limits.connections))),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=int(limits.idle_s),
        timeout_graceful_shutdown=int(limits.drain_s),
    )
    server = Server(config)
    loop = asyncio.get_running_loop()

    def leave(notice_s: float) -> None:
        log.event("leaving", notice_s=notice_s)
        guard.leaving = True
        loop.call_later(notice_s, setattr, server, "should_exit", True)

    loop.add_signal_handler(signal.SIGTERM, leave, limits.notice_s)
    loop.add_signal_handler(signal.SIGINT, leave, 0.0)
    follower.start()
    watching = asyncio.create_task(guard.watch())
    await server.serve([listener])
    watching.cancel()
    guard.settle()
    follower.stop()
