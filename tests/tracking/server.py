"""A real MLflow server, in an environment of its own: it needs pandas, Flask and a database's client.

`make test` installs it from ``requirements-mlflow-server.lock`` into ``.venv/mlflow``.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

PROGRAM = Path(__file__).resolve().parents[2] / ".venv" / "mlflow" / "bin" / "mlflow"
_START_SECONDS = 120.0


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """Yields the URL of a server that keeps everything in a directory, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(str(PROGRAM), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{directory}/mlflow.db"),
        *("--artifacts-destination", str(directory / "artifacts")),
    ]
    environment = {
        "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}",
        "HOME": str(directory),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            _wait(url := f"http://127.0.0.1:{port}", process, log)
            yield url
        finally:
            os.killpg(process.pid, 9)  # the server's workers are processes of their own
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    log.seek(0)
    raise AssertionError(f"MLflow's server does not begin: {log.read()[-1000:]}")
