"""What stands at the top of the report beside the answers, prepared: problems, and the strip of stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from trimtab.report.records.evidence import Evidence, History
from trimtab.report.records.record import RETRAINING, STAGES
from trimtab.report.result import Result, StageError


@dataclass(frozen=True)
class Problem:
    """Why a stage failed, what to do about it, and the traceback of a defect."""

    stage: str
    type: str
    headline: str
    advice: str
    details: str


def problem(error: StageError, tracebacks: Mapping[str, str]) -> Problem:
    """Returns an error taken apart: its first line, the hint below it, and what only a developer reads."""
    headline, _, rest = error.message.partition("\n")
    details = tracebacks.get(error.stage, "")
    return Problem(error.stage, error.type, headline, " ".join(rest.split()), details)


MOST_FINE_TUNINGS = 12


def shown_histories(histories: Sequence[History], chosen: str | None) -> list[History]:
    """Returns the training and a few fine-tunings, those of the chosen candidate's steps first."""
    steps = (chosen or "").partition("--")[0]
    tuned = sorted(
        histories[1:], key=lambda history: not (steps and history.name.partition(" ")[2].startswith(steps))
    )
    return [*histories[:1], *tuned[:MOST_FINE_TUNINGS]]


State = Literal["ok", "failed", "skipped", "reused", "absent"]


@dataclass(frozen=True)
class Step:
    """A stage in the strip: how it ended, and how long all of its tasks took together."""

    name: str
    state: State
    tasks: int
    seconds: float
    share: float


def pipeline(result: Result, evidence: Evidence) -> list[Step]:
    """Returns the stages in their order; one without a record never ran."""
    steps, longest = [], 0.0
    left_out = RETRAINING if result.retrain is None else ()
    if result.as_it_came and not any(t.stage == "tune" for t in evidence.timings):
        left_out = (*left_out, "tune")
    if not any(t.stage == "search" for t in evidence.timings):
        left_out = (*left_out, "search")
    for name in (stage for stage in STAGES if stage not in left_out):
        timings = [t for t in evidence.timings if t.is_task and t.stage == name]
        seconds = sum(t.seconds for t in timings)
        longest = max(longest, seconds)
        failed = any(error.stage.partition(" ")[0] == name for error in result.errors)
        state: State = "failed" if failed else "ok" if timings else "absent"
        if state == "ok" and all(t.skipped for t in timings):
            state = "skipped"
        elif state == "ok" and all(t.reused for t in timings):
            state = "reused"
        steps.append(Step(name, state, len(timings), seconds, seconds))
    return [Step(s.name, s.state, s.tasks, s.seconds, s.seconds / (longest or 1)) for s in steps]
