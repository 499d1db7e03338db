import json
import random

import pytest

from trimtab.errors import ArtifactError
from trimtab.storage import artifact
from trimtab.storage.artifact import Manifest


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "model"
    with artifact.create(path, "model") as draft:
        (draft.path / "weights.bin").write_bytes(bytes(range(256)) * 8)
        (draft.path / "deep").mkdir()
        (draft.path / "deep" / "history.json").write_text("{}")
        draft.counts["epochs"] = 3
        draft.lineage["dataset"] = "abc"
    return path


def test_what_is_written_is_loaded(written):
    loaded = artifact.load(written, "model")
    assert loaded.manifest.counts == {"epochs": 3}
    assert loaded.lineage == {"dataset": "abc"}
    assert set(loaded.manifest.files) == {"weights.bin", "deep/history.json"}


def test_any_flipped_bit_is_found(written):
    file, generator = written / "weights.bin", random.Random(0)
    content = file.read_bytes()
    for _ in range(50):
        changed = bytearray(content)
        changed[generator.randrange(len(changed))] ^= 1 << generator.randrange(8)
        file.write_bytes(changed)
        with pytest.raises(ArtifactError, match=r"weights\.bin.*SHA-256"):
            artifact.load(written, "model")


def test_a_cut_missing_or_foreign_file_is_found(written):
    file = written / "weights.bin"
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(ArtifactError, match="expected 2048 bytes, found 2047"):
        artifact.load(written, "model")
    file.unlink()
    with pytest.raises(ArtifactError, match=r"weights\.bin.*missing"):
        artifact.load(written, "model")
    file.write_bytes(content)
    (written / "extra").touch()
    with pytest.raises(ArtifactError, match="does not list"):
        artifact.load(written, "model")


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"kind": "cake"}'])
def test_a_damaged_manifest_is_found(written, content):
    (written / "manifest.json").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        artifact.load(written, "model")


def test_another_kind_or_version_is_refused(written):
    with pytest.raises(ArtifactError, match="expected a dataset artifact, found a model"):
        artifact.load(written, "dataset")
    newer = Manifest.model_validate_json((written / "manifest.json").read_bytes())
    newer.schema_version = 99
    (written / "manifest.json").write_text(newer.model_dump_json())
    with pytest.raises(ArtifactError, match="schema version"):
        artifact.load(written, "model")


def test_no_flipped_bit_of_a_manifest_reads_as_another_valid_one(written):
    file = written / "manifest.json"
    before = artifact.load(written, "model")
    content = file.read_bytes()
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            found = artifact.parse(bytes(flipped), "model", "here")
        except ArtifactError:
            continue
        assert found == before.manifest


def test_a_manifest_of_a_trimtab_before_checksums_is_read(written):
    file = written / "manifest.json"
    content = json.loads(file.read_text())
    del content["content_sha256"]
    file.write_text(json.dumps(content))
    assert artifact.load(written, "model").lineage == content["lineage"]


def test_no_manifest_is_no_artifact(tmp_path):
    with pytest.raises(ArtifactError, match=r"no manifest\.json"):
        artifact.load(tmp_path, "model")


def test_an_error_while_writing_leaves_what_was_there(written):
    before = artifact.load(written, "model").digest
    with pytest.raises(RuntimeError), artifact.create(written, "model") as draft:
        (draft.path / "half").write_text("x")
        raise RuntimeError
    assert artifact.load(written, "model").digest == before
    assert [entry.name for entry in written.parent.iterdir()] == ["model"]


def test_the_digest_follows_the_content_alone(tmp_path):
    digests = []
    for name in ("a", "b"):
        with artifact.create(tmp_path / name, "model") as draft:
            (draft.path / "x").write_text("same")
        digests.append(artifact.load(tmp_path / name, "model").digest)
    assert digests[0] == digests[1]
