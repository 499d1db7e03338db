"""The check_data stage: is there a reason to retrain?

Checksums of the files are compared first: where none has changed, no data is read. Files that were written
anew may hold the same rows, so that the content decides then.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from trimtab import progress
from trimtab.config.config import Config
from trimtab.config.data import Data
from trimtab.data.changes import Changes, changes_between
from trimtab.data.content import fingerprint
from trimtab.data.reference import Reference
from trimtab.data.sources import checksums
from trimtab.deploy import champion as champions
from trimtab.deploy.training import TrainingRecord
from trimtab.errors import ConfigError
from trimtab.report.result import Forced, Retraining
from trimtab.stages.stage import recorded

STAGE = "check_data"
_NO_MEANING = {"train", "validation", "test", "workers", "max_bad_fraction", "min_rows_per_class"}
"""Fields of the ``data`` section that say where the data is or when to stop, not what is made of it."""


def run(*, config: str, run: str, forced_by: str = "", forced_reason: str = "") -> bool:
    """Compares the data with what the champion was trained on.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        forced_by: Who wants a retraining whatever the data; empty: nobody.
        forced_reason: Why.

    Returns:
        Whether there is a reason to retrain.
    """
    settings = Config.model_validate_json(config)
    needed = True
    with recorded(STAGE, run) as record:
        if settings.deploy.target is None:
            raise ConfigError("expected the URI of a model repository", field="deploy.target")
        with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
            found = _checked(settings.data, champions.take(settings.deploy.target, Path(temporary)))
        if forced_by:
            found.forced = Forced(by=forced_by, reason=forced_reason)
            found.reasons = found.reasons if found.needed else []
            found.reasons.append(f"it is forced by {forced_by}: {forced_reason}")
            found.needed = True
        needed, record.summary = found.needed, found.model_dump(mode="json")
        for reason in found.reasons:
            progress.say(STAGE, reason)
    return needed


def _checked(data: Data, champion: champions.Snapshot) -> Retraining:
    found = Retraining(needed=True, reasons=[*champion.plan.reasons], champion=champion.plan.version)
    before = champion.record
    if before is None or champion.training is None:
        return found
    found.reasons += _other_settings(data, before)
    found.changes, new = _compared(data, before, champion.training)
    if new:
        found.reasons.append(f"there is new data: {'; '.join(found.changes.words()) or 'other rows'}")
    if not found.reasons:
        found.needed, found.reasons = False, [_nothing_new(found.changes, champion.plan.version)]
    return found


def _compared(data: Data, before: TrainingRecord, training: Path) -> tuple[Changes, bool]:
    """Returns what changed in the sources, and whether it changed the rows."""
    sources = checksums(data)
    if sources == before.sources and all(sources.values()):
        return changes_between(before.sources, sources, before.content_rows), False
    content = fingerprint(data, Reference.load(training, Data.model_validate(before.data)))
    changes = changes_between(before.sources, sources, before.content_rows, content.rows)
    return changes, content.fingerprint != before.fingerprint


def _other_settings(data: Data, before: TrainingRecord) -> list[str]:
    """Returns which settings of the data are not those that the champion's data was made with."""
    now, then = _meaning(data.model_dump(mode="json")), _meaning(before.data)
    given = [split for split in ("validation", "test") if (split in now) != (split in then)]
    found = [f"data.{split} {'is' if split in now else 'was'} given" for split in given]
    fields = sorted((now.keys() | then.keys()) - set(given))
    return found + [
        f"data.{field} is {_told(now.get(field))}, the champion's was {_told(then.get(field))}"
        for field in fields
        if now.get(field) != then.get(field)
    ]


def _told(value: Any) -> str:
    """Returns a setting as the config would have it."""
    return "not set" if value is None else json.dumps(value)


def _meaning(section: dict[str, Any]) -> dict[str, Any]:
    """Returns what of a ``data`` section makes the dataset; of the splits, whether they were given."""
    kept = {field: value for field, value in section.items() if field not in _NO_MEANING}
    return kept | {split: True for split in ("validation", "test") if section.get(split) is not None}


def _nothing_new(changes: Changes, version: int | None) -> str:
    files = changes.added.count + changes.removed.count + changes.changed.count
    if files:
        return f"files were written anew, but their rows are those that champion v{version} was trained on"
    return f"the data is what champion v{version} was trained on"
