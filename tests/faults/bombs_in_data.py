"""Data and configs that attack: sizes that lie, what never ends, what points elsewhere."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from faults.bomb import Bomb, Make

_MB = 1 << 20


def _config(place: Path, train: str, label: str = "", architecture: str = "mlp") -> None:
    labelled = f", label: {label}" if label else ""
    (place / "run.yaml").write_text(
        f"data: {{train: {train}{labelled}, workers: 1}}\nmodel: {{architecture: {architecture}}}\n"
    )


def _opened(place: Path) -> None:
    """Prepares the data, as the first stage does."""
    from trimtab.config import loader
    from trimtab.data.encoders.form import Form
    from trimtab.data.prepare.prepare import prepare

    config = loader.load(place / "run.yaml")
    (place / "prepared").mkdir()
    prepare(config.data, seed=0, directory=place / "prepared", form=Form())


def _npy(shape: tuple[int, ...], kind: str, body: bytes = b"", *, fortran: bool = False) -> bytes:
    header = repr({"descr": kind, "fortran_order": fortran, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def _labels(count: int = 1000) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(count) % 2)
    return stream.getvalue()


def _npz(**arrays: bytes) -> Make:
    def make(place: Path, outside: Path) -> None:
        with zipfile.ZipFile(place / "rows.npz", "w", zipfile.ZIP_DEFLATED) as made:
            for name, content in arrays.items():
                made.writestr(f"{name}.npy", content)
        _config(place, "rows.npz", "y")

    return make


def _objects(place: Path, outside: Path) -> None:
    """Pickled objects, which run what they name when they are read."""

    class Payload:
        def __reduce__(self):
            return os.system, (f"touch {outside}/executed",)

    np.savez(place / "rows.npz", x=np.array([[Payload()]] * 20, object), y=np.arange(20) % 2)
    _config(place, "rows.npz", "y")


def _csv(content: bytes) -> Make:
    def make(place: Path, outside: Path) -> None:
        (place / "rows.csv").write_bytes(content)
        _config(place, "rows.csv", "label")

    return make


def _open_quote(place: Path, outside: Path) -> None:
    rows = "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(200_000))
    _csv(('x,"y,label\n' + rows).encode())(place, outside)


def _open_quote_later(place: Path, outside: Path) -> None:
    rows = "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(200_000))
    _csv(('x,y,label\n1,2,a\n3,"4,b\n' + rows).encode())(place, outside)


def _columns(place: Path, outside: Path) -> None:
    names = ",".join(f"c{i}" for i in range(300_000))
    _csv(f"{names},label\n".encode() + (b"1," * 300_000 + b"a\n") * 12)(place, outside)


def _dictionary(place: Path, outside: Path) -> None:
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20_000), pa.int32()), pa.array(["a" * _MB]))
    table = pa.table({"x": words, "label": ["a", "b"] * 10_000})
    pq.write_table(table, place / "rows.parquet", compression="zstd")
    _config(place, "rows.parquet", "label")


def _lists(place: Path, outside: Path) -> None:
    """A list of 2**28 times the same number in a cell."""
    values = pa.chunked_array([pa.array(np.zeros(1 << 22, "u1"))] * 16).combine_chunks()
    cells = pa.ListArray.from_arrays(pa.array([0, *[len(values)] * 40], pa.int32()), values)
    pq.write_table(pa.table({"x": cells, "label": ["a", "b"] * 20}), place / "rows.parquet")
    _config(place, "rows.parquet", "label")


def _image(width: int, height: int, text: bytes = b"") -> bytes:
    """Returns a black PNG that took no such memory to make."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    comment = chunk(b"zTXt", b"Comment\0\0" + text) if text else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + comment + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _folder(place: Path, count: int = 6, content: bytes | None = None) -> Path:
    root = place / "images"
    for name in "ab":
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"{number}.png").write_bytes(content or _image(8, 8))
    _config(place, "images", architecture="cnn")
    return root


def _crowd(place: Path, outside: Path) -> None:
    _folder(place, 3, _image(8000, 8000))


def _declared(place: Path, outside: Path) -> None:
    image = bytearray(_image(8, 8))
    image[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    image[29:33] = struct.pack(">I", zlib.crc32(bytes(image[12:29])))
    _folder(place, 6, bytes(image))


def _comment(place: Path, outside: Path) -> None:
    _folder(place, 6, _image(8, 8, zlib.compress(bytes(500 * _MB), 9)))


def _special(make: Callable[[Path], None]) -> Make:
    def made(place: Path, outside: Path) -> None:
        make(_folder(place) / "a/special.png")

    return made


def _loops(place: Path, outside: Path) -> None:
    root = _folder(place)
    for name in "ab":
        for link in ("one", "two"):
            (root / name / link).symlink_to("..")


def _fifo_file(name: str) -> Make:
    def make(place: Path, outside: Path) -> None:
        os.mkfifo(place / name)
        _config(place, name, "label")

    return make


def _device(place: Path, outside: Path) -> None:
    (place / "rows.csv").symlink_to("/dev/zero")
    _config(place, "rows.csv", "label")


def _zip(**members: bytes) -> Make:
    def make(place: Path, outside: Path) -> None:
        with zipfile.ZipFile(place / "images.zip", "w", zipfile.ZIP_DEFLATED) as made:
            for number in range(12):
                made.writestr(f"{'ab'[number % 2]}/{number}.png", _image(8, 8))
            for name, content in members.items():
                made.writestr(name, content)
        _config(place, "images.zip", architecture="cnn")

    return make


def _lying_zip(place: Path, outside: Path) -> None:
    size = 1000 * _MB
    with zipfile.ZipFile(place / "images.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(12):
            made.writestr(f"{'ab'[number % 2]}/{number}.png", _image(8, 8))
        with made.open("a/lies.png", "w") as stream:
            for _ in range(size // _MB):
                stream.write(bytes(_MB))
    path = place / "images.zip"
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 1000)))
    _config(place, "images.zip", architecture="cnn")


def _traversal(place: Path, outside: Path) -> None:
    names = (f"../{outside.name}/written.png", str(outside / "absolute.png"), "a/../../x.png")
    _zip(**dict.fromkeys(names, _image(8, 8)))(place, outside)


def _sound(place: Path, outside: Path) -> None:
    """A wav whose header says 4 GB."""
    for name in "ab":
        (place / "clips" / name).mkdir(parents=True)
        for number in range(6):
            head = struct.pack(
                "<4sI4s4sIHHIIHH", b"RIFF", 2**32 - 1, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16
            )
            content = head + struct.pack("<4sI", b"data", 2**32 - 9) + bytes(200)
            (place / "clips" / name / f"{number}.wav").write_bytes(content)
    _config(place, "clips", architecture="ds_cnn")


def _yaml(text: str) -> Make:
    def make(place: Path, outside: Path) -> None:
        (place / "run.yaml").write_text(text.replace("OUTSIDE", str(outside)))

    return make


def _laughs() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    return "\n".join(lines)


def _config_fifo(place: Path, outside: Path) -> None:
    os.mkfifo(place / "run.yaml")


def _config_device(place: Path, outside: Path) -> None:
    (place / "run.yaml").symlink_to("/dev/zero")


BOMBS = (
    Bomb("npz-rows", _npz(x=_npy((10**12,), "<f8"), y=_npy((10**12,), "<i8")), _opened),
    Bomb("npz-columns", _npz(x=_npy((1000, 10**9), "<f8"), y=_labels()), _opened),
    Bomb("npz-fortran", _npz(x=_npy((1000, 10**7), "<f8", fortran=True), y=_labels()), _opened),
    Bomb("npz-zeros", _npz(x=_npy((1000, 400_000), "|u1", bytes(400 * _MB)), y=_labels()), _opened),
    Bomb(
        "npz-many-dimensions",
        _npz(x=_npy((1000, *[1] * 60), "<f8", bytes(8000)), y=_labels()),
        _opened,
        False,
    ),
    Bomb("npz-pickle", _objects, _opened),
    Bomb("csv-open-quote", _open_quote, _opened),
    Bomb("csv-open-quote-later", _open_quote_later, _opened, False),
    Bomb("csv-columns", _columns, _opened),
    Bomb("csv-line", _csv(b"x,label\n" + b"1" * (300 * _MB) + b",a\n" + b"1,b\n" * 20), _opened),
    Bomb("csv-nul", _csv(b"x,label\n" + b"\0" * (50 * _MB)), _opened),
    Bomb("parquet-dictionary", _dictionary, _opened),
    Bomb("parquet-list", _lists, _opened),
    Bomb("images-64-megapixels", _crowd, _opened, False),
    Bomb("image-declares-4-exapixels", _declared, _opened),
    Bomb("image-comment", _comment, _opened, False),
    Bomb("folder-fifo", _special(os.mkfifo), _opened, False),
    Bomb("folder-device", _special(lambda path: path.symlink_to("/dev/zero")), _opened, False),
    Bomb("folder-loops", _loops, _opened, False),
    Bomb("file-fifo", _fifo_file("rows.csv"), _opened),
    Bomb("file-fifo-parquet", _fifo_file("rows.parquet"), _opened),
    Bomb("file-fifo-npz", _fifo_file("rows.npz"), _opened),
    Bomb("file-device", _device, _opened),
    Bomb("zip-lies", _lying_zip, _opened, False),
    Bomb("zip-traversal", _traversal, _opened, False),
    Bomb("wav-lies", _sound, _opened, False),
    Bomb("yaml-laughs", _yaml(_laughs()), _opened),
    Bomb("yaml-deep", _yaml("a: " + "[" * 100_000), _opened),
    Bomb("yaml-object", _yaml("data: !!python/object/apply:os.system ['touch OUTSIDE/executed']"), _opened),
    Bomb("yaml-digits", _yaml(f"seed: {'9' * 5000}"), _opened),
    Bomb(
        "yaml-sexagesimal",
        _yaml("data: {train: rows.csv, label: 190:20:30}\nmodel: {architecture: 1:30}"),
        _opened,
    ),
    Bomb("yaml-fifo", _config_fifo, _opened),
    Bomb("yaml-device", _config_device, _opened),
)
