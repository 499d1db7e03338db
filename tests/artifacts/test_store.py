"""The content store: the same question finds the same answer, and another one does not."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from trimtab.artifacts import code_version, failure, shard, store
from trimtab.artifacts.shard import Outcome
from trimtab.artifacts.store import ContentStore, output_of, reference
from trimtab.config.train import Train
from trimtab.errors import ArtifactError
from trimtab.storage.artifact import Manifest
from trimtab.storage.store import open_store


class Found(BaseModel):
    """What a stage found."""

    loss: float


@pytest.fixture(params=["here", "there"])
def run(request, tmp_path, emulator):
    return str(tmp_path / "runs" / "1") if request.param == "here" else "gs://bucket/runs/1"


def make(contents, ref, loss=0.5):
    with contents.create(ref) as draft:
        (draft.path / "weights").write_bytes(b"weights")
        draft.summary = Found(loss=loss)


def test_a_key_depends_on_every_part_of_the_question():
    asked = {"dataset": "dataset/1", "train": Train(), "seed": 0, "start": None}
    refs = {
        reference("model", **asked),
        reference("file", **asked),
        reference("model", **asked | {"dataset": "dataset/2"}),
        reference("model", **asked | {"train": Train(epochs=3)}),
        reference("model", **asked | {"seed": 1}),
        reference("model", **asked | {"start": {"champion": 3}}),
    }
    assert len(refs) == 6
    assert reference("model", **dict(reversed(asked.items()))) in refs
    assert all(len(ref.partition("/")[2]) == 32 for ref in refs)


def test_a_key_depends_on_the_code(monkeypatch):
    before = reference("model", seed=0)
    monkeypatch.setattr(store, "code_version", lambda: "another")
    assert reference("model", seed=0) != before


def test_the_codes_version_is_that_of_the_rooms_that_shape_results(tmp_path, monkeypatch):
    copy = tmp_path / "trimtab"
    shutil.copytree(Path(code_version.trimtab.__file__).parent, copy)
    monkeypatch.setattr(code_version.trimtab, "__file__", str(copy / "__init__.py"))

    def version():
        code_version.code_version.cache_clear()
        return code_version.code_version()

    try:
        first = version()
        (copy / "cli" / "run.py").write_text("")
        assert version() == first, "the command line makes no model"
        with (copy / "train" / "loop.py").open("a") as file:
            file.write("# a comment\n")
        second = version()
        assert second != first
        monkeypatch.setattr(code_version, "_version", lambda library: f"{library} 99")
        assert version() not in (first, second)
    finally:
        code_version.code_version.cache_clear()


def test_an_answer_is_there_for_every_run_of_the_same_output(run):
    ref, contents = reference("model", seed=0), ContentStore(run)
    assert contents.find(ref) is None
    make(contents, ref)
    another = ContentStore(f"{output_of(run)}/2")
    assert another.find(ref).summary == {"loss": 0.5}
    assert (another.open(ref).path / "weights").read_bytes() == b"weights"
    assert ContentStore(f"{output_of(run)}-elsewhere/1").find(ref) is None


def test_the_first_of_two_answers_stays(run):
    ref = reference("model", seed=0)
    for loss in (0.5, 0.7):
        make(ContentStore(run), ref, loss)
    assert ContentStore(run).find(ref).summary == {"loss": 0.5}


def test_a_damaged_answer_is_removed_and_can_be_given_again(tmp_path, capsys):
    ref, contents = reference("model", seed=0), ContentStore(str(tmp_path / "1"))
    make(contents, ref)
    (tmp_path / "store" / ref / "weights").write_bytes(b"WEIGHTS")
    with pytest.raises(ArtifactError, match="SHA-256") as caught:
        contents.open(ref)
    assert "made anew" in caught.value.hint
    assert "a damaged entry is removed" in capsys.readouterr().err
    assert contents.find(ref) is None
    make(contents, ref)
    contents.open(ref)


def test_a_damaged_manifest_is_no_answer(tmp_path):
    ref, contents = reference("model", seed=0), ContentStore(str(tmp_path / "1"))
    make(contents, ref)
    (tmp_path / "store" / ref / "manifest.json").write_text("{")
    assert contents.find(ref) is None
    make(contents, ref)
    assert contents.find(ref)


def test_the_manifest_of_another_entry_is_no_answer(run):
    contents = ContentStore(run)
    first, second = (contents.put("pruned", Found(loss=loss)) for loss in (0.25, 0.5))
    whole = open_store(output_of(run))
    other = whole.read(f"store/{second}/manifest.json")
    whole.write(f"store/{first}/manifest.json", other)
    assert contents.find(first) is None
    assert contents.put("pruned", Found(loss=0.25)) == first
    assert contents.open(first).manifest.summary == {"loss": 0.25}
    whole.write(f"store/{first}/manifest.json", other)
    with pytest.raises(ArtifactError, match=f"the manifest is that of {second}"):
        contents.open(first)


class Newer(Manifest):
    """A manifest of a trimtab to come."""

    files: dict[str, Any]
    signature: str


def test_fields_of_a_newer_version_are_left_alone(tmp_path):
    ref, contents = reference("model", seed=0), ContentStore(str(tmp_path / "1"))
    make(contents, ref)
    file = tmp_path / "store" / ref / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["files"]["weights"]["blake3"] = "of the future"
    file.write_text(
        Newer(**manifest | {"content_sha256": "", "signature": "of the future"}).model_dump_json()
    )
    assert "blake3" in file.read_text()
    contents.open(ref)


def test_a_run_leaves_word_of_what_it_uses(run):
    from trimtab.storage.store import open_store

    ref, contents = reference("model", seed=0), ContentStore(run)
    contents.find(ref)
    assert open_store(run).names("uses/") == [f"uses/{ref}"]
    contents.find("model/of-another", uses=False)
    assert open_store(run).names("uses/") == [f"uses/{ref}"]


def test_what_is_no_reference_is_told(tmp_path):
    for wrong in ("", "model", "model/", "/tmp", "model/../x", "model/x/y", "../x"):
        with pytest.raises(ArtifactError, match="expected a reference"):
            ContentStore(str(tmp_path / "1")).open(wrong)


def test_outcomes_of_a_shard_are_known_by_their_content(tmp_path):
    contents = ContentStore(str(tmp_path / "1"))
    outcomes = {"none": Outcome(ref="model/1"), "two_four": Outcome(reason="too bad")}
    ref = shard.write(contents, shard.PRUNED, outcomes)
    assert shard.write(contents, shard.PRUNED, outcomes) == ref
    assert shard.read(contents, shard.PRUNED, ref) == outcomes
    assert shard.write(contents, shard.PRUNED, {"none": Outcome(ref="model/2")}) != ref
    with pytest.raises(ArtifactError, match="expected what was quantized of a shard"):
        shard.read(contents, shard.QUANTIZED, ref)


def test_a_failure_is_kept_under_what_could_not_be_made(tmp_path):
    contents, ref = ContentStore(str(tmp_path / "1")), reference("file", step="int8")
    assert failure.read(contents, ref) is None
    failure.write(contents, ref, "LiteRT has no kernel")
    assert failure.read(contents, ref).reason == "LiteRT has no kernel"
    assert failure.read(contents, reference("file", step="float16")) is None
    assert contents.find(ref) is None


@pytest.mark.parametrize(
    ("run_uri", "output"),
    [
        ("/a/runs/1", "/a/runs"),
        ("runs/1/", "runs"),
        ("gs://b/runs/1", "gs://b/runs"),
        ("one", "."),
        ("/one", "/"),
    ],
)
def test_the_store_is_beside_the_runs(run_uri, output):
    assert output_of(run_uri) == output
