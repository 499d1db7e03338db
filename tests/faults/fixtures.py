"""Fixtures for Cloud Storage without Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from faults.emulator import Emulator
from faults.proxy import FaultProxy

from trimtab.storage.objects.limits import Limits

BUCKET = "bucket"


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
