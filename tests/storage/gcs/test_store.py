import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from faults.emulator import ApiError, Handler
from faults.proxy import FOR_EVER, Fault, wait_until

from trimtab.errors import ArtifactError, ConfigError, StorageError
from trimtab.storage import artifact
from trimtab.storage.gcs.objects import GcsObjects
from trimtab.storage.objects.store import WHOLE, ObjectStore
from trimtab.storage.parallel import in_parallel
from trimtab.storage.store import open_store, write

URI = "gs://bucket/deep/prefix"


@pytest.fixture
def tree(tmp_path):
    """Returns a directory with files of all sizes."""
    directory = tmp_path / "tree"
    (directory / "a" / "b").mkdir(parents=True)
    (directory / "a" / "b" / "large.bin").write_bytes(os.urandom(9 * 2**20))
    (directory / "a" / "ümlaut #1?.txt").write_text("text")
    (directory / "empty").write_bytes(b"")
    (directory / ".hidden").write_bytes(b"1")
    return directory


def content_of(directory):
    return {
        file.relative_to(directory).as_posix(): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file()
    }


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
    assert content_of(tmp_path) == {"lines.jsonl": b"1", "new/x": b"1"}
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


class Forgetful(dict):
    def get(self, key, default=None):
        return default


def test_an_upload_that_is_forgotten_again_and_again(emulator, monkeypatch, hasty, tree):
    monkeypatch.setattr(emulator.state, "sessions", Forgetful())
    with pytest.raises(StorageError, match=r"gs://bucket/deep/prefix/v/a/b/large.bin: the server forgot"):
        ObjectStore(URI, hasty).put_directory(tree, "v")


def test_directories_there_and_back(emulator, tree, tmp_path):
    store = open_store(URI)
    store.put_directory(tree, "v/1")
    assert store.names("v/") == ["v/1/a/b/large.bin", "v/1/a/ümlaut #1?.txt", "v/1/empty"]
    store.get_directory("v/1", tmp_path / "copy")
    assert content_of(tmp_path / "copy") == content_of(tree)


def test_a_repetition_sends_only_what_is_missing(emulator, tree):
    store = open_store(URI)
    store.put_directory(tree, "v")
    del emulator.state.objects["bucket"]["deep/prefix/v/empty"]
    emulator.state.sorted["bucket"].remove("deep/prefix/v/empty")
    emulator.requests.clear()
    store.put_directory(tree, "v")
    assert len([line for line in emulator.requests if "uploadType" in line]) == 2  # the file, the list


def test_a_replaced_directory_has_none_of_the_old_files(emulator, tree, tmp_path):
    store = open_store(URI)
    store.put_directory(tree, "v")
    (tree / "empty").unlink()
    (tree / "new").write_text("1")
    store.put_directory(tree, "v")
    store.get_directory("v", tmp_path / "copy")
    assert content_of(tmp_path / "copy") == content_of(tree)


def test_the_list_of_files_is_written_last_and_removed_first(emulator, tree):
    store = open_store(URI)
    store.put_directory(tree, "v")
    assert list(emulator.contents("bucket"))[-1].endswith(WHOLE)
    (tree / "empty").write_text("changed")
    emulator.requests.clear()
    store.put_directory(tree, "v")
    changes = [line for line in emulator.requests if not line.startswith("GET")]
    assert changes[0].startswith("DELETE")
    assert WHOLE in changes[0]


def test_without_its_list_there_is_no_directory(emulator, tree, tmp_path):
    store = open_store(URI)
    store.put_directory(tree, "v")
    assert store.has_directory("v")
    del emulator.state.objects["bucket"][f"deep/prefix/v/{WHOLE}"]
    assert not store.has_directory("v")
    with pytest.raises(FileNotFoundError, match="prefix/v"):
        store.get_directory("v", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("damage", ["missing", "another content", "list"])
def test_a_damaged_directory_is_an_error_and_leaves_nothing(emulator, tree, tmp_path, damage):
    store = open_store(URI)
    store.put_directory(tree, "v")
    if damage == "missing":
        del emulator.state.objects["bucket"]["deep/prefix/v/empty"]
    else:
        name = WHOLE if damage == "list" else "empty"
        emulator.state.put("bucket", {"name": f"deep/prefix/v/{name}"}, b"other")
    with pytest.raises(ArtifactError, match="prefix/v"):
        store.get_directory("v", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == [tree]


def test_names_that_lead_out_of_the_directory_are_refused(emulator, tmp_path):
    content = b'{"files": {"../../evil": {"size": 0, "crc32c": "AAAAAA=="}}}'
    emulator.state.put("bucket", {"name": f"deep/prefix/v/{WHOLE}"}, content)
    with pytest.raises(ArtifactError, match="evil"):
        open_store(URI).get_directory("v", tmp_path / "deep" / "copy")
    assert not (tmp_path / "evil").exists()


def test_killed_while_it_writes_a_directory(proxy, emulator, tree, tmp_path):
    store = open_store(URI)
    with artifact.create(tree, "selection") as draft:
        for number in range(40):
            (draft.path / f"{number}").write_bytes(os.urandom(1000))
    script = (
        "import sys; from pathlib import Path; from trimtab.storage.store import open_store;"
        f"open_store({URI!r}).put_directory(Path(sys.argv[1]), 'v')"
    )
    for old in (False, True):
        if old:
            store.put_directory(tree, "v")
            (tree / "0").write_bytes(b"new")
        proxy.spoil(Fault("stall", r"uploadType", times=8, seconds=30))  # every sender hangs in the middle
        process = subprocess.Popen([sys.executable, "-c", script, str(tree)])
        wait_until(lambda: proxy.spoiled, 20)
        process.send_signal(signal.SIGKILL)
        process.wait()
        proxy.spoil()
        with pytest.raises(FileNotFoundError):
            store.get_directory("v", tmp_path / f"copy {old}")
    store.put_directory(tree, "v")
    store.get_directory("v", tmp_path / "copy")
    assert content_of(tmp_path / "copy") == content_of(tree)


def test_a_reader_of_a_directory_that_is_replaced_never_gets_a_mixture(emulator, tmp_path):
    store, over = open_store(URI), threading.Event()
    for letter in "ab":
        (tmp_path / letter).mkdir()
        for number in range(12):
            (tmp_path / letter / str(number)).write_text(letter)

    def replace_it():
        while not over.is_set():
            for letter in "ab":
                store.put_directory(tmp_path / letter, "v")

    seen = {"a": 0, "b": 0, "none": 0}
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(replace_it)
        wait_until(
            lambda: seen["a"] + seen["b"] >= 6 or writer.done() or read_once(store, tmp_path, seen), 60
        )
        over.set()
        writer.result()
    assert seen["a"] + seen["b"] >= 6


def read_once(store, tmp_path, seen):
    copy = tmp_path / f"copy {sum(seen.values())}"
    try:
        store.get_directory("v", copy)
    except FileNotFoundError:
        seen["none"] += 1
        return
    letters = {file.read_text() for file in copy.iterdir()}
    assert len(letters) == 1
    assert len(list(copy.iterdir())) == 12
    seen[letters.pop()] += 1


def test_of_two_that_write_one_directory_no_mixture_is_ever_whole(emulator, tmp_path):
    for letter in "ab":
        (tmp_path / letter).mkdir()
        for number in range(12):
            (tmp_path / letter / str(number)).write_text(letter)
    for step in range(8):
        with ThreadPoolExecutor(2) as pool:
            wait = [pool.submit(open_store(URI).put_directory, tmp_path / letter, "v") for letter in "ab"]
        errors = [error for future in wait if (error := future.exception()) is not None]
        assert all(isinstance(error, ArtifactError) for error in errors)
        copy = tmp_path / f"copy {step}"
        try:
            open_store(URI).get_directory("v", copy)
        except (FileNotFoundError, ArtifactError):
            assert errors
        else:
            assert len({file.read_text() for file in copy.iterdir()}) == 1
    open_store(URI).put_directory(tmp_path / "a", "v")
    open_store(URI).get_directory("v", tmp_path / "copy")
    assert content_of(tmp_path / "copy") == content_of(tmp_path / "a")


@pytest.mark.parametrize(
    "action",
    [
        lambda store: store.read("x"),
        lambda store: store.write("x", b""),
        lambda store: store.swap("x", None, b""),
        lambda store: store.names(),
    ],
)
def test_no_bucket(emulator, action):
    with pytest.raises(ConfigError, match=r"gs://missing.*there is no such bucket") as caught:
        action(open_store("gs://missing/x"))
    assert caught.value.hint


def test_no_access_no_credentials(emulator, monkeypatch, tmp_path):
    emulator.state.denied.add("bucket")
    with pytest.raises(ConfigError, match=r"gs://bucket/x: access is denied \(403\)\n.*objectUser"):
        open_store("gs://bucket").read("x")
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    key = tmp_path / "key.json"
    key.write_text('{"type": "service_account", "private_key": "PLANTED-SECRET"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    with pytest.raises(ConfigError, match="credentials") as caught:
        open_store("gs://bucket").read("x")
    assert "PLANTED" not in str(caught.value)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in str(caught.value.hint)


def test_what_is_denied_is_named_and_nothing_else_that_the_server_says(emulator, monkeypatch, hasty):
    monkeypatch.setattr(emulator.state, "check", deny)
    store = ObjectStore("gs://bucket", hasty)
    assert store.read("x") is None
    with pytest.raises(
        ConfigError, match=r"gs://bucket/x: access is denied.*storage.objects.create"
    ) as caught:
        store.write("x", b"")
    assert "someone" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"access is denied.*storage.objects.create"):
        store.check_writable()


def test_the_question_whether_it_can_be_written_leaves_nothing(emulator):
    open_store("gs://bucket/p").check_writable()
    assert not emulator.contents("bucket")
    with pytest.raises(ConfigError, match="there is no such bucket"):
        open_store("gs://missing/p").check_writable()


def test_a_token_that_a_server_repeats_is_not_shown(emulator, monkeypatch, hasty):
    said = "ya29.SECRET, Bearer SECRET, upload_id=SECRET, https://x/?upload_id=SECRET: this cannot be done"
    monkeypatch.setattr(emulator.state, "get", lambda *_: (_ for _ in ()).throw(ApiError(400, said)))
    with pytest.raises(StorageError, match=r"gs://bucket/x: .*400.*this cannot be done") as caught:
        ObjectStore("gs://bucket", hasty).read("x")
    assert "SECRET" not in str(caught.value)


def deny(*_):
    raise ApiError(403, "someone@example.com does not have storage.objects.create access to the bucket.")


@pytest.mark.parametrize("content", [None, b"", b"[]", b"\xff", b'{"type": "service_account"}', "directory"])
def test_a_key_file_of_any_content_is_told_by_its_name(tmp_path, monkeypatch, content):
    key = tmp_path / "key.json"
    if content == "directory":
        key.mkdir()
    elif content is not None:
        key.write_bytes(content)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    with pytest.raises(
        ConfigError, match=r"gs://bucket/x: .*credentials.*GOOGLE_APPLICATION_CREDENTIALS.*key"
    ):
        open_store("gs://bucket").read("x")


@pytest.mark.parametrize("url", ["localhost:9023", "https://storage.googleapis.com", "storage"])
def test_an_emulator_is_never_the_real_service(monkeypatch, url):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    with pytest.raises(ConfigError, match="STORAGE_EMULATOR_HOST: expected"):
        open_store("gs://bucket").read("x")


MALFORMED = [
    "gs://",
    "gs:///x",
    "gs://Bucket/x",
    "gs://b",
    "gs://bucket/a//b",
    "gs://bucket//a",
    "gs:/bucket/a",
]


@pytest.mark.parametrize("uri", [*MALFORMED, "GS://bucket/a"])
def test_a_malformed_uri_is_refused(uri):
    with pytest.raises(ConfigError, match="gs://"):
        open_store(uri)


def test_a_local_store_does_not_pay_for_the_client():
    script = (
        "import sys; from trimtab.storage import store, files, mirror; store.open_store('x');"
        "print('google.cloud' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "False"
