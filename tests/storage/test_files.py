import glob
import multiprocessing
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from faults.proxy import Fault, wait_until

from trimtab.errors import ArtifactError, DataError, StorageError
from trimtab.storage.files import fetched, fingerprint
from trimtab.storage.objects.limits import DEFAULT


def localized(source, cache, limits=DEFAULT):
    return fetched(source, cache, limits).path


@pytest.fixture
def put(emulator):
    """Returns a function that stores objects in the bucket."""

    def put(**contents):
        for name, content in contents.items():
            emulator.state.put("bucket", {"name": name.replace("__", "/").replace("_", ".")}, content)

    return put


def downloads(emulator):
    return [line for line in emulator.requests if "alt=media" in line]


def below(path):
    return sorted(file.relative_to(path).as_posix() for file in Path(path).rglob("*") if file.is_file())


def test_a_file(emulator, put, tmp_path):
    put(data__rows_csv=b"a,b\n")
    local = Path(localized("gs://bucket/data/rows.csv", tmp_path / "my cache"))
    assert (local.name, local.read_bytes()) == ("rows.csv", b"a,b\n")


def test_a_directory_keeps_its_name_and_its_folders(emulator, put, tmp_path):
    put(data__cats__1_png=b"1", data__dogs__2_png=b"2", data__=b"", data2__x=b"")
    local = Path(localized("gs://bucket/data/", tmp_path))
    assert local.name == "data"
    assert below(local) == ["cats/1.png", "dogs/2.png"]
    assert below(localized("gs://bucket", tmp_path)) == ["data/cats/1.png", "data/dogs/2.png", "data2/x"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("d/*.csv", ["a.csv", "b.csv"]),
        ("d/?.csv", ["a.csv", "b.csv"]),
        ("d/[!a].csv", ["b.csv"]),
        ("d/[a-a].*", ["a.csv", "a.txt"]),
        ("*/*/*.csv", ["c.csv"]),
        ("d/**/*.csv", ["a.csv", "b.csv", "c.csv"]),
    ],
)
def test_a_glob_means_what_it_means_locally(emulator, put, tmp_path, monkeypatch, pattern, expected):
    put(d__a_csv=b"1", d__b_csv=b"2", d__a_txt=b"3", d__deep__c_csv=b"4", e_csv=b"5")
    local = localized(f"gs://bucket/{pattern}", tmp_path / "cache [1]")
    assert sorted(Path(name).name for name in glob.glob(local, recursive=True)) == expected  # noqa: PTH207
    assert len(downloads(emulator)) == len(expected)


def test_a_copy_is_used_again_until_an_object_changes(emulator, put, tmp_path):
    put(d__a=b"1", d__b=b"2")
    first = localized("gs://bucket/d", tmp_path)
    assert localized("gs://bucket/d", tmp_path) == first
    assert len(downloads(emulator)) == 2
    put(d__b=b"3")
    second = localized("gs://bucket/d", tmp_path)
    assert (Path(first) / "b").read_bytes() == b"2"
    assert (Path(second) / "b").read_bytes() == b"3"


def test_a_copy_that_was_damaged_is_made_again(emulator, put, tmp_path):
    put(d__a=b"123")
    local = Path(localized("gs://bucket/d/a", tmp_path))
    local.write_bytes(b"128")
    assert Path(localized("gs://bucket/d/a", tmp_path)).read_bytes() == b"123"


def test_a_bit_that_flips_before_a_broken_download_goes_on_is_found(proxy, emulator, hasty, tmp_path):
    content = os.urandom(100_000)
    emulator.state.put("bucket", {"name": "x"}, content)
    proxy.spoil(Fault("corrupt and truncate", "alt=media"))
    local = localized("gs://bucket/x", tmp_path, hasty)
    assert Path(local).read_bytes() == content
    assert proxy.spoiled


def localize(cache):
    localized("gs://bucket/d", cache)


def test_processes_share_one_download(emulator, put, tmp_path):
    put(d__a=b"1" * 100_000, d__b=b"2")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=localize, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(downloads(emulator)) == 2


@pytest.mark.parametrize("source", ["gs://bucket/none", "gs://bucket/none/*.csv", "gs://bucket/d/*.png"])
def test_nothing_there(emulator, put, tmp_path, source):
    put(d__a_csv=b"1")
    with pytest.raises(DataError, match="gs://bucket"):
        localized(source, tmp_path)


def test_an_object_whose_name_looks_like_a_glob(emulator, put, tmp_path):
    emulator.state.put("bucket", {"name": "d/rows[1].csv"}, b"1")
    put(d__rows1_csv=b"2")
    assert Path(localized("gs://bucket/d/rows[1].csv", tmp_path)).read_bytes() == b"1"


def test_a_slash_at_the_end_means_the_directory(emulator, put, tmp_path):
    put(d=b"placeholder of a tool", d__a=b"1")
    assert Path(localized("gs://bucket/d", tmp_path)).read_bytes() == b"placeholder of a tool"
    assert below(localized("gs://bucket/d/", tmp_path)) == ["a"]


def test_two_names_of_one_local_file_are_refused(emulator, tmp_path):
    for name in ("d/x/y", "d/x//y"):
        emulator.state.put("bucket", {"name": name}, name.encode())
    with pytest.raises(DataError, match=r"gs://bucket/d/x/+y: another object uses this name"):
        localized("gs://bucket/d", tmp_path)


def test_hidden_objects_are_no_data(emulator, put, tmp_path):
    put(d__a_csv=b"1", d__b_csv=b"2")
    before = fingerprint("gs://bucket/d/*")
    for name in ("d/.DS_Store", "d/.ipynb_checkpoints/a.csv"):
        emulator.state.put("bucket", {"name": name}, b"")
    assert fingerprint("gs://bucket/d/*") == before == fingerprint("gs://bucket/d")
    assert below(localized("gs://bucket/d", tmp_path)) == ["a.csv", "b.csv"]


def test_a_source_that_is_replaced_while_it_is_read_is_read_anew(proxy, emulator, hasty, tmp_path):
    emulator.state.put("bucket", {"name": "x"}, b"old")
    proxy.spoil(Fault("late", "alt=media", seconds=0.4))
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(localized, "gs://bucket/x", tmp_path, hasty)
        wait_until(lambda: proxy.spoiled)
        emulator.state.put("bucket", {"name": "x"}, b"new")
        assert Path(found.result()).read_bytes() == b"new"


def test_what_a_killed_process_left_is_removed(emulator, put, tmp_path, monkeypatch):
    put(d__a=b"1")
    copy = Path(localized("gs://bucket/d/a", tmp_path)).parent
    (copy / "a").unlink()
    (tmp_path / f".{copy.name}.killed.part").mkdir()
    localized("gs://bucket/d/a", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".{copy.name}.lock", copy.name]


def test_a_cache_without_room_is_told_before_anything_is_fetched(emulator, put, tmp_path, monkeypatch):
    put(d__a=b"1" * 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=999))
    with pytest.raises(StorageError, match=r"gs://bucket/d: .*room(.|\n)*XDG_CACHE_HOME"):
        localized("gs://bucket/d", tmp_path)
    assert downloads(emulator) == []


def test_what_the_file_system_refuses_is_told(emulator, put, tmp_path):
    emulator.state.put("bucket", {"name": "long/" + "x" * 300}, b"1")
    with pytest.raises(StorageError, match=r"gs://bucket/long/xxx.*File name too long"):
        localized("gs://bucket/long", tmp_path)
    (tmp_path / "file").touch()
    put(d__a=b"1")
    with pytest.raises(StorageError, match=r"file/cache: .*Not a directory"):
        localized("gs://bucket/d", tmp_path / "file" / "cache")


def test_names_that_cannot_be_local_files(emulator, put, tmp_path):
    put(d__a=b"1", d__a__b=b"2")
    with pytest.raises(DataError, match="gs://bucket/d/a"):
        localized("gs://bucket/d", tmp_path)
    emulator.state.put("bucket", {"name": "e/x", "contentEncoding": "gzip"}, b"")
    with pytest.raises(DataError, match="gzip"):
        localized("gs://bucket/e", tmp_path)
    emulator.state.put("bucket", {"name": "f/../../../evil"}, b"")
    with pytest.raises(ArtifactError, match=r"gs://bucket.*evil"):
        localized("gs://bucket/f", tmp_path)
    assert not [name for name in below(tmp_path) if not name.endswith(".lock")]


def test_a_fingerprint_reads_no_content(emulator, put):
    put(d__a=b"1", d__b=b"2")
    before = fingerprint("gs://bucket/d")
    put(d__b=b"3")
    after = fingerprint("gs://bucket/d")
    assert list(before) == ["gs://bucket/d/a", "gs://bucket/d/b"]
    assert before["gs://bucket/d/a"] == after["gs://bucket/d/a"]
    assert before["gs://bucket/d/b"] != after["gs://bucket/d/b"]
    assert downloads(emulator) == []


def test_a_large_file_comes_in_slices_with_flat_memory(emulator, tmp_path):
    content = os.urandom(2**20) * 96
    emulator.state.put("bucket", {"name": "large"}, content)
    script = (
        "import resource, sys; from pathlib import Path; from trimtab.storage.files import fetched;"
        "from trimtab.storage.store import open_store; open_store('gs://bucket').read('none');"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "fetched('gs://bucket/large', Path(sys.argv[1]));"
        "open_store('gs://bucket').put_directory(Path(sys.argv[1]), 'again');"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    kilobytes = int(subprocess.check_output([sys.executable, "-c", script, str(tmp_path)]))
    assert len([line for line in downloads(emulator) if "/large?" in line]) == 6
    assert {len(value) for name, value in emulator.contents("bucket").items() if name.endswith("large")} == {
        len(content)
    }
    assert kilobytes < 64 * 1024
