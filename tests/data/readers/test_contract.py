"""What every reader promises, whatever it reads."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.readers.registry import reader_for
from trimtab.errors import DataError
from trimtab.registry import READERS

ENDINGS = {
    "csv": ".csv",
    "parquet": ".parquet",
    "npz": ".npz",
    "image_folder": ".zip",
    "wav_folder": ".zip",
    "jsonl": ".jsonl",
}
FILE_FORMATS = sorted(ENDINGS)


def test_every_registered_format_is_tried_here():
    assert set(READERS) == {*ENDINGS, "sklearn", "mask_folder"}  # the last one in test_masks.py


def test_rows_are_the_same_whatever_the_partitions(source, read, small_partitions):
    whole = read(source)
    small_partitions()
    assert read(source) == whole
    assert len(whole) > 20


def test_partitions_are_many_when_small_and_cover_the_source_in_order(source, small_partitions):
    small_partitions()
    config = Data(train=source)
    partitions = reader_for(source, config).partitions(source, config)
    assert [partition.index for partition in partitions] == list(range(len(partitions)))
    assert len(partitions) > 3 or source.startswith("sklearn://")
    for one, following in itertools.pairwise(partitions):
        assert one.stop == following.start


def test_partitions_are_deterministic_and_travel(source):
    config = Data(train=source)
    first, second = (reader_for(source, config).partitions(source, config) for _ in range(2))
    assert first == second == pickle.loads(pickle.dumps(first))


def test_partitions_are_read_alone_and_in_any_order(source, read, small_partitions):
    small_partitions()
    config = Data(train=source)
    partitions = reader_for(source, config).partitions(source, config)
    found = {}
    for partition in reversed(partitions):
        batches = list(reader_for(source, config).read(partition, config))
        found[partition.index] = [row for batch in batches for row in batch.to_pylist()]
    assert [row for index in sorted(found) for row in found[index]] == read(source)


def test_batches_are_small_and_of_one_schema(source):
    config = Data(train=source)
    reader = reader_for(source, config)
    batches = [b for p in reader.partitions(source, config) for b in reader.read(p, config)]
    assert all(isinstance(batch, pa.RecordBatch) and 0 < batch.num_rows <= 8192 for batch in batches)
    assert len({batch.schema for batch in batches}) == 1


@pytest.mark.parametrize("name", FILE_FORMATS)
def test_a_missing_source_is_named(name, tmp_path):
    path = str(tmp_path / f"nothing{ENDINGS[name]}")
    config = Data(train=path, format=name)
    with pytest.raises(DataError, match="nothing") as caught:
        reader_for(path, config).partitions(path, config)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", FILE_FORMATS)
@pytest.mark.parametrize("content", [b"", b"\x00\x01\xff junk \x80" * 40], ids=["empty", "junk"])
def test_an_empty_or_alien_file_is_named(name, content, tmp_path):
    path = tmp_path / f"bad file{ENDINGS[name]}"
    path.write_bytes(content)
    config = Data(train=str(path), format=name)
    with pytest.raises(DataError, match="bad file"):
        reader_for(str(path), config).partitions(str(path), config)


@pytest.mark.parametrize("name", ["csv", "parquet", "npz"])
def test_a_cut_file_never_ends_in_a_traceback(name, tmp_path, request):
    path = Path(request.getfixturevalue("written")(name))
    whole = path.read_bytes()
    config = Data(train=str(path))
    for share in range(1, 10):
        path.write_bytes(whole[: len(whole) * share // 10])
        try:
            reader = reader_for(str(path), config)
            for partition in reader.partitions(str(path), config):
                list(reader.read(partition, config))
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017 (a CSV cut between two records is a shorter CSV)
