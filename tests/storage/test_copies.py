from pathlib import Path

import pytest

from trimtab.errors import DataError
from trimtab.storage.copies import local_copies


@pytest.mark.parametrize(
    ("source", "file", "uri"),
    [
        ("gs://bucket/data/rows.csv", "", "gs://bucket/data/rows.csv"),
        ("gs://bucket/data/", "/cats/1.png", "gs://bucket/data/cats/1.png"),
        ("gs://bucket", "/rows.csv", "gs://bucket/rows.csv"),
    ],
)
def test_errors_name_the_source_and_not_its_copy(emulator, source, file, uri):
    for name in ("data/rows.csv", "data/cats/1.png", "rows.csv"):
        emulator.state.put("bucket", {"name": name}, b"content")
    with pytest.raises(DataError) as caught, local_copies() as copies:
        path = copies.local(source) + file
        assert Path(path).read_bytes() == b"content"
        raise DataError(f"{path} is odd", path=path, line=3, field=f"{path}:a", hint=f"Look at {path}.")
    assert str(caught.value) == f"{uri}:3: {uri}:a: {uri} is odd\n  Look at {uri}."
    assert (caught.value.path, caught.value.line) == (uri, 3)


def test_a_glob_names_its_files(emulator):
    emulator.state.put("bucket", {"name": "data/2026/rows.csv"}, b"content")
    with local_copies() as copies:
        (found,) = Path("/").glob(copies.local("gs://bucket/data/*/r*.csv").lstrip("/"))
        assert copies.original(f"{found}: odd") == "gs://bucket/data/2026/rows.csv: odd"


def test_what_is_local_stays_as_it_is(tmp_path):
    with pytest.raises(DataError) as caught, local_copies() as copies:
        assert copies.local("rows.csv") == "rows.csv"
        raise DataError("odd", path="rows.csv")
    assert str(caught.value) == "rows.csv: odd"
