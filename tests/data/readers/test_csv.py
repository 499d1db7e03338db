from __future__ import annotations

import csv
import io
import os
import random

import pytest

from trimtab.config.data import Data
from trimtab.data.readers import csv_records
from trimtab.data.readers.csv_dialect import dialect_of
from trimtab.data.readers.registry import reader_for
from trimtab.errors import DataError


@pytest.fixture
def write(tmp_path):
    def write(content, name="rows.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_values_are_the_strings_in_the_file(write, read):
    path = write('a,b\n007,1e3\n 1 ,NA\n,""\n')
    assert read(path) == [{"a": "007", "b": "1e3"}, {"a": " 1 ", "b": "NA"}, {"a": "", "b": ""}]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "unended"])
def test_line_endings_and_byte_order_marks(write, read, ending, mark, last):
    text = ending.join(["a,b", "1,x", '2,"y\nz"', "3,ü"]) + (ending if last else "")
    rows = read(write(mark + text.encode()))
    assert rows == [{"a": "1", "b": "x"}, {"a": "2", "b": "y\nz"}, {"a": "3", "b": "ü"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(write, read, delimiter):
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerows([["a", "b", "c"], ["1,5", "x;y", "a b"], ["2,5", "p|q", "t\tu"]])
    assert read(write(stream.getvalue()))[1] == {"a": "2,5", "b": "p|q", "c": "t\tu"}


def test_a_text_with_commas_in_a_single_column(write, read):
    path = write('text\n"one, two"\n"three, four, five"\n')
    assert read(path) == [{"text": "one, two"}, {"text": "three, four, five"}]


def test_only_a_header_gives_no_rows(write, read):
    assert read(write("a,b\n")) == []
    assert read(write("a,b")) == []


def test_blank_lines_are_no_rows(write, read):
    assert len(read(write("\n\na,b\n1,2\n\n3,4\n\n"))) == 2


def test_unnamed_columns_get_a_name(write, read):
    assert read(write(",b\n0,1\n")) == [{"column_1": "0", "b": "1"}]


def test_a_wide_header_is_read_whole(write, read):
    names = [f"a_rather_long_name_of_a_column_{i}" for i in range(5000)]
    path = write(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    assert list(read(path)[0]) == names


def test_a_record_longer_than_the_parsers_block(write, read):
    long = "word " * 900_000
    rows = read(write(f'a,text\n1,short\n2,"{long}"\n3,end\n'))
    assert [row["a"] for row in rows] == ["1", "2", "3"]
    assert rows[1]["text"] == long


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"a,b,a\n1,2,3\n", 1, "names a more than once"),
        (b"a,b\n1,2\n\n3,4,5\n6,7\n", 4, "expected 2 fields as in the header, found 3"),
        (b'a,b\n1,"x\ny"\n2\n', 4, "expected 2 fields as in the header, found 1"),
        (b"a,b\n1,2\n3,caf\xe9\n", 3, "not UTF-8"),
        (b"a,b\n1,2\n3,caf\xe9,4\n", 3, "not UTF-8"),
        (b'a,b\n1,2\n3,"never\n4,5\n', 3, "never closed"),
        ("a,b\n1,2\n".encode("utf-16"), None, "UTF-16"),
        (b"a,b\r1,2\r", None, "carriage returns alone"),
    ],
    ids=["twice", "long", "short", "latin-1", "latin-1 and long", "open quote", "utf-16", "mac"],
)
def test_bad_input_names_file_and_line(write, read, content, line, message):
    path = write(content)
    with pytest.raises(DataError, match=message) as caught:
        read(path)
    assert caught.value.path == str(path)
    assert caught.value.line == line


def test_the_line_is_right_in_a_later_partition(write, read, small_partitions):
    small_partitions()
    lines = ["a,b", *(f'{i},"x\ny"' for i in range(100)), "too,many,fields", *(f"{i},x" for i in range(50))]
    with pytest.raises(DataError, match="found 3") as caught:
        read(write("\n".join(lines)))
    assert caught.value.line == 202


def test_ragged_records_are_left_out_up_to_the_tolerated_share(write, read, capsys):
    path = write("a,b\n" + "1,2\n" * 98 + "3\n4,5,6\n")
    assert len(read(path, max_bad_fraction=0.02)) == 98
    assert ":100:" in capsys.readouterr().err
    with pytest.raises(DataError, match="found 1"):
        read(path, max_bad_fraction=0.019)


def test_several_files_are_one_source(write, read, tmp_path):
    write("a,b\n1,2\n", "part-1.csv")
    write("b;a\n4;3\n", "part-2.csv")
    expected = [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert read(tmp_path) == expected
    assert read(tmp_path / "part-*.csv") == expected


def test_files_with_other_columns_are_refused(write, read, tmp_path):
    write("a,b\n1,2\n", "part-1.csv")
    write("a,c\n1,2\n", "part-2.csv")
    with pytest.raises(DataError, match="expected the columns of the first file") as caught:
        read(tmp_path)
    assert caught.value.path.endswith("part-2.csv")


def random_field(rng: random.Random) -> str:
    field = "".join(rng.choice('ab ,\n"') for _ in range(rng.randrange(6)))
    return field if field.strip() else "x"


@pytest.mark.parametrize("seed", range(20))
def test_random_files_are_read_as_the_csv_module_reads_them(write, read, small_partitions, seed):
    rng = random.Random(seed)
    rows = [[random_field(rng) for _ in range(3)] for _ in range(120)]
    stream = io.StringIO(newline="")
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    writer = csv.writer(stream, quoting=quoting, lineterminator=rng.choice(["\n", "\r\n"]))
    writer.writerows([["p", "q", "r"], *rows])
    path = write(stream.getvalue())
    small_partitions()
    assert [list(row.values()) for row in read(path)] == rows
    config = Data(train=str(path))
    assert len(reader_for(str(path), config).partitions(str(path), config)) > 5


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("block", [7, 64, 1 << 20])
def test_stray_quotes_move_no_boundary(write, read, small_partitions, monkeypatch, seed, block):
    """A quote inside an unquoted field is a character; counting it would cut inside quoted fields."""
    rng = random.Random(seed)
    fields = ['5" pipe', '"a\nb"', '"c""d\n"', "plain", '""', '"x"tail', 'y""z', '"\n"']
    text = "p,q\n" + "".join(f"{rng.choice(fields)},{rng.choice(fields)}\n" for _ in range(200))
    path = write(text)
    whole = read(path)
    assert len(whole) == 200
    monkeypatch.setattr(csv_records, "_BLOCK_BYTES", block)
    small_partitions()
    assert read(path) == whole


def test_the_dialect_is_sniffed_again_when_the_file_changed(write):
    path = write("a,b\n1,2\n")
    assert dialect_of(path).delimiter == ","
    write("a;b\n1;2\n")
    os.utime(path, ns=(1, 1))
    assert dialect_of(path).delimiter == ";"
