"""How much the server takes on, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What protects the server, and those who wait for it.

    Attributes:
        body_bytes: Largest body of a request, also after it is unpacked; more is a 413.
        connections: Most connections at a time, if the process may have as many files; one more, and the one
            that has asked for nothing for longest is closed.
        requests: Most requests that are worked on at a time, those for health and metrics aside; one more is
            a 503 with Retry-After. One whose body is still on its way is not among them.
        arriving: Most bodies that are on their way at a time; one more, and the slowest is a 408.
        arriving_of_one: The same of one client's address.
        slowest_bytes_s: What a body must come by in a second on average; a slower one is a 408.
        patience_s: How long that is not asked for.
        pending_bytes: Most bytes of bodies at a time; a request beyond it is a 503 too.
        rows: Most examples of a request.
        part_rows: Most examples of a request that wait or are computed at a time.
        values: Most values of a request in JSON, if these are more than so many examples have.
        pending_rows: Most examples that wait or are computed; a request beyond it is a 503 too.
        large_file: Most values (pixels, samples) of a file that is decoded beside others; a larger one waits
            for the one thread that there is for these.
        large_files: Most files that wait for that thread or are in it; a request beyond it is a 503 too.
        request_s: Longest time from a request's headers to its answer; then it is a 504.
        idle_s: How long a connection may have nothing to say. A proxy that keeps connections must not find
            one closed at the moment that it uses it again, so this is longer than their time, of which
            Google's load balancers have the longest, 600 s.
        notice_s: How long new requests are still answered after SIGTERM, while readiness already says no:
            load balancers need as long to look elsewhere.
        drain_s: How long requests that have begun may take after that.
        poll_s: Pause between two looks at the champion pointer.
        retry_s: Pause before a champion that could not be loaded is tried again.
    """

    body_bytes: int = 16 * 2**20
    connections: int = 4096
    requests: int = 256
    arriving: int = 512
    arriving_of_one: int = 256
    slowest_bytes_s: float = 1000.0
    patience_s: float = 5.0
    pending_bytes: int = 256 * 2**20
    rows: int = 16_384
    part_rows: int = 1024
    values: int = 250_000
    pending_rows: int = 4096
    large_file: int = 2**22
    large_files: int = 8
    request_s: float = 30.0
    idle_s: float = 620.0
    notice_s: float = 5.0
    drain_s: float = 20.0
    poll_s: float = 3.0
    retry_s: float = 30.0
