import stat
import tempfile

import pytest

from trimtab.storage import cache


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def test_it_is_in_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache.directory() == tmp_path / "cache" / "trimtab"
    assert cache.directory().is_dir()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.directory() == tmp_path / "home" / ".cache" / "trimtab"


def test_where_nothing_can_be_written_it_is_in_the_temporary_directory(tmp_path, monkeypatch, temporary):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    found = cache.directory()
    assert found.parent == temporary
    assert stat.S_IMODE(found.stat().st_mode) == 0o700
    assert cache.directory() == found, "processes of one pod share it"


def test_a_directory_of_someone_else_is_not_used(tmp_path, monkeypatch, temporary):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr("os.getuid", lambda: 12345)
    planted = temporary / "trimtab-cache-12345"
    planted.mkdir()  # by the user who runs the tests, not by 12345
    assert cache.directory() != planted
