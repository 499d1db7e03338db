"""What Prometheus sees of the server."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest

from trimtab.deploy.serving.refusal import busy

# When a counter began is of no use here, and doubles the output.
disable_created_metrics()  # type: ignore[no-untyped-call]
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """The metrics of one server, in a registry of their own.

    Attributes:
        in_flight: Requests that have begun and are not answered.
        arriving: Those among them whose body is still on its way.
        pending_rows: Examples that wait for a thread or are computed by one.
        pending_bytes: Bodies of requests that are not answered.
        batch_rows: Examples that were computed in one go.
        swaps: Models that went into service.
        swap_failures: Champions that could not.
        poll_failures: Looks at the champion pointer that failed.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.in_flight = self.arriving = self.pending_rows = self.pending_bytes = 0
        self._requests = Counter(
            "trimtab_requests", "By route and status.", ["route", "code"], registry=registry
        )
        self._seconds = Histogram(
            "trimtab_request_seconds", "Time to an answer.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.batch_rows = Histogram(
            "trimtab_batch_rows", "Examples computed in one go.", buckets=_ROWS, registry=registry
        )
        self._model = Gauge(
            "trimtab_model_info", "What is in service.", ["model", "version"], registry=registry
        )
        self.swaps = Counter("trimtab_model_swaps", "Models that went into service.", registry=registry)
        self.swap_failures = Counter(
            "trimtab_model_swap_failures", "Champions that could not go into service.", registry=registry
        )
        self.poll_failures = Counter(
            "trimtab_poll_failures", "Looks at the champion pointer that failed.", registry=registry
        )
        in_flight = Gauge("trimtab_requests_in_flight", "Requests not yet answered.", registry=registry)
        in_flight.set_function(lambda: self.in_flight)
        arriving = Gauge(
            "trimtab_requests_arriving", "Requests whose body is still on its way.", registry=registry
        )
        arriving.set_function(lambda: self.arriving)
        pending = Gauge(
            "trimtab_pending_rows", "Examples that wait for a thread or are in one.", registry=registry
        )
        pending.set_function(lambda: self.pending_rows)
        bodies = Gauge("trimtab_pending_bytes", "Bodies of requests not yet answered.", registry=registry)
        bodies.set_function(lambda: self.pending_bytes)
        ProcessCollector(registry=registry)
        self._of: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def admit(self, most: int) -> None:
        """Lets a request be worked on, if not too many are.

        Args:
            most: How many may be, with this one.

        Raises:
            Refusal: If there are more.
        """
        if self.in_flight - self.arriving > most:
            raise busy("too many requests at a time")

    def answered(self, route: str, code: int, seconds: float) -> None:
        """Counts a request."""
        if (route, code) not in self._of:  # finding the metrics of labels costs more than counting
            self._of[route, code] = self._requests.labels(route, str(code)), self._seconds.labels(route)
        requests, times = self._of[route, code]
        requests.inc()
        times.observe(seconds)

    def serving(self, model: str, version: int) -> None:
        """Says which version is in service from now on."""
        self._model.clear()
        self._model.labels(model, str(version)).set(1)
        self.swaps.inc()

    async def text(self) -> bytes:
        """Returns all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
