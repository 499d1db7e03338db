"""What Kubeflow's cache may answer in the place of a task, and what was answered.

    <output>/store/asked/<key>/stamp               under which stamp answers hold
    <output>/store/asked/<key>/<stamp>/<task>.json what a task answered
    <run>/tokens.json                              the tokens of the run's tasks

The cache skips a task whose image and arguments are those of one that ended well, and knows nothing else. So
a task that it may skip takes a *token*, ``asked/<key>/<stamp>``. The key is a digest of the question: all
that the task depends on beside its other arguments. The stamp is drawn anew where an answer holds no longer:
an entry is gone, or something failed by chance. Each run looks, in a task that is never skipped, before it
hands the token on; and like any task, it leaves word of entries before it looks for them.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping

from pydantic import BaseModel, ValidationError

from trimtab.artifacts.record import RECORDS, StageRecord
from trimtab.artifacts.store import STORE, ContentStore, output_of
from trimtab.storage.parallel import in_parallel
from trimtab.storage.store import Store, open_store

KIND = "asked"
TOKENS_FILE = "tokens.json"
_STAMP, _STAMP_BYTES = "stamp", 6


class Tokens(BaseModel):
    """The tokens of a run's tasks."""

    by_stage: dict[str, str]


class Answer(BaseModel):
    """What a task answered that ended well.

    Attributes:
        record: Its record.
        entries: The references of what it made or found.
    """

    record: StageRecord
    entries: list[str]


def token(store: ContentStore, run_uri: str, ref: str) -> str:
    """Returns the token of a question, under which every answer so far holds.

    Args:
        store: The content store.
        run_uri: The URI of the run's directory, which is going to use the answers.
        ref: The question's reference.
    """
    store.use(ref)
    objects = _objects(run_uri)
    while True:
        stamp = objects.read(f"{ref}/{_STAMP}")
        if stamp is not None and _holds(store, objects, token := f"{ref}/{stamp.decode()}"):
            return token
        # Where another run has drawn one meanwhile, that one is looked at.
        objects.swap(f"{ref}/{_STAMP}", stamp, secrets.token_hex(_STAMP_BYTES).encode())


def _holds(store: ContentStore, objects: Store, token: str) -> bool:
    """Returns whether a run may be given the answers: nothing is gone, and nothing is worth another try."""
    answers = _answers(objects, token)
    if answers is None or any(entry.by_chance for answer in answers for entry in answer.record.entries):
        return False
    entries = dict.fromkeys(ref for answer in answers for ref in answer.entries)
    return all(manifest is not None for manifest in in_parallel(store.find, entries))


def _answers(objects: Store, token: str) -> list[Answer] | None:
    """Returns the answers under a token; None if one cannot be read."""
    contents = in_parallel(objects.read, objects.names(f"{token}/"))
    try:
        return [Answer.model_validate_json(content or b"") for content in contents]
    except ValidationError:
        return None


def write_tokens(run_uri: str, by_stage: Mapping[str, str]) -> None:
    """Leaves the tokens for the run's tasks."""
    open_store(run_uri).write(TOKENS_FILE, Tokens(by_stage=dict(by_stage)).model_dump_json().encode())


def read_tokens(run_uri: str) -> dict[str, str]:
    """Returns the tokens of a run's tasks by stage; none where every task is told the run's id."""
    content = open_store(run_uri).read(TOKENS_FILE)
    return Tokens.model_validate_json(content).by_stage if content else {}


def keep(store: ContentStore, run_uri: str, record: StageRecord) -> None:
    """Keeps what a task answered, if it has a token; it must be there before the task ends well."""
    if token := read_tokens(run_uri).get(record.stage):
        answer = Answer(record=record, entries=sorted(store.there))
        name = record.name.removeprefix(RECORDS)
        _objects(run_uri).write(f"{token}/{name}", answer.model_dump_json().encode())


def recall(run_uri: str, tasks: Collection[tuple[str, str]]) -> None:
    """Leaves the records of tasks that were skipped, since their answers were known.

    Args:
        run_uri: The URI of the run's directory.
        tasks: The stages and shards of tasks that ran, or were skipped.
    """
    store, objects = open_store(run_uri), _objects(run_uri)
    for token in dict.fromkeys(read_tokens(run_uri).values()):
        for answer in _answers(objects, token) or []:
            record = answer.record
            if (record.stage, record.shard) in tasks and store.read(record.name) is None:
                store.write(record.name, _reused(record).model_dump_json(indent=2).encode())


def _reused(record: StageRecord) -> StageRecord:
    """Returns the record of a task that found all that it was to make."""
    entries = [entry.model_copy(update={"reused": True, "seconds": 0.0}) for entry in record.entries]
    return record.model_copy(update={"reused": True, "seconds": 0.0, "entries": entries})


def _objects(run_uri: str) -> Store:
    return open_store(f"{output_of(run_uri)}/{STORE}")
