import base64
import hashlib
import multiprocessing
import os
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from faults.proxy import FOR_EVER, Fault, wait_until
from faults.s3 import S3Error

from trimtab.errors import ArtifactError, ConfigError, StorageError
from trimtab.storage.objects.limits import Limits
from trimtab.storage.objects.store import ObjectStore
from trimtab.storage.s3.objects import S3Objects
from trimtab.storage.store import open_store

URI = "s3://bucket/deep/prefix"
PUT = "PUT /bucket/"


def race(mine, barrier, wins):
    store = open_store(URI)
    for step in range(20):
        barrier.wait()
        expected = store.read("pointer")
        barrier.wait()
        content = b"same %d" % step if step % 2 else f"{step} {mine}".encode()
        if store.swap("pointer", expected, content):
            wins.put(step)


def test_of_processes_that_race_exactly_one_wins(s3_emulator):
    context = multiprocessing.get_context("spawn")
    barrier, wins = context.Barrier(3), context.Queue()
    processes = [context.Process(target=race, args=(n, barrier, wins)) for n in range(3)]
    for process in processes:
        process.start()
    won = [wins.get(timeout=60) for _ in range(20)]
    for process in processes:
        process.join(timeout=60)
    assert sorted(won) == list(range(20))
    assert wins.empty()


def test_a_forked_process_goes_on_with_connections_of_its_own(s3_emulator):
    """Tasks fork children for their branches after they have read from the store: ADR 29."""
    store = open_store(URI)
    store.write("x", b"1")
    pid = os.fork()
    if pid == 0:
        os._exit(0 if store.read("x") == b"1" and open_store(URI).swap("y", None, b"2") else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert store.read("y") == b"2"


def test_a_swap_whose_answer_is_lost_knows_that_it_won(s3_proxy, hasty):
    s3_proxy.spoil(Fault("lost answer", PUT))
    assert ObjectStore(URI, hasty).swap("pointer", None, b"1")
    assert len(s3_proxy.spoiled) == 1


def test_a_swap_that_lost_while_it_was_retried_knows_that_too(s3_proxy, hasty):
    store, other = ObjectStore(URI, hasty), ObjectStore(URI, hasty)
    store.write("pointer", b"old")
    s3_proxy.spoil(Fault("stall", PUT, seconds=0.5))
    with ThreadPoolExecutor(1) as pool:
        mine = pool.submit(store.swap, "pointer", b"old", b"new")
        wait_until(lambda: s3_proxy.spoiled)
        assert other.swap("pointer", b"old", b"theirs")
        assert not mine.result(timeout=10)
    assert store.read("pointer") == b"theirs"


def test_a_late_request_never_overwrites_what_came_after_it(s3_proxy, s3_emulator, hasty):
    store = ObjectStore(URI, hasty)
    store.write("x", b"0")
    s3_proxy.spoil(Fault("late", PUT, seconds=0.6))
    store.write("x", b"1")
    store.write("x", b"2")
    seen = len(s3_emulator.requests)
    wait_until(lambda: len(s3_emulator.requests) > seen)  # the late one arrives
    time.sleep(0.05)
    assert store.read("x") == b"2"


def test_a_late_deletion_spares_the_same_directory_that_was_written_meanwhile(s3_proxy, hasty, tmp_path):
    """ETags tell contents apart, not writes: the list of a directory is never the same twice."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "x").write_text("1")
    store = ObjectStore(URI, hasty)
    store.put_directory(tmp_path / "source", "v")
    s3_proxy.spoil(Fault("late", "DELETE", seconds=0.8))
    store.put_directory(tmp_path / "source", "v")
    time.sleep(0.6)
    assert store.has_directory("v")


def test_a_broken_download_goes_on_from_where_it_was(s3_proxy, s3_emulator, hasty, tmp_path):
    (tmp_path / "source").write_bytes(os.urandom(3 * 2**20))
    made = S3Objects("s3", "bucket", hasty).upload("x", tmp_path / "source", "")
    s3_emulator.requests.clear()
    s3_proxy.spoil(Fault("truncate", "GET /bucket/x", times=2))
    S3Objects("s3", "bucket", hasty).download(made, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "source").read_bytes()
    assert s3_emulator.requests == ["GET /bucket/x"] * 3


def test_a_content_that_is_replaced_while_it_is_read_is_read_from_its_start(s3_proxy, s3_emulator, hasty):
    s3_emulator.state.put("bucket", {"name": "x"}, b"a" * 2**20)
    s3_proxy.spoil(Fault("trickle", "GET /bucket/x", seconds=0.4))
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(S3Objects("s3", "bucket", hasty).read, "x")
        wait_until(lambda: s3_proxy.spoiled)
        s3_emulator.state.put("bucket", {"name": "x"}, b"b" * 2**20)
        content, _ = reading.result(timeout=20)
    assert content in (b"a" * 2**20, b"b" * 2**20)


def sums(content):
    """Returns the headers by which other clients' objects tell their checksums."""
    return {
        "sha256": {
            "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(content).digest()).decode(),
            "etag": '"0-2"',
        },
        "crc32": {
            "x-amz-checksum-crc32": base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode(),
            "etag": '"0-2"',
        },
        "md5": {},
    }


@pytest.mark.parametrize("kind", ["sha256", "crc32", "md5"])
def test_what_others_wrote_is_verified_by_what_they_told(s3_proxy, s3_emulator, hasty, tmp_path, kind):
    content = os.urandom(10_000)
    s3_emulator.state.put("bucket", {"name": "x", **sums(content)[kind]}, content)
    store = S3Objects("s3", "bucket", hasty)
    store.download(store.find("x"), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == store.read("x")[0] == content
    s3_proxy.spoil(Fault("corrupt", "GET /bucket/x", FOR_EVER))
    with pytest.raises(ArtifactError, match="checksum"):
        store.download(store.find("x"), tmp_path / "copy")
    with pytest.raises(ArtifactError, match="checksum"):
        store.read("x")


@pytest.mark.parametrize(
    "told",
    [
        {"etag": '"0123456789abcdef0123456789abcdef-7"'},  # an upload in parts
        {"etag": f'"{"0" * 32}"', "x-amz-server-side-encryption": "aws:kms"},
        {"etag": f'"{"0" * 32}"', "x-amz-server-side-encryption-customer-algorithm": "AES256"},
        {"etag": '"0-2"', "x-amz-checksum-crc32c": "AAAAAA==-2", "x-amz-checksum-sha256": "AAAA-2"},
    ],
)
def test_an_etag_that_is_no_checksum_is_none(s3_emulator, told):
    s3_emulator.state.put("bucket", {"name": "x", **told}, b"content")
    assert open_store("s3://bucket").read("x") == b"content"


def test_names_come_in_pages(s3_emulator):
    for number in range(2_500):
        s3_emulator.state.put("bucket", {"name": f"deep/prefix/{number:04d} +ü"}, b"")
    assert open_store(URI).names() == [f"{number:04d} +ü" for number in range(2_500)]
    assert len(s3_emulator.requests) == 2 * 3  # each twice, as there is no TLS


def test_a_bit_of_a_listing_is_not_believed(s3_proxy, s3_emulator, hasty):
    """Wherever it flips: the proxy changes the one in the middle, and names of all lengths move that."""
    for length in range(1, 40):
        s3_emulator.state.objects["bucket"] = {}
        names = ["x" * length, "y" * length]
        for name in names:
            s3_emulator.state.put("bucket", {"name": f"deep/prefix/{name}"}, b"")
        s3_proxy.spoil(Fault("corrupt", "GET /bucket"))
        assert ObjectStore(URI, hasty).names() == names
        assert s3_proxy.spoiled


@pytest.mark.parametrize(
    ("said", "instead", "told"),
    [
        ("<Key>deep/", "<Key>dee0/", "names that begin with deep/prefix"),
        ("<KeyCount>2<", "<KeyCount>3<", "its own count"),
        ("y</Key>", "x</Key>", "its own count"),
        ("<IsTruncated>false<", "<IsTruncated>falre<", "the way to the next page"),
        ("<IsTruncated>false<", "<IsTruncated>true<", "the way to the next page"),
        ("<Size>0<", "<Size>-1<", "the size and the time"),
        ("<Size>0<", "<Size><", "the size and the time"),
        ("2026-11", "2026-19", "the size and the time"),
        ("</Key>", "</Kez>", "found something else"),
        ("UTF-8", "UTF-9", "found something else"),
        ("ListBucketResult", "ListBuckeuResult", "found <ListBuckeuResult>"),
    ],
)
def test_a_listing_that_disagrees_with_itself_is_none(s3_emulator, monkeypatch, said, instead, told):
    for name in "xy":
        s3_emulator.state.put("bucket", {"name": f"deep/prefix/{name}"}, b"")
    handler, plain = s3_emulator.RequestHandlerClass, s3_emulator.RequestHandlerClass.answer

    def answer(self, status, content=b"", headers=None):
        assert said.encode() in content
        return plain(self, status, content.replace(said.encode(), instead.encode()), headers)

    monkeypatch.setattr(handler, "answer", answer)
    with pytest.raises(StorageError, match=told):
        ObjectStore(URI, Limits(1.0, 0.5, 0.1, 0.02)).names()


def test_a_listing_that_never_ends_is_an_error(s3_emulator, monkeypatch, hasty):
    monkeypatch.setattr(s3_emulator.state, "page", lambda *_: ([], "again"))
    with pytest.raises(StorageError, match=r"s3://bucket/deep/prefix.*same page"):
        ObjectStore(URI, hasty).names()


def test_no_access(s3_emulator, monkeypatch):
    s3_emulator.state.denied.add("bucket")
    for action in (lambda store: store.read("x"), lambda store: store.has_directory("x")):
        with pytest.raises(ConfigError, match=r"s3://bucket/x.*access is denied \(403") as caught:
            action(open_store("s3://bucket"))
        assert "GetObject" in caught.value.hint
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "SOMEBODY-ELSE")
    with pytest.raises(ConfigError, match=r"access is denied \(403 InvalidAccessKeyId\)") as caught:
        open_store("s3://bucket").check_writable()
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)


def test_a_bucket_of_another_region_is_told(s3_emulator, monkeypatch):
    def elsewhere(*_):
        raise S3Error(301, "PermanentRedirect")

    monkeypatch.setattr(s3_emulator.state, "get", elsewhere)
    handler = s3_emulator.RequestHandlerClass
    plain = handler.answer
    told = {"x-amz-bucket-region": "eu-west-3"}
    monkeypatch.setattr(
        handler, "answer", lambda self, status, content=b"", headers=None: plain(self, status, content, told)
    )
    with pytest.raises(ConfigError, match="the bucket is in another region: eu-west-3") as caught:
        open_store("s3://bucket").read("x")
    assert caught.value.hint == "Set AWS_REGION=eu-west-3."


def test_an_upload_over_a_slow_line_is_not_cut(s3_proxy, hasty, tmp_path):
    (tmp_path / "large").write_bytes(os.urandom(2**23))
    limits = replace(hasty, connect_seconds=0.1, retry_seconds=0.5, slowest_bytes_per_second=4 * 2**20)
    s3_proxy.spoil(Fault("slow upload", PUT, times=FOR_EVER))
    assert S3Objects("s3", "bucket", limits).upload("x", tmp_path / "large", "") is not None
    assert len(s3_proxy.spoiled) == 1


def test_a_file_that_grows_is_sent_to_where_it_ended(s3_emulator, hasty, tmp_path):
    file, objects_ = tmp_path / "events", S3Objects("s3", "bucket", hasty)
    file.write_bytes(b"start")
    with file.open("rb") as handle:
        file.write_bytes(b"start and more")
        assert objects_._send("x", handle, 5, "").size == 5
    assert s3_emulator.contents("bucket") == {"x": b"start"}
