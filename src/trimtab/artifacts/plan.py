"""What ``plan`` finds of the model in service, and by which recipes it is retrained."""

from __future__ import annotations

from pydantic import BaseModel


class PlanSummary(BaseModel):
    """What the report shows of ``plan``.

    Attributes:
        version: The champion's; None where there is none.
        usable: Whether it can be served, and so be judged.
        warm: Whether what it was trained from can be used.
        reasons: Why something is missing; empty when all is there.
        candidates: The ids of what will be made.
    """

    version: int | None = None
    usable: bool = False
    warm: bool = False
    reasons: list[str] = []
    candidates: list[str] = []
