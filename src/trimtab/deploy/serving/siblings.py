"""The metrics of all processes that serve on one port: whichever is asked, asks the others and sums up.

Each process tells its own on a socket in a directory of theirs, which nobody else may read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from trimtab.deploy.serving.metrics import Metrics

_ANSWER_S = 1.0
_NO_SUM = ("trimtab_model_info", "process_start_time_seconds", "process_max_fds")
"""What all processes have alike, or what has no sum: the largest stands."""


class Siblings:
    """The processes that serve together.

    Args:
        directory: Where their sockets are.
        metrics: Those of this one.
        settle: Brings them up to date.
    """

    def __init__(self, directory: Path, metrics: Metrics, settle: Callable[[], None]) -> None:
        self._directory, self._metrics, self._settle = directory, metrics, settle
        self._own_socket = directory / f"{os.getpid()}.sock"

    async def start(self) -> None:
        """Begins to tell."""
        self._server = await asyncio.start_unix_server(self._tell, self._own_socket)

    async def text(self) -> bytes:
        """Returns the metrics of all processes in Prometheus' text format."""
        others = [path for path in self._directory.glob("*.sock") if path != self._own_socket]
        told = await asyncio.gather(*map(_asked, others))
        return summed([(await self._metrics.text()).decode(), *(text.decode() for text in told if text)])

    async def _tell(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._settle()
        writer.write(await self._metrics.text())
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()


async def _asked(path: Path) -> bytes:
    """Returns what a sibling tells; nothing if it has ended, or has no time."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(path)
            content = await reader.read()
            writer.close()
            return content
    return b""


class _Sum:
    """A collector of metrics that are summed up."""

    def __init__(self, families: dict[str, Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Returns the metrics."""
        return self._families.values()


def summed(texts: Iterable[str]) -> bytes:
    """Returns the sum of metrics.

    Args:
        texts: The metrics of each process, in Prometheus' text format.
    """
    families: dict[str, Metric] = {}
    samples: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            of = samples.setdefault(family.name, {})
            for sample in family.samples:
                key = sample.name, tuple(sorted(sample.labels.items()))
                before = of.get(key, 0.0)
                of[key] = max(before, sample.value) if sample.name in _NO_SUM else before + sample.value
    for name, of in samples.items():
        families[name].samples = [Sample(key, dict(labels), value) for (key, labels), value in of.items()]
    registry = CollectorRegistry()
    registry.register(_Sum(families))
    return generate_latest(registry)
