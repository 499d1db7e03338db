"""A toy store: a directory that ``TOY_STORE`` names. It is what adding one takes: this file, and one line."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

from trimtab.errors import ArtifactError, ConfigError
from trimtab.storage.atomic import write_bytes
from trimtab.storage.objects.base import NOTHING, Entry, StoreKind, checksum
from trimtab.storage.objects.limits import Limits


class ToyObjects:
    """Each object is a file of its own, whose first line tells its generation; one request at a time."""

    def __init__(self, scheme: str, bucket: str, limits: Limits) -> None:
        self._scheme, self._bucket = scheme, bucket
        self._directory = Path(os.environ["TOY_STORE"]) / bucket

    def uri(self, name: str) -> str:
        return f"{self._scheme}://{self._bucket}/{name}"

    def names(self, prefix: str) -> list[str]:
        return [entry.name for entry in self.entries(prefix)]

    def entries(self, prefix: str) -> list[Entry]:
        with self._alone():
            names = sorted(unquote(file.name) for file in self._directory.iterdir() if file.name[0] != ".")
            found = [self._entry(name) for name in names if name.startswith(prefix)]
        return [replace(entry, crc32c="") for entry in found]  # as of a store that lists none

    def find(self, name: str) -> Entry | None:
        with self._alone():
            return self._entry(name) if self._file(name).exists() else None

    def read(self, name: str) -> tuple[bytes, str] | None:
        with self._alone():
            return self._content(name) if self._file(name).exists() else None

    def write(self, name: str, data: bytes, generation: str) -> Entry | None:
        with self._alone():
            there = self._content(name)[1] if self._file(name).exists() else NOTHING
            if there != generation:
                return None
            head = json.dumps([uuid.uuid4().hex, time.time()]).encode()
            write_bytes(self._file(name), head + b"\n" + data)
            return self._entry(name)

    def upload(self, name: str, file: Path, generation: str) -> Entry | None:
        return self.write(name, file.read_bytes(), generation)

    def download(self, entry: Entry, target: Path) -> None:
        found = self.read(entry.name)
        if found is None or entry.generation not in (NOTHING, found[1]):
            raise ArtifactError("this object has gone, or was replaced", path=self.uri(entry.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(found[0])
        with target.open("rb") as file:
            if entry.crc32c and checksum(file) != entry.crc32c:
                raise ArtifactError("its checksum is wrong", path=self.uri(entry.name))

    def delete(self, name: str, generation: str) -> None:
        with self._alone():
            if self._file(name).exists() and self._content(name)[1] == generation:
                self._file(name).unlink()

    def check_writable(self, name: str) -> None:
        self.write(name, b"", "never")

    def _file(self, name: str) -> Path:
        return self._directory / quote(name, safe=" ").replace(".", "%2E")

    def _content(self, name: str) -> tuple[bytes, str]:
        head, _, content = self._file(name).read_bytes().partition(b"\n")
        return content, json.loads(head)[0]

    def _entry(self, name: str) -> Entry:
        head, _, content = self._file(name).read_bytes().partition(b"\n")
        generation, written = json.loads(head)
        return Entry(name, len(content), checksum(io.BytesIO(content)), generation, written=written)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._directory.is_dir():
            raise ConfigError("there is no such bucket", path=self.uri(""), hint="Make it.")
        handle = os.open(self._directory / ".lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


STORE = StoreKind(ToyObjects, re.compile("[a-z]+"), variables=("TOY_STORE",))
