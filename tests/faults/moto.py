"""moto's server of S3: another's reading of the API than the emulator's, in an environment of its own.

moto needs botocore, and that an older python-dateutil than trimtab is installed with: `make test` installs it
from ``requirements-moto.lock`` into ``.venv/moto``.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

PROGRAM = Path(__file__).resolve().parents[2] / ".venv" / "moto" / "bin" / "python"
_START_SECONDS = 60.0

# moto answers in threads, and looks at `If-Match` before it stores: of two that race, both could win there.
# S3 stores in one step what it compared, so a lock makes one step of the two.
_SERVER = """
import threading
from moto.s3.responses import S3Response
from moto.server import main

lock, put = threading.Lock(), S3Response.put_object

def put_object(self):
    with lock:
        return put(self)

S3Response.put_object = put_object
main()
"""


class Moto:
    """A server with one bucket."""

    def __init__(self, url: str) -> None:
        self.url = url

    def reset(self, bucket: str) -> None:
        """Forgets everything, and makes a bucket."""
        requests.post(f"{self.url}/moto-api/reset", timeout=10).raise_for_status()
        requests.put(f"{self.url}/{bucket}", timeout=10).raise_for_status()


@contextmanager
def served() -> Iterator[Moto]:
    """Yields a server, once it answers."""
    with tempfile.TemporaryFile("w+") as log:
        command = [str(PROGRAM), "-c", _SERVER, "-H", "127.0.0.1", "-p", "0"]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONUNBUFFERED": "1",
        }
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            yield Moto(_url(process, log))
        finally:
            process.kill()
            process.wait()


def _url(process: subprocess.Popen[bytes], log) -> str:
    """Returns where it listens, which it says when it does."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        log.seek(0)
        for line in log:
            if "Running on http://127.0.0.1:" in line:
                return line.partition("Running on ")[2].split()[0]
        time.sleep(0.05)
    log.seek(0)
    raise AssertionError(f"moto's server does not begin: {log.read()[-1000:]}")
