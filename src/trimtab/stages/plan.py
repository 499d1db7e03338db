"""The plan stage: a snapshot of the champion, and the config by which it is retrained."""

from __future__ import annotations

from pathlib import Path

from trimtab import progress
from trimtab.config.config import Config
from trimtab.deploy import champion as champions
from trimtab.stages.begin import target, with_target
from trimtab.stages.stage import recorded
from trimtab.storage import artifact, atomic


def run(*, config: str, run: str, champion: str, planned: str) -> list[str]:
    """Takes the snapshot, and writes the config with the champion's recipe as the only one.

    Without a champion whose recipe is known, all recipes of the config are tried.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        champion: Where the ``champion`` artifact goes.
        planned: The file that the config goes to.

    Returns:
        The ids of the recipes; the baseline is always among them.
    """
    settings = with_target(Config.model_validate_json(config), run)
    with recorded("plan", run) as record:
        with artifact.create(champion, "champion") as draft:
            found = champions.take(target(settings, run), draft.path)
            whose = "the config" if found.recipe() is None else "the champion"
            settings = found.planned(settings)
            draft.lineage = {"target": settings.deploy.target, "version": found.plan.version}
        atomic.write_bytes(Path(planned), settings.as_argument().encode())
        record.summary = {**found.plan.model_dump(), "recipes": settings.recipes}
        for reason in found.plan.reasons:
            progress.say("plan", reason)
        progress.say("plan", f"{whose}'s {_listed(settings)}")
        return list(settings.branches())


def _listed(settings: Config) -> str:
    found = list(settings.candidates())
    return f"candidates: {', '.join(found)}"
