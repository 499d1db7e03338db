"""Tokens: what the question of a cached stage is, and which run a task belongs to."""

import pytest

from trimtab.artifacts import answered
from trimtab.artifacts.store import ContentStore
from trimtab.config.config import Config
from trimtab.stages import tokens
from trimtab.stages.stage import recorded
from trimtab.storage.store import open_store

BASE = {
    "data": {"train": "rows.csv", "label": "y"},
    "model": {"architecture": "mlp"},
    "recipes": [["none"]],
    "budget": {"max_accuracy_drop": 0.1},
}


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Returns a function that begins a run, and returns what its tasks after `data_prep` are given."""
    number = iter(range(100))

    def draw(dataset="dataset/0", **sections):
        run = str(tmp_path / f"run-{next(number)}")
        monkeypatch.setenv(tokens.RUN_ID, run.rpartition("/")[2])
        config = Config.model_validate({**BASE, **sections})
        with recorded("data_prep", run) as task:
            tokens.draw(task, config, dataset, None)
        return tokens.prepared(run, dataset)

    return draw


def test_the_same_question_has_the_same_token(drawn):
    assert drawn() == drawn()
    assert drawn().training.startswith("asked/")
    assert drawn().training != drawn().candidates


@pytest.mark.parametrize(
    ("changed", "training", "candidates"),
    [
        ({"budget": {"max_accuracy_drop": 0.1, "max_size_kb": 9}}, True, True),
        ({"budget": {"max_accuracy_drop": 0.1, "min_speedup": 2, "objective": "size"}}, True, True),
        ({"train": {"checkpoint_seconds": 7}}, True, True),
        ({"deploy": {"target": "elsewhere"}, "resources": {"parallel": 3}}, True, True),
        ({"budget": {"max_accuracy_drop": 0.2}}, True, False),  # by it, `prune` lets branches go
        ({"recipes": [["none"], ["int8"]]}, True, False),
        ({"train": {"epochs": 7}}, False, False),
        ({"seed": 7}, False, False),
        ({"model": {"architecture": "mlp", "params": {"units": 3}}}, False, False),
        ({"dataset": "dataset/1"}, False, False),
    ],
)
def test_what_a_stage_depends_on_is_in_its_question_and_what_it_does_not_is_not(
    drawn, changed, training, candidates
):
    before, after = drawn(), drawn(**changed)
    assert (after.training == before.training) is training
    assert (after.candidates == before.candidates) is candidates


def test_an_archive_is_told_by_its_content(drawn, tmp_path):
    archive = tmp_path / "model.keras"
    archive.write_bytes(b"one")
    model = {"architecture": None, "archive": str(archive)}
    before = drawn(model=model)
    assert drawn(model=model) == before
    archive.write_bytes(b"two")
    after = drawn(model=model)
    assert after.training != before.training
    assert after.candidates != before.candidates


def test_another_trimtab_has_other_tokens(drawn, monkeypatch):
    before = drawn()
    monkeypatch.setattr("trimtab.artifacts.store.code_version", lambda: "another")
    assert drawn().training != before.training


@pytest.mark.parametrize("known", [None, "", "another-run"])
def test_where_pods_do_not_know_their_run_every_task_is_told_it(drawn, tmp_path, monkeypatch, known):
    """On one machine; and where a run goes on in the directory of another one."""
    run = str(tmp_path / "this")
    monkeypatch.delenv(tokens.RUN_ID, raising=False)
    if known is not None:
        monkeypatch.setenv(tokens.RUN_ID, known)
    with recorded("data_prep", run) as task:
        tokens.draw(task, Config.model_validate(BASE), "dataset/0", None)
    assert tokens.prepared(run, "dataset/0") == ("dataset/0", "this", "this")
    assert tokens.directory(f"{tmp_path}/", "this") == run
    assert open_store(str(tmp_path)).names("store/") == []


def test_a_task_with_a_token_finds_its_run_by_the_pods_label(drawn, tmp_path, monkeypatch):
    token = drawn().training
    monkeypatch.setenv(tokens.RUN_ID, "this")
    assert tokens.directory("gs://bucket/runs/", token) == "gs://bucket/runs/this"


def test_a_task_with_a_token_in_a_pod_that_knows_no_run_says_what_to_do(drawn, monkeypatch, capfd):
    token = drawn().training
    monkeypatch.delenv(tokens.RUN_ID)
    with pytest.raises(SystemExit) as ended:
        tokens.directory("runs", token)
    assert ended.value.code == 2
    said = "".join(capfd.readouterr())
    assert "use_field_path_as_env" in said
    assert "pipeline/runid" in said


def test_a_task_has_kept_its_answer_before_it_ends_well(drawn, tmp_path, monkeypatch):
    token = drawn().training
    run = str(tmp_path / "run-0")
    monkeypatch.setattr(answered, "keep", _refuse)
    with pytest.raises(SystemExit) as ended, recorded("train", run):
        pass
    assert ended.value.code == 1
    assert answered.token(ContentStore(run), run, token.rpartition("/")[0]) == token


def _refuse(*_):
    from trimtab.errors import StorageError

    raise StorageError("it is full")
