"""What came of challengers, remembered beside the champion, so that one question is not asked every night.

What comes out depends on the champion, on the data, on what the config says of a challenger and of the
judgement, and on this version of trimtab. A hash of all that names an object in the repository. There are two
of them for each judgement: one is found by the checksums of the files, without reading them, the other by the
content of the rows. They move no pointer, and without them a run only takes longer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

import trimtab
from trimtab.artifacts.comparison import Comparison, Judged
from trimtab.data.prepare.sources import checksums_of
from trimtab.deploy.repository import Repository
from trimtab.errors import TrimtabError
from trimtab.runtimes import sources
from trimtab.storage import artifact

if TYPE_CHECKING:
    from trimtab.config.config import Config
    from trimtab.data.dataset.dataset import Dataset
    from trimtab.deploy.champion import Snapshot

Sources = Mapping[str, Mapping[str, str]]
_NO_PART: Mapping[str, set[str] | bool] = {
    "name": True,
    "deploy": True,
    "resources": True,
    "tensorboard": True,
    "data": {"train", "validation", "test", "format", "workers"},
}
"""Fields of the config that have no part in what comes out: the data is known by its content."""


def remember(
    settings: Config,
    champion: Snapshot,
    data: Dataset,
    comparison: Comparison,
    *,
    run_uri: str,
    warn: Callable[[str], None],
    promoted: int | None = None,
) -> None:
    """Remembers what came out; where that cannot be written, another run will judge the same again.

    A champion that could not be served is no question that could be asked again.

    Args:
        settings: The resolved config.
        champion: The champion's snapshot.
        data: The dataset.
        comparison: The comparison.
        run_uri: The URI of the run's directory.
        warn: Is told where it cannot be written.
        promoted: The version that the challenger has become; None: it lost.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    judged = Judged(run=run_uri, at=now, finding=comparison.finding, why=comparison.why, promoted=promoted)
    content = (judged.model_dump_json(indent=2) + "\n").encode()
    try:
        for identity in (data.sources, data.fingerprint):
            if name := _name(settings, champion, identity):
                _repository(settings).remember(name, content)
    except TrimtabError as error:
        warn(f"what came out cannot be remembered: {error.message}")


def recalled(settings: Config, champion: Snapshot, data: Sources | str, *, run_uri: str) -> Judged | None:
    """Returns what came of a challenger before, or None if that is not known.

    Args:
        settings: The resolved config.
        champion: The champion's snapshot.
        data: The checksums of the sources, or the fingerprint of the rows.
        run_uri: The URI of the run's directory: a run that goes on asks its own question again.
    """
    name = _name(settings, champion, data)
    content = _repository(settings).judged(name) if name else None
    try:
        judged = Judged.model_validate_json(content) if content else None
    except ValidationError:
        return None  # it is damaged: judged again, and written anew
    return judged if judged and judged.run != run_uri else None


def _name(settings: Config, champion: Snapshot, data: Sources | str) -> str:
    """Returns the name of a judgement, or an empty string where the champion or the data cannot be known.

    `sklearn://` data has no files that could tell it apart.
    """
    if champion.deployment is None or not data or (isinstance(data, Mapping) and not all(data.values())):
        return ""
    archive = settings.model.archive
    question = {
        "trimtab": trimtab.__version__,
        "champion": artifact.load(champion.deployment, "deployment").digest,
        "warm": champion.plan.warm,
        "config": champion.planned(settings).model_dump(mode="json", exclude=_NO_PART),
        "archive": [checksums_of(part) for part in sources.parts(archive)] if archive else [],
        "data": data,
    }
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


def _repository(settings: Config) -> Repository:
    assert settings.deploy.target is not None
    return Repository(settings.deploy.target)
