"""The check_data stage: is there a reason to retrain?

Checksums of the files are compared first: where none has changed, no data is read. Files that were written
anew may hold the same rows, so that the content decides then. Rows that a challenger was made of before,
against the same champion, are no reason either: the same would come of them again.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from trimtab import progress
from trimtab.artifacts.comparison import Forced, Judged
from trimtab.artifacts.retraining import Retraining
from trimtab.artifacts.training import TrainingRecord
from trimtab.config.data import Data
from trimtab.data.champion.changes import Changes, changes_between
from trimtab.data.champion.reference import Reference
from trimtab.data.prepare.content import Content, fingerprint
from trimtab.data.prepare.sources import checksums
from trimtab.deploy import champion as champions
from trimtab.stages.begin import begin
from trimtab.stages.judged import Sources, recalled
from trimtab.stages.settings import target
from trimtab.stages.stage import recorded

STAGE = "check_data"
_Recall = Callable[[Sources | str], Judged | None]
_NO_MEANING = {"train", "validation", "test", "format", "workers", "max_bad_fraction", "min_rows_per_class"}
"""Fields of the ``data`` section that say where the data is or when to stop, not what is made of it."""


def run(config: str, run_uri: str, forced_by: str = "", forced_reason: str = "") -> bool:
    """Compares the data with what the champion was trained on, and with what was judged against it before.

    Args:
        config: The resolved config: as JSON, or the URI of a file.
        run_uri: The URI of the run's directory.
        forced_by: Who wants a retraining whatever the data; empty: nobody.
        forced_reason: Why.

    Returns:
        Whether there is a reason to retrain.
    """
    needed = True
    with recorded(STAGE, run_uri) as task:
        settings = begin(config, run_uri)
        with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
            champion = champions.take(target(settings, run_uri), Path(temporary))
            recall = partial(recalled, settings, champion, run_uri=run_uri)
            retraining = _checked(settings.data, champion, _nothing if forced_by else recall)
            is_done = champion.made_by == run_uri
        if is_done:  # it goes on after it has promoted, and does not do it twice
            retraining.needed = False
            retraining.reasons = [f"this run has made champion v{retraining.champion} already"]
        elif forced_by:
            retraining.forced = Forced(by=forced_by, reason=forced_reason)
            retraining.reasons = retraining.reasons if retraining.needed else []
            retraining.reasons.append(f"it is forced by {forced_by}: {forced_reason}")
            retraining.needed = True
        needed = retraining.needed
        task.summarize(retraining)
        for reason in retraining.reasons:
            progress.say(STAGE, reason)
    return needed


def _nothing(_: Sources | str) -> None:
    """Recalls nothing: what is forced is judged again."""


def _checked(data: Data, champion: champions.Snapshot, recall: _Recall) -> Retraining:
    """Returns whether there is a reason to retrain; rows are read only where checksums do not tell."""
    retraining = Retraining(needed=True, reasons=[*champion.plan.reasons], champion=champion.plan.version)
    if retraining.champion is None:
        return retraining
    sources, before = checksums(data), champion.record
    same = before is not None and sources == before.sources and all(sources.values())
    if before is not None:
        retraining.reasons += _other_settings(data, before)
        retraining.changes = changes_between(before.sources, sources, before.content_rows)
    retraining.judged = None if same and not retraining.reasons else recall(sources)
    if before is not None and not same and retraining.judged is None:
        content = _content(data, before, champion)
        retraining.changes = changes_between(before.sources, sources, before.content_rows, content.rows)
        if content.fingerprint != before.fingerprint:
            retraining.reasons.append(
                f"there is new data: {'; '.join(retraining.changes.words()) or 'other rows'}"
            )
        retraining.judged = recall(content.fingerprint) if retraining.reasons else None
    if retraining.judged is not None:
        retraining.needed, retraining.reasons = False, [_outcome(retraining.judged)]
    elif not retraining.reasons:
        retraining.needed, retraining.reasons = False, [_nothing_new(retraining.changes, retraining.champion)]
    return retraining


def _content(data: Data, before: TrainingRecord, champion: champions.Snapshot) -> Content:
    assert champion.training is not None
    return fingerprint(data, Reference.load(champion.training, Data.model_validate(before.data).of_one_fold))


def _outcome(judged: Judged) -> str:
    """Returns what came of a challenger on the same data, and what to do for another one."""
    when, run = judged.at[:16].replace("T", " "), judged.run.rstrip("/").rpartition("/")[2]
    became = (
        "its challenger was not promoted"
        if judged.promoted is None
        else f"its challenger was promoted as v{judged.promoted}, which is not in service any more"
    )
    return (
        f"run {run} judged this data on {when} UTC, and {became}: {judged.why}. "
        "New rows, another config or `--force --reason TEXT` try again"
    )


def _other_settings(data: Data, before: TrainingRecord) -> list[str]:
    """Returns which settings of the data are not those that the champion's data was made with."""
    # An older version's settings lack what has come since, which had its default then.
    then = _meaning(Data.model_validate(before.data).of_one_fold.model_dump(mode="json"))
    now = _meaning(data.of_one_fold.model_dump(mode="json"))
    given = [split for split in ("validation", "test") if (split in now) != (split in then)]
    differences = [f"data.{split} {'is' if split in now else 'was'} given" for split in given]
    fields = sorted((now.keys() | then.keys()) - set(given))
    return differences + [
        f"data.{field} is {_told(now.get(field))}, the champion's was {_told(then.get(field))}"
        for field in fields
        if now.get(field) != then.get(field)
    ]


def _told(value: Any) -> str:
    """Returns a setting as the config would have it."""
    return "not set" if value is None else json.dumps(value)


def _meaning(section: dict[str, Any]) -> dict[str, Any]:
    """Returns what of a ``data`` section makes the dataset; of the splits, whether they were given."""
    fields = {field: value for field, value in section.items() if field not in _NO_MEANING}
    return fields | {split: True for split in ("validation", "test") if section.get(split) is not None}


def _nothing_new(changes: Changes | None, version: int) -> str:
    if changes is not None and (changes.added.count or changes.removed.count or changes.changed.count):
        return f"files were written anew, but their rows are those that champion v{version} was trained on"
    return f"the data is what champion v{version} was trained on"
