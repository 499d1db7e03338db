from __future__ import annotations

import errno
import os
import zipfile
import zlib

import pytest
from faults.unprivileged import unprivileged

from trimtab.config.data import Data
from trimtab.config.data_limits import DataLimits
from trimtab.data.prepare.sources import checksums
from trimtab.data.readers import archives
from trimtab.data.readers.registry import reader_for
from trimtab.data.statistics.summary import Summary
from trimtab.errors import DataError


@pytest.fixture
def make_zip(tmp_path):
    def make(members, name="files.zip", **options):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", **options) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return path

    return make


@pytest.fixture
def summarize():
    def summarize(source, **settings):
        config = Data(train=str(source), **settings)
        reader = reader_for(config.train, config)
        summary = Summary()
        for partition in reader.partitions(config.train, config):
            for batch in reader.read(partition, config):
                summary = summary.merge(Summary.of(batch, config))
        return summary

    return summarize


def test_labels_are_the_folders_below_what_all_share(make_zip, read, make_png):
    path = make_zip(
        {f"data set/images/{label}/deep/er/{i}.png": make_png(i) for i, label in enumerate("abab")}
    )
    rows = read(path)
    assert [row["label"] for row in rows] == ["a", "a", "b", "b"]
    assert rows[0]["path"] == "data set/images/a/deep/er/0.png"
    assert rows[0]["image"] == make_png(0)


def test_a_single_class_is_its_own_folder(make_zip, read, make_png):
    assert read(make_zip({"only/1.png": make_png(1), "only/2.png": make_png(2)}))[0]["label"] == "only"


def test_junk_is_passed_over(make_zip, read, make_png):
    junk = {
        "__MACOSX/a/._1.png": b"junk",
        "a/.DS_Store": b"junk",
        "a/.hidden.png": b"junk",
        ".cache/x/1.png": b"junk",
        "a/Thumbs.db": b"junk",
        "README.txt": b"words",
    }
    assert len(read(make_zip({**junk, "a/1.png": make_png(1), "b/2.png": make_png(2)}))) == 2


def test_a_folder_is_the_same_as_its_zip(tmp_path, make_zip, read, make_png):
    members = {f"{label}/{i}.png": make_png(i) for i, label in enumerate("abcabc")}
    for name, content in members.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    assert read(tmp_path / "folder") == read(make_zip(members))


@pytest.mark.parametrize("name", ["../out/1.png", "/abs/a/1.png", "a/../../b/1.png", "a\\..\\1.png"])
def test_names_that_lead_out_of_an_archive_are_refused(make_zip, read, make_png, name):
    path = make_zip({"a/0.png": make_png(0), "b/0.png": make_png(0), name: make_png(1)})
    with pytest.raises(DataError, match="leads out"):
        read(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(make_zip, read):
    path = make_zip({"a/1.png": bytes(32 << 20), "b/2.png": b"x"}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="unpacks to") as caught:
        read(path)
    assert (caught.value.path.rpartition("/")[2], caught.value.field) == ("1.png", "data.limits.expansion")
    with pytest.raises(DataError, match="unpacks to") as caught:
        read(path, limits=DataLimits(expansion=2000, file_mb=31))
    assert caught.value.field == "data.limits.file_mb"
    assert [len(row["image"]) for row in read(path, limits=DataLimits(expansion=2000))] == [32 << 20, 1]


def test_a_bomb_that_lies_about_its_size_unpacks_to_no_more(tmp_path, make_zip, read):
    path = make_zip({"a/1.png": bytes(1 << 20), "b/2.png": b"x"}, compression=zipfile.ZIP_DEFLATED)
    content, size = path.read_bytes(), (1 << 20).to_bytes(4, "little")
    path.write_bytes(content.replace(size, (100).to_bytes(4, "little")))
    assert read(path)[0]["image"] is None


def test_encrypted_archives_are_refused(make_zip, read, make_png):
    path = make_zip({"a/1.png": make_png(1), "b/2.png": make_png(2)})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="encrypted"):
        read(path)


def test_files_without_a_class_are_named(make_zip, read, make_png):
    with pytest.raises(DataError, match="without one") as caught:
        read(make_zip({"stray.png": make_png(0), "a/1.png": make_png(1), "b/2.png": make_png(2)}))
    assert caught.value.path.endswith("stray.png")
    with pytest.raises(DataError, match="without one"):
        read(make_zip({"1.png": make_png(1), "2.png": make_png(2)}))


def test_split_folders_are_no_classes(make_zip, read, make_png):
    with pytest.raises(DataError, match="splits, not classes"):
        read(make_zip({"train/a/1.png": make_png(1), "Test/a/1.png": make_png(2)}))


def test_images_of_any_size_and_mode_are_summarized(make_zip, summarize, make_png):
    kinds = [((5, 4), "L", 7), ((9, 3), "RGB", 0), ((5, 4), "RGBA", 0), ((2, 2), "1", 1), ((2, 2), "P", 3)]
    members = {f"{'ab'[i % 2]}/{i}.png": make_png(v, s, m) for i, (s, m, v) in enumerate(kinds)}
    media = summarize(make_zip(members)).columns["image"].media
    assert media.counts("image", "sizes") == {"4x5": 2, "3x9": 1, "2x2": 2}
    assert media.counts("image", "modes") == {"L": 1, "RGB": 1, "RGBA": 1, "1": 1, "P": 1}


def test_clips_of_any_rate_and_width_are_summarized(make_zip, summarize, make_wav):
    kinds = [(8000, "PCM_16", 1), (16000, "PCM_U8", 1), (44100, "PCM_24", 2), (8000, "FLOAT", 2)]
    members = {f"{'ab'[i % 2]}/{i}.wav": make_wav(0.25, *kind) for i, kind in enumerate(kinds)}
    media = summarize(make_zip(members)).columns["audio"].media
    assert media.counts("audio", "rates") == {"8000": 2, "16000": 1, "44100": 1}
    assert media.counts("audio", "durations") == {"25": 4}
    assert media.unreadable == 0


@pytest.mark.parametrize("damage", ["cut", "junk", "empty", "crc"])
def test_a_damaged_image_is_counted_and_named(make_zip, summarize, make_png, damage):
    whole = make_png(5, (40, 40), "RGB")
    bad = {"cut": whole[:-20], "junk": b"no image", "empty": b"", "crc": whole}[damage]
    path = make_zip({"a/good.png": make_png(1), "b/bad one.png": bad})
    if damage == "crc":
        content = path.read_bytes()
        wrong = (zlib.crc32(whole) ^ 1).to_bytes(4, "little")
        path.write_bytes(content.replace(zlib.crc32(whole).to_bytes(4, "little"), wrong))
    media = summarize(path).columns["image"].media
    assert media.unreadable_items == [(1, "b/bad one.png")]
    assert media.files("image") == media.unreadable == 1


def test_a_damaged_clip_is_counted_and_named(make_zip, summarize, make_wav):
    media = (
        summarize(make_zip({"a/1.wav": make_wav(0.1), "b/2.wav": b"RIFF junk WAVE"})).columns["audio"].media
    )
    assert media.unreadable_items == [(1, "b/2.wav")]


def test_a_file_that_may_not_be_read_is_counted(tmp_path, summarize, make_png):
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(make_png(1))
    (tmp_path / "a" / "1.png").chmod(0)
    found = unprivileged(lambda: summarize(tmp_path))
    assert found.columns["image"].media.unreadable == 1


def test_a_rewritten_archive_is_listed_again(make_zip, read, make_png):
    path = make_zip({"a/1.png": make_png(1), "b/2.png": make_png(2)})
    assert len(read(path)) == 2
    make_zip({"a/1.png": make_png(1), "b/2.png": make_png(2), "b/3.png": make_png(3)})
    os.utime(path, ns=(5, 5))
    assert len(read(path)) == 3


def test_an_archive_is_opened_again_in_a_forked_process(make_zip, make_png):
    """A file that is shared with another process shares its position: reads would take each other's bytes."""
    path = make_zip({"a/1.png": make_png(1)})
    opened = archives.open_archive(path)
    assert archives.open_archive(path) is opened
    pid = os.fork()
    if pid == 0:
        os._exit(archives.open_archive(path) is opened)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.fixture
def unreadable(monkeypatch):
    """Returns a function that keeps everybody, and root too, from listing a directory."""

    def make(folder):
        scandir = os.scandir

        def refuse(path):
            if os.fspath(path) == str(folder):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)

    return make


@pytest.mark.parametrize("look", ["reader_for", "partitions", "checksums"])
def test_a_class_whose_folder_cannot_be_read_is_told_and_not_left_out(tmp_path, make_png, unreadable, look):
    for label in "abc":
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(make_png(1))
    config = Data(train=str(tmp_path))
    reader = reader_for(config.train, config)
    unreadable(tmp_path / "b")
    with pytest.raises(DataError, match=f"^{tmp_path}/b: the directory cannot be read: Permission denied"):
        if look == "reader_for":
            reader_for(config.train, config)
        elif look == "partitions":
            list(reader.partitions(config.train, config))
        else:
            checksums(config)


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_class_none_of_whose_files_is_read_is_named(tmp_path, make_zip, make_png, read, form):
    members = {
        "set/a/1.png": make_png(1),
        "set/b/2.png": make_png(2),
        "set/fish/1.heic": b"?",
        "set/fish/deep/2.HEIC": b"?",
        "set/fish/notes.txt": b"?",
        "set/readme.txt": b"?",
    }
    path = make_zip(members)
    if form == "folder":
        zipfile.ZipFile(path).extractall(tmp_path / "files")
        path = tmp_path / "files"
    with pytest.raises(
        DataError, match=r"set/fish: has no file that is read, only 2 \.heic, 1 \.txt"
    ) as caught:
        read(path)
    assert "pillow-heif" in caught.value.hint


def test_an_empty_class_is_named(tmp_path, make_png, read):
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(make_png(1))
    (tmp_path / "empty" / "er").mkdir(parents=True)
    with pytest.raises(DataError, match=r"/empty: has no file that is read, only nothing"):
        read(tmp_path)


def test_what_every_new_volume_has_and_nobody_may_read_is_no_class(tmp_path, make_png, read, unreadable):
    for label in ("a", "b", "lost+found"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(make_png(1))
    unreadable(tmp_path / "lost+found")
    assert [row["label"] for row in read(tmp_path)] == ["a", "b"]
