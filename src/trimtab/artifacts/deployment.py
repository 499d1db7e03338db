"""What was deployed."""

from __future__ import annotations

from pydantic import BaseModel


class DeploySummary(BaseModel):
    """What the report shows of ``deploy``.

    Attributes:
        uri: Where the version is served from.
        version: Its number.
        previous: The version that was the champion before.
        difference: Largest difference of a fresh process' outputs to the golden predictions; None where the
            selection had been deployed before, and nothing was done.
    """

    uri: str
    version: int
    previous: int | None = None
    difference: float | None = None
