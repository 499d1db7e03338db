"""Large objects, sent in parts; the sizes are a thousandth of the real ones."""

import os
import signal

import pytest
from faults.proxy import FOR_EVER, KINDS, Fault
from faults.s3 import S3Error

from trimtab.errors import StorageError
from trimtab.storage.objects.base import NOTHING
from trimtab.storage.objects.limits import Limits
from trimtab.storage.s3 import parts
from trimtab.storage.s3.objects import S3Objects

PART = 32 * 1024
CONTENT = os.urandom(3 * PART + 100)
PHASES = {
    "begin": r"POST /bucket/x\?uploads",
    "part": "PUT /bucket/x",
    "complete": r"POST /bucket/x\?uploadId",
}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "FROM_BYTES", 3 * PART)
    monkeypatch.setattr(parts, "PART_BYTES", PART)


@pytest.fixture
def server(s3_emulator):
    s3_emulator.state.smallest_part = PART
    return s3_emulator


@pytest.fixture
def large(tmp_path):
    (tmp_path / "large").write_bytes(CONTENT)
    return tmp_path / "large"


def test_there_and_back(server, hasty, large, tmp_path):
    objects = S3Objects("s3", "bucket", hasty)
    made = objects.upload("deep/ü x", large, NOTHING)
    assert len([line for line in server.requests if line.startswith("PUT")]) == 4
    assert objects.find("deep/ü x") == made
    assert made.generation.endswith('-4"')
    objects.download(made, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == objects.read("deep/ü x")[0] == CONTENT
    assert server.state.uploads == {}


def test_another_reading_of_the_protocol(moto_s3, hasty, tmp_path, monkeypatch):
    """moto wants parts of 5 MiB, as S3 does."""
    monkeypatch.setattr(parts, "PART_BYTES", 5 * 2**20)
    (tmp_path / "large").write_bytes(content := os.urandom(5 * 2**20 + 7))
    objects = S3Objects("s3", "bucket", hasty)
    assert objects.upload("x", tmp_path / "large", NOTHING) == objects.find("x")
    assert objects.read("x")[0] == content
    assert objects.upload("x", tmp_path / "large", NOTHING) is None


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_that_passes_is_not_noticed(server, s3_proxy, hasty, large, phase, kind):
    s3_proxy.spoil(Fault(kind, PHASES[phase], times=2))
    made = S3Objects("s3", "bucket", hasty).upload("x", large, NOTHING)
    assert server.contents("bucket") == {"x": CONTENT}
    assert made == S3Objects("s3", "bucket", hasty).find("x")
    assert server.state.uploads == {}
    assert s3_proxy.spoiled


def test_a_part_that_breaks_off_is_sent_again_alone(server, s3_proxy, hasty, large):
    s3_proxy.spoil(Fault("lost answer", "partNumber=2"))
    S3Objects("s3", "bucket", hasty).upload("x", large, NOTHING)
    sent = [line.partition("partNumber=")[2][0] for line in server.requests if line.startswith("PUT")]
    assert sent == ["1", "2", "2", "3", "4"]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("kind", ["503", "reset", "stall", "html", "corrupt upload"])
def test_a_fault_that_lasts_leaves_nothing(server, s3_proxy, large, phase, kind):
    s3_proxy.spoil(Fault(kind, PHASES[phase], FOR_EVER))
    if kind == "corrupt upload" and phase == "begin":
        pytest.skip("it carries nothing")
    with pytest.raises(StorageError, match="s3://bucket/x: it kept failing"):
        S3Objects("s3", "bucket", Limits(1.0, 0.2, 0.5, 0.02, 0.2, 10_000_000)).upload("x", large, NOTHING)
    assert server.contents("bucket") == {}
    assert server.state.uploads == {}


def test_the_generation_that_it_names_is_replaced_and_no_other(server, hasty, large):
    objects = S3Objects("s3", "bucket", hasty)
    first = objects.write("x", b"1", NOTHING)
    assert objects.upload("x", large, NOTHING) is None
    second = objects.write("x", b"2", first.generation)
    assert objects.upload("x", large, first.generation) is None
    assert objects.upload("x", large, second.generation) is not None
    assert objects.upload("none", large, second.generation) is None
    assert server.contents("bucket") == {"x": CONTENT}
    assert server.state.uploads == {}


def test_another_writer_wins_while_parts_are_on_their_way(server, hasty, large, monkeypatch):
    """Between its first part and its last, the other one writes, and ends what had begun before."""
    objects = S3Objects("s3", "bucket", hasty)
    plain = parts._part

    def overtaken(client, new, upload, number, body):
        if number == 3 and new.generation == NOTHING:
            monkeypatch.setattr(parts, "_part", plain)
            there = objects.write("x", b"theirs", NOTHING)
            assert objects.upload("x", large, there.generation)
        return plain(client, new, upload, number, body)

    monkeypatch.setattr(parts, "_part", overtaken)
    assert objects.upload("x", large, NOTHING) is None
    assert server.contents("bucket") == {"x": CONTENT}
    assert server.state.uploads == {}


def test_what_a_killed_writer_left_goes_when_the_next_one_has_written(server, hasty, large):
    objects = S3Objects("s3", "bucket", hasty)
    pid = os.fork()
    if pid == 0:
        parts._completed = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        objects.upload("x", large, NOTHING)
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    (left,) = server.state.uploads.values()
    assert len(left.parts) == 4
    assert objects.upload("x-other", large, NOTHING)
    assert list(server.state.uploads.values()) == [left]
    assert objects.upload("x", large, NOTHING)
    assert server.state.uploads == {}


def test_an_upload_that_somebody_ended_is_an_error(server, hasty, large, monkeypatch):
    def ended(*_):
        server.state.uploads.clear()
        raise S3Error(404, "NoSuchUpload")

    monkeypatch.setattr(server.state, "complete", ended)
    with pytest.raises(StorageError, match="somebody ended its upload"):
        S3Objects("s3", "bucket", hasty).upload("x", large, NOTHING)


def test_an_error_that_comes_after_its_status_is_none_of_the_object(server, hasty, large, monkeypatch):
    handler, failures = server.RequestHandlerClass, ["<Error><Code>InternalError</Code></Error>"] * 2
    plain = handler.document

    def document(self, root, rows):
        if root == "CompleteMultipartUploadResult" and failures:
            return self.answer(200, failures.pop().encode())
        return plain(self, root, rows)

    monkeypatch.setattr(handler, "document", document)
    assert S3Objects("s3", "bucket", hasty).upload("x", large, NOTHING)
    assert server.contents("bucket") == {"x": CONTENT}


def test_what_is_too_large_is_told(server, monkeypatch, hasty, tmp_path):
    monkeypatch.setattr(parts, "LARGEST_BYTES", 10)
    (tmp_path / "x").write_bytes(b"1" * 11)
    with pytest.raises(StorageError, match="s3://bucket/x: it has"):
        S3Objects("s3", "bucket", hasty).upload("x", tmp_path / "x", "")


def test_as_many_parts_as_there_may_be(server, monkeypatch, hasty, large):
    monkeypatch.setattr(parts, "PART_BYTES", 1)
    monkeypatch.setattr(parts, "_MOST_PARTS", 3)
    server.state.smallest_part = 1
    S3Objects("s3", "bucket", hasty).upload("x", large, NOTHING)
    assert len([line for line in server.requests if line.startswith("PUT")]) == 3
