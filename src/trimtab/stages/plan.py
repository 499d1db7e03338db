"""The plan stage: a snapshot of the champion, and the config by which it is retrained."""

from __future__ import annotations

from trimtab import progress
from trimtab.artifacts.plan import PlanSummary
from trimtab.config.config import Config
from trimtab.stages import settings, snapshot
from trimtab.stages.stage import recorded


def run(run_uri: str) -> None:
    """Takes the snapshot, and writes the config with the champion's recipe as the only one.

    Both go to the run's directory: ``champion/`` and ``planned.json``. Without a champion whose recipe is
    known, all recipes of the config are tried.

    Args:
        run_uri: The URI of the run's directory.
    """
    with recorded("plan", run_uri) as task:
        config = settings.asked(run_uri)
        taken = snapshot.take(run_uri, config)
        whose = "the config" if taken.recipe() is None else "the champion"
        planned = taken.planned(config)
        settings.write_planned(run_uri, planned)
        task.summarize(PlanSummary(**taken.plan.model_dump(), candidates=list(planned.candidates())))
        for reason in taken.plan.reasons:
            progress.say("plan", reason)
        progress.say("plan", f"{whose}'s {_listed(planned)}")


def _listed(config: Config) -> str:
    return f"candidates: {', '.join(config.candidates())}"
