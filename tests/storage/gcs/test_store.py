"""Objects in a bucket: by name, in swaps, through faults."""

import itertools
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from faults.emulator import Handler
from faults.proxy import FOR_EVER, Fault, wait_until

from trimtab.errors import ConfigError, StorageError
from trimtab.storage.gcs.objects import GcsObjects
from trimtab.storage.objects.store import ObjectStore
from trimtab.storage.parallel import in_parallel
from trimtab.storage.store import open_store, write

URI = "gs://bucket/deep/prefix"


def test_objects_by_name(emulator):
    store = open_store(URI + "/")
    assert store.uri == URI
    assert store.read("a/b.json") is None
    store.write("a/b.json", b"1")
    store.write("a/b.json", b"2")
    store.write("c", b"")
    store.write(".hidden", b"")
    assert (store.read("a/b.json"), store.read("c")) == (b"2", b"")
    assert store.names() == ["a/b.json", "c"]
    assert store.names("a/") == ["a/b.json"]
    assert set(emulator.contents("bucket")) == {
        f"deep/prefix/{name}" for name in ("a/b.json", "c", ".hidden")
    }


def test_a_bucket_itself_is_a_store(emulator):
    store = open_store("gs://bucket")
    store.write("x", b"1")
    assert store.names() == ["x"]
    assert emulator.contents("bucket") == {"x": b"1"}


def test_one_file_by_its_uri(emulator, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for uri in ("gs://bucket/out/lines.jsonl", "gs://bucket/x", "lines.jsonl", str(tmp_path / "new" / "x")):
        write(uri, b"1")
    assert emulator.contents("bucket") == {"out/lines.jsonl": b"1", "x": b"1"}
    assert (tmp_path / "lines.jsonl").read_bytes() == b"1"
    assert (tmp_path / "new/x").read_bytes() == b"1"
    for uri in ("gs://bucket/", "gs://bucket", "gs:/bucket/x"):
        with pytest.raises(ConfigError, match="gs:/"):
            write(uri, b"1")


def test_swap_needs_the_expected_content(emulator):
    store = open_store(URI)
    assert store.swap("pointer", None, b"1")
    assert not store.swap("pointer", None, b"2")
    assert not store.swap("pointer", b"0", b"2")
    assert store.swap("pointer", b"1", b"2")
    assert store.read("pointer") == b"2"


def race(mine, barrier, wins):
    store = open_store(URI)
    for step in range(20):
        barrier.wait()
        expected = store.read("pointer")
        barrier.wait()
        if store.swap("pointer", expected, b"the same from both" if step % 2 else f"{step} {mine}".encode()):
            wins.put(step)


def test_of_two_processes_that_race_exactly_one_wins(emulator):
    context = multiprocessing.get_context("spawn")
    barrier, wins = context.Barrier(2), context.Queue()
    processes = [context.Process(target=race, args=(n, barrier, wins)) for n in range(2)]
    for process in processes:
        process.start()
    won = [wins.get(timeout=60) for _ in range(20)]
    for process in processes:
        process.join(timeout=60)
    assert sorted(won) == list(range(20))
    assert wins.empty()


def test_an_upload_over_a_slow_line_is_not_cut(proxy, emulator, hasty, tmp_path):
    (tmp_path / "large").write_bytes(os.urandom(2**23))
    limits = replace(hasty, connect_seconds=0.1, retry_seconds=0.5, slowest_bytes_per_second=4 * 2**20)
    proxy.spoil(Fault("slow upload", "upload", times=FOR_EVER))
    assert GcsObjects("gs", "bucket", limits).upload("x", tmp_path / "large", "") is not None
    assert len(proxy.spoiled) == 1
    assert limits.within(3.0).for_block(2**30) == limits.within(3.0)


def test_what_nobody_waits_for_any_more_is_not_tried_again(proxy, hasty):
    store = ObjectStore(URI, replace(hasty, retry_seconds=10**6))
    proxy.spoil(Fault("503", "for-ever", times=FOR_EVER))

    def work(name):
        if name == "for-ever":
            return store.read(name)
        wait_until(lambda: proxy.spoiled)
        raise ValueError(name)

    with pytest.raises(ValueError, match="fails"):
        in_parallel(work, ["for-ever", "fails"])


def test_a_swap_whose_answer_is_lost_knows_that_it_won(proxy, hasty):
    store = ObjectStore(URI, hasty)
    proxy.spoil(Fault("lost answer", "uploadType"))
    assert store.swap("pointer", None, b"1")
    assert len(proxy.spoiled) == 1


def test_a_swap_that_lost_while_it_was_retried_knows_that_too(proxy, emulator, hasty):
    store, other = ObjectStore(URI, hasty), ObjectStore(URI, hasty)
    store.write("pointer", b"old")
    proxy.spoil(Fault("stall", "uploadType", seconds=0.5))
    with ThreadPoolExecutor(1) as pool:
        mine = pool.submit(store.swap, "pointer", b"old", b"new")
        wait_until(lambda: proxy.spoiled)
        assert other.swap("pointer", b"old", b"new")
        assert not mine.result(timeout=10)


def test_a_late_request_never_overwrites_what_came_after_it(proxy, emulator, hasty):
    store = ObjectStore(URI, hasty)
    store.write("x", b"0")
    proxy.spoil(Fault("late", "uploadType", seconds=0.6))
    store.write("x", b"1")
    store.write("x", b"2")
    seen = len(emulator.requests)
    wait_until(lambda: len(emulator.requests) > seen)  # the late one arrives
    time.sleep(0.05)
    assert store.read("x") == b"2"


def test_100_000_names_come_in_pages(emulator):
    for number in range(100_000):
        emulator.state.put("bucket", {"name": f"deep/prefix/{number:06d}/x"}, b"")
    emulator.state.put("bucket", {"name": "deep/prefix2/other"}, b"")
    names = open_store(URI).names()
    assert names == [f"{number:06d}/x" for number in range(100_000)]
    assert len([line for line in emulator.requests if "/o?" in line]) == 100


@pytest.mark.parametrize("tokens", [["a"], ["a", "b"]])
def test_a_listing_that_never_ends_is_an_error(emulator, monkeypatch, hasty, tokens):
    answers = itertools.cycle([([{"name": "deep/prefix/x"}], token) for token in tokens])
    monkeypatch.setattr(emulator.state, "page", lambda *_: next(answers))
    with pytest.raises(StorageError, match=r"gs://bucket/deep/prefix.*same page"):
        ObjectStore(URI, hasty).names()


def test_an_empty_page_is_not_the_end(emulator, monkeypatch):
    answers = iter([([], "a"), ([{"name": "deep/prefix/x"}], None)])
    monkeypatch.setattr(emulator.state, "page", lambda *_: next(answers))
    assert open_store(URI).names() == ["x"]


def test_a_server_that_does_not_tell_the_generation_of_content(emulator, monkeypatch):
    """Emulators such as gcp-storage-emulator do not; Cloud Storage does."""
    answer = Handler.answer
    monkeypatch.setattr(
        Handler,
        "answer",
        lambda self, status, content=b"", headers=None: answer(
            self, status, content, {n: v for n, v in (headers or {}).items() if not n.startswith("X-Goog")}
        ),
    )
    store = open_store(URI)
    assert store.swap("pointer", None, b"1")
    assert store.swap("pointer", b"1", b"2")
    assert store.read("pointer") == b"2"


def test_a_local_store_does_not_pay_for_the_client():
    script = (
        "import sys; from trimtab.storage import store, files, mirror; store.open_store('x');"
        "print('google.cloud' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "False"
