"""How much the server takes on, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What protects the server, and those who wait for it.

    Attributes:
        body_bytes: Largest body of a request; more is a 413.
        requests: Most requests at a time, those for health and metrics aside; one more is a 503 with
            Retry-After. With ``body_bytes`` it bounds the memory that requests take.
        rows: Most examples of a request.
        pending_rows: Most examples that wait or are computed; a request beyond it is a 503 too.
        request_s: Longest time from a request's headers to its answer; then it is a 504.
        notice_s: How long new requests are still answered after SIGTERM, while readiness already says no:
            load balancers need as long to look elsewhere.
        drain_s: How long requests that have begun may take after that.
        poll_s: Pause between two looks at the champion pointer.
        retry_s: Pause before a champion that could not be loaded is tried again.
    """

    body_bytes: int = 16 * 2**20
    requests: int = 256
    rows: int = 1024
    pending_rows: int = 4096
    request_s: float = 30.0
    notice_s: float = 5.0
    drain_s: float = 20.0
    poll_s: float = 3.0
    retry_s: float = 30.0
