"""Deployments with faults: what is served is always a whole, verified, servable version."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trimtab.deploy import promotion, servable
from trimtab.deploy.repository import Repository
from trimtab.deploy.switch import promote, rollback
from trimtab.errors import ArtifactError, DeployError

DEPLOY = """
import sys
from pathlib import Path
from trimtab.deploy import promotion, servable
from trimtab.storage import artifact
target, selection, schema, hook = sys.argv[1:]
exec(hook)
try:
    source = artifact.load(selection, "selection")
    print(promotion.deploy(target, source, Path(schema).read_bytes(), "{}").version)
except promotion.DeployError as error:
    sys.exit("lost: " + error.message)
"""


def flip(path, place=2000):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def start(target, selection, dataset, hook=""):
    command = [sys.executable, "-c", DEPLOY, target, str(selection.path), str(dataset / "schema.json"), hook]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_versions_rise_and_the_champion_follows(target, make_selection, schema):
    first = promotion.deploy(target, make_selection(1), schema, "{}")
    second = promotion.deploy(target, make_selection(2), schema, "{}")
    assert (first.version, second.version, second.previous) == (1, 2, 1)
    assert first.difference == 0
    champion = Repository(target).champion()
    assert (champion.version, champion.previous) == (2, 1)
    assert second.uri == str(Path(target) / "2")
    names = {file.name for file in Path(second.uri).iterdir()}
    assert names == {"model.tflite", "schema.json", "golden.npz", "metadata.json", "manifest.json"}


@pytest.mark.usefixtures("unchecked")
def test_a_repeated_deployment_finds_its_own_work(target, make_selection, schema):
    first = promotion.deploy(target, make_selection(1), schema, "{}")
    again = promotion.deploy(target, make_selection(1), schema, "{}")
    assert (again.version, again.uri) == (first.version, first.uri)
    assert not (Path(target) / "2").exists()


def test_a_model_that_answers_otherwise_is_not_promoted(target, make_selection, schema):
    promotion.deploy(target, make_selection(1), schema, "{}")
    with pytest.raises(DeployError, match=r"differ from the golden predictions by up to 0\.001"):
        promotion.deploy(target, make_selection(2, error=1e-3), schema, "{}")
    assert Repository(target).champion().version == 1
    assert promotion.deploy(target, make_selection(3), schema, "{}").version == 3


def test_bits_that_flip_on_the_way_are_found_before_the_pointer_moves(
    target, make_selection, schema, monkeypatch
):
    promotion.deploy(target, make_selection(1), schema, "{}")
    add = Repository.add

    def add_and_flip(self, directory, training):
        version = add(self, directory, training)
        flip(Path(target) / str(version) / "model.tflite")
        return version

    monkeypatch.setattr(Repository, "add", add_and_flip)
    with pytest.raises(DeployError, match="SHA-256"):
        promotion.deploy(target, make_selection(2), schema, "{}")
    assert Repository(target).champion().version == 1


def test_nothing_chosen_is_nothing_to_deploy(target, tmp_path, schema):
    from trimtab.storage import artifact

    with artifact.create(tmp_path / "empty", "selection") as draft:
        (draft.path / "selection.json").write_text("{}")
    with pytest.raises(DeployError, match="nothing to deploy"):
        promotion.deploy(target, artifact.load(tmp_path / "empty", "selection"), schema, "{}")
    assert not Path(target).exists()


@pytest.mark.parametrize("moment", ["add", "check"])
@pytest.mark.usefixtures("unchecked")
def test_killed_before_the_pointer_moves_the_old_champion_stays(
    target, make_selection, schema, digits_dataset, moment
):
    promotion.deploy(target, make_selection(1), schema, "{}")
    before = (Path(target) / "champion.json").read_bytes()
    hook = {
        "add": "import os; Path.replace = lambda *a: os.kill(os.getpid(), 9)",
        "check": "import os; servable.check = lambda *a: os.kill(os.getpid(), 9)",
    }[moment]
    process = start(target, make_selection(2), digits_dataset, hook)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert (Path(target) / "champion.json").read_bytes() == before
    with Repository(target).fetched(1) as found:
        assert (found.path / "model.tflite").is_file()
    # The next deployment neither trips over the leavings nor reuses a number.
    third = promotion.deploy(target, make_selection(3), schema, "{}")
    assert third.previous == 1
    assert third.version > 1
    assert Repository(target).champion().version == third.version


@pytest.mark.usefixtures("unchecked")
def test_a_lost_counter_never_overwrites_a_version(target, make_selection, schema):
    promotion.deploy(target, make_selection(1), schema, "{}")
    before = (Path(target) / "1" / "model.tflite").read_bytes()
    (Path(target) / "versions.json").unlink()
    assert promotion.deploy(target, make_selection(2), schema, "{}").version == 2
    assert (Path(target) / "1" / "model.tflite").read_bytes() == before


@pytest.mark.parametrize("file", ["champion.json", "versions.json"])
@pytest.mark.usefixtures("unchecked")
def test_a_damaged_pointer_or_counter_is_a_typed_error(target, make_selection, schema, file):
    promotion.deploy(target, make_selection(1), schema, "{}")
    (Path(target) / file).write_text("{")
    with pytest.raises(DeployError, match=file):
        promotion.deploy(target, make_selection(2), schema, "{}")


def test_the_fresh_process_sees_no_training_library(target, make_selection, schema, monkeypatch, tmp_path):
    promotion.deploy(target, make_selection(1), schema, "{}")
    found = servable.check(target, 1)
    assert (found.imported, found.difference, found.examples) == ([], 0, 8)
    # The check would notice: a child that imports tensorflow on its way is refused.
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "tensorflow.py").write_text("")
    (tmp_path / "site" / "sitecustomize.py").write_text("import tensorflow")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    with pytest.raises(DeployError, match="serving it loaded tensorflow"):
        servable.check(target, 1)


def test_a_child_that_dies_is_a_typed_error(target, make_selection, schema, monkeypatch, tmp_path):
    promotion.deploy(target, make_selection(1), schema, "{}")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import os; os.kill(os.getpid(), 11)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    with pytest.raises(DeployError, match="SIGSEGV"):
        servable.check(target, 1)


@pytest.mark.usefixtures("unchecked")
def test_every_file_of_a_version_is_verified(target, make_selection, schema):
    promotion.deploy(target, make_selection(1), schema, "{}")
    for name in ("model.tflite", "schema.json", "golden.npz", "metadata.json"):
        path = Path(target) / "1" / name
        content = path.read_bytes()
        flip(path, len(content) // 2)
        with pytest.raises(ArtifactError, match=f"deployed/digits/1/{name}"), Repository(target).fetched(1):
            pass
        path.write_bytes(content)


@pytest.mark.usefixtures("unchecked")
def test_every_move_is_in_the_history(target, make_selection, schema):
    promotion.deploy(target, make_selection(1), schema, "{}", by="anna@laptop")
    promotion.deploy(target, make_selection(2), schema, "{}", by="run-7", forced=True, reason="it is Friday")
    first, second = Repository(target).champion().history
    assert (first.version, first.by, first.action, first.forced) == (1, "anna@laptop", "deploy", False)
    assert (second.version, second.by, second.forced, second.reason) == (2, "run-7", True, "it is Friday")
    assert first.at <= second.at


@pytest.mark.usefixtures("unchecked")
def test_only_the_pointer_that_a_model_was_judged_against_is_replaced(target, make_selection, schema):
    promotion.deploy(target, make_selection(1), schema, "{}", expected=None)
    judged = Repository(target).pointer()
    promotion.deploy(target, make_selection(2), schema, "{}", by="anna@laptop")
    for expected in (judged, None):
        with pytest.raises(DeployError, match=r"another deployment moved .* version 2, by anna@laptop"):
            promotion.deploy(target, make_selection(3), schema, "{}", expected=expected)
    assert Repository(target).versions() == [1, 2]  # nothing was copied for nothing
    judged = Repository(target).pointer()
    assert promotion.deploy(target, make_selection(3), schema, "{}", expected=judged).previous == 2
    again = promotion.deploy(target, make_selection(3), schema, "{}", expected=judged)
    assert (again.version, again.difference) == (3, None)


@pytest.mark.usefixtures("unchecked")
def test_a_damaged_pointer_is_replaced_by_one_who_has_seen_it(target, make_selection, schema):
    promotion.deploy(target, make_selection(1), schema, "{}")
    (Path(target) / "champion.json").write_text("{")
    with pytest.raises(DeployError, match=r"champion\.json: the file is damaged: .*\n.*trimtab promote"):
        promotion.deploy(target, make_selection(2), schema, "{}")
    promotion.deploy(target, make_selection(2), schema, "{}", expected=b"{", reason="retrained")
    champion = Repository(target).champion()
    assert (champion.version, champion.previous) == (2, None)
    assert champion.history[0].reason.startswith("retrained (champion.json was damaged")


@pytest.mark.usefixtures("unchecked")
def test_a_repeated_deployment_does_not_undo_a_rollback(target, make_selection, schema):
    for seed in (1, 2):
        promotion.deploy(target, make_selection(seed), schema, "{}")
    rollback(target)
    again = promotion.deploy(target, make_selection(2), schema, "{}")
    assert (again.version, again.previous, again.difference) == (2, 1, None)
    assert Repository(target).champion().version == 1


@pytest.mark.usefixtures("unchecked")
def test_what_a_person_promoted_was_not_deployed_by_this_step(target, make_selection, schema, monkeypatch):
    promotion.deploy(target, make_selection(1), schema, "{}")
    with monkeypatch.context() as stopped:
        stopped.setattr(promotion, "move", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            promotion.deploy(target, make_selection(2), schema, "{}")
    promote(target, 2)
    rollback(target)
    again = promotion.deploy(target, make_selection(2), schema, "{}")
    assert (again.version, again.previous) == (3, 1)
    assert Repository(target).champion().version == 3


@pytest.mark.usefixtures("unchecked")
def test_of_a_step_that_was_started_twice_both_find_the_same_version(
    target, make_selection, schema, monkeypatch
):
    check = servable.check

    def overtaken(*arguments):
        monkeypatch.setattr(servable, "check", check)
        promotion.deploy(target, make_selection(1), schema, "{}", expected=None)
        return check(*arguments)

    monkeypatch.setattr(servable, "check", overtaken)
    found = promotion.deploy(target, make_selection(1), schema, "{}", expected=None)
    assert (found.version, found.difference) == (1, None)
    assert len(Repository(target).champion().history) == 1
    assert Repository(target).versions() == [1]


@pytest.mark.usefixtures("unchecked")
def test_a_deployment_that_died_before_the_pointer_moved_goes_on_with_its_version(
    target, make_selection, schema, monkeypatch
):
    promotion.deploy(target, make_selection(1), schema, "{}")
    with monkeypatch.context() as patch:
        patch.setattr(servable, "check", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            promotion.deploy(target, make_selection(2), schema, "{}")
    assert promotion.deploy(target, make_selection(3), schema, "{}").version == 3
    again = promotion.deploy(target, make_selection(2), schema, "{}")
    assert (again.version, again.previous) == (2, 3)
    assert Repository(target).versions() == [1, 2, 3]


@pytest.mark.usefixtures("unchecked")
def test_a_damaged_version_that_a_deployment_left_is_made_anew(target, make_selection, schema, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(servable, "check", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            promotion.deploy(target, make_selection(1), schema, "{}")
    flip(Path(target) / "1" / "model.tflite")
    assert promotion.deploy(target, make_selection(1), schema, "{}").version == 2
