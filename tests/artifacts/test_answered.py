"""Under which tokens Kubeflow's cache may answer for tasks: as long as every answer holds."""

import pytest
from pydantic import BaseModel

from trimtab.artifacts import answered
from trimtab.artifacts.record import EntryRecord, StageRecord, read_records
from trimtab.artifacts.store import ContentStore, reference
from trimtab.artifacts.sweep import sweep
from trimtab.storage.store import open_store

QUESTION = reference(answered.KIND, of="this")


class Note(BaseModel):
    """What an entry is about."""

    text: str


@pytest.fixture(params=["here", "there"])
def output(request, tmp_path, emulator):
    return str(tmp_path / "runs") if request.param == "here" else "gs://bucket/runs"


def token(output, run="2"):
    return answered.token(ContentStore(f"{output}/{run}"), f"{output}/{run}", QUESTION)


def answer(output, run="1", *, stage="train", shard="", entry=None):
    """Does what a task with a token does that ends well; returns the entry that it has made."""
    where = f"{output}/{run}"
    store = ContentStore(where)
    answered.write_tokens(where, {stage: answered.token(store, where, QUESTION)})
    ref = reference("model", text=stage)
    with store.create(ref) as draft:
        (draft.path / "file").write_bytes(b"content")
        draft.summary = Note(text=stage)
    record = StageRecord(
        stage=stage, shard=shard, ok=True, seconds=3.0, entries=[entry or EntryRecord(seconds=3.0)]
    )
    answered.keep(store, where, record)
    return ref


def test_a_token_stays_as_long_as_what_was_answered_is_there(output):
    before = token(output, "1")
    ref = answer(output)
    assert token(output) == before
    ContentStore(f"{output}/1")._artifacts.remove(ref)
    after = token(output)
    assert after != before
    assert token(output, "3") == after


def test_a_run_that_is_given_a_token_keeps_the_entries_from_then_on(output):
    ref = answer(output)
    token(output)
    assert {f"uses/{ref}", f"uses/{QUESTION}"} <= set(open_store(f"{output}/2").names("uses/"))


def test_what_failed_by_chance_is_asked_again_and_what_fails_for_good_is_not(output):
    before = token(output)
    answer(output, entry=EntryRecord(name="a", ok=False, reason="no kernel for it"))
    assert token(output) == before
    answer(output, entry=EntryRecord(name="a", ok=False, reason="memory ran out", by_chance=True))
    assert token(output) != before


def test_an_answer_that_cannot_be_read_holds_no_longer(output):
    before = token(output)
    answer(output)
    open_store(f"{output}/store").write(f"{before}/train.json", b'{"record": ')
    assert token(output) != before


def test_a_question_that_was_cleaned_away_is_a_new_one(output):
    before = token(output)
    answer(output)
    for run in ("1", "2"):
        open_store(f"{output}/{run}").write("result.json", b"{}")
        open_store(output).remove_directory(run)
    assert QUESTION in {one.ref for one in sweep(output, -1.0)}
    assert token(output) != before


def test_a_damaged_entry_is_noticed_when_the_next_run_asks(output):
    before, ref = token(output), answer(output)
    store = open_store(f"{output}/store")
    store.write(f"{ref}/manifest.json", b"{")
    assert token(output) != before


def test_of_two_runs_that_ask_at_once_both_have_the_same_token(output):
    first, second = ContentStore(f"{output}/1"), ContentStore(f"{output}/2")
    assert answered.token(first, f"{output}/1", QUESTION) == answered.token(second, f"{output}/2", QUESTION)


def test_records_of_skipped_tasks_are_filled_in_and_others_are_not(output):
    answer(output, stage="train")
    answer(output, stage="prune", shard="1/2")
    answer(output, stage="prune", shard="1/1")
    run = f"{output}/2"
    answered.write_tokens(run, dict.fromkeys(["train", "prune"], token(output)))
    own = StageRecord(stage="train", error="it ran").model_dump_json().encode()
    open_store(run).write("stages/train.json", own)
    answered.recall(run, [("train", ""), ("prune", "1/2"), ("prune", "2/2")])
    found = {(one.stage, one.shard): one for one in read_records(run)}
    assert found.keys() == {("train", ""), ("prune", "1/2")}
    assert found["train", ""].error == "it ran"
    skipped = found["prune", "1/2"]
    assert (skipped.ok, skipped.reused, skipped.seconds) == (True, True, 0.0)
    assert [(one.reused, one.seconds) for one in skipped.entries] == [(True, 0.0)]


def test_a_run_without_tokens_keeps_no_answers(output):
    store = ContentStore(f"{output}/1")
    answered.keep(store, f"{output}/1", StageRecord(stage="train", ok=True))
    assert open_store(f"{output}/store").names() == []
