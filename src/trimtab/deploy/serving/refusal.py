"""A request that gets an error for an answer."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - it is the client's error as often as ours
    """Ends a request with ``{"error": message}``.

    Args:
        status: The HTTP status.
        message: What is wrong and what was expected; it goes to the client and into no log.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.message = message
        self.headers = headers or {}
        super().__init__(message)


def busy(message: str) -> Refusal:
    """Returns a refusal that passes: the client may come back in a second."""
    return Refusal(503, message, {"Retry-After": "1"})
