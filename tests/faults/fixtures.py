"""Fixtures for object stores without object stores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import moto
from faults.emulator import Emulator
from faults.pauses import shorten_pauses
from faults.proxy import FaultProxy
from faults.s3 import KEY_ID, SECRET, S3Emulator

from trimtab.storage.objects.limits import Limits

BUCKET = "bucket"

_SHORT_PAUSES = """
from dataclasses import replace

try:
    from trimtab.storage.objects import limits
except ImportError:  # a server that a test starts has no trimtab
    pass
else:
    limits.DEFAULT = replace(limits.DEFAULT, pause_seconds=0.02)
"""


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Yields an emulator with one bucket, to which clients of this process and its children go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    with Emulator(BUCKET) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        yield server


@pytest.fixture
def proxy(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Yields a proxy before the emulator, to which every client goes from now on."""
    with FaultProxy(emulator.url) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        yield server


@pytest.fixture
def s3_emulator(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[S3Emulator]:
    """Yields an emulator of S3 with one bucket, to which clients of this process and its children go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    with S3Emulator(BUCKET) as server:
        use_s3(monkeypatch, server.url, KEY_ID, SECRET)
        yield server


@pytest.fixture
def s3_proxy(s3_emulator: S3Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Yields a proxy before the emulator of S3, to which every client goes from now on."""
    with FaultProxy(s3_emulator.url) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        yield server


@pytest.fixture(scope="session")
def moto_server() -> Iterator[moto.Moto]:
    """Yields moto's server of S3, or skips where that is not installed."""
    if not moto.PROGRAM.is_file():
        pytest.skip(f"no moto at {moto.PROGRAM}: `make .venv/moto/.installed`")
    with moto.served() as server:
        yield server


@pytest.fixture
def moto_s3(
    moto_server: moto.Moto, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> moto.Moto:
    """Returns moto's server with one empty bucket, to which clients of this process and its children go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    moto_server.reset(BUCKET)
    use_s3(monkeypatch, moto_server.url, "any", "any")
    return moto_server


def use_s3(monkeypatch: pytest.MonkeyPatch, url: str, key_id: str, secret: str) -> None:
    """Lets clients go to a server of S3, and leaves them nothing else of this machine's to go by."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MINIO_", "SEAWEEDFS_"))]:
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)


@pytest.fixture
def short_pauses(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets clients pause shortly before they send a failed request again.

    Those of this process, and of processes that start afresh; those of forked tasks by `altered_tasks`.
    """
    directory: Path = tmp_path_factory.mktemp("pauses")
    (directory / "sitecustomize.py").write_text(_SHORT_PAUSES)
    monkeypatch.setenv("PYTHONPATH", str(directory), prepend=os.pathsep)
    before = shorten_pauses()
    yield
    shorten_pauses(before)


@pytest.fixture
def hasty() -> Limits:
    """Returns limits that give up soon, so that faults take no time."""
    return Limits(
        connect_seconds=1.0,
        read_seconds=0.5,
        retry_seconds=20.0,
        pause_seconds=0.02,
        trickle_seconds=0.3,
        slowest_bytes_per_second=10_000_000,
    )
