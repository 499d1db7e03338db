"""Every operation on an object store under every fault: nothing lost or half-written, and back in time."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.clouds import GCS, S3, Cloud
from faults.emulator import Emulator
from faults.proxy import FOR_EVER, KINDS, Fault, FaultProxy
from faults.s3 import S3Emulator

from trimtab.errors import ArtifactError, StorageError
from trimtab.storage.files import fetched
from trimtab.storage.mirror import mirror
from trimtab.storage.objects.limits import Limits
from trimtab.storage.objects.store import ObjectStore

SMALL, LARGE = b"content of twenty B.", os.urandom(2**23 + 1000)  # one request; several blocks
FILES = {"small": SMALL, "deep/large": LARGE}
PREPARED: dict[Cloud, dict] = {}  # what the first bench of each cloud has put there: the others begin with it
RECOVERED_SECONDS = 30.0  # two faults cost a second or two; the rest is for a busy machine


@dataclass
class Bench:
    """What an operation works with."""

    cloud: Cloud
    emulator: Emulator | S3Emulator
    proxy: FaultProxy
    limits: Limits
    directory: Path

    @property
    def store(self):
        return ObjectStore(self.uri, self.limits)

    @property
    def uri(self):
        return f"{self.cloud.scheme}://bucket/p"

    def prepare(self):
        """Puts an object and a directory there, and the same directory here."""
        for name, content in FILES.items():
            (self.directory / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.directory / "source" / name).write_bytes(content)
        if self.cloud not in PREPARED:
            self.store.write("small", SMALL)
            self.store.put_directory(self.directory / "source", "tree")
            PREPARED[self.cloud] = dict(self.emulator.state.objects["bucket"])
        self.emulator.state.take("bucket", PREPARED[self.cloud])


def tree(directory):
    files = [file for file in Path(directory).rglob("*") if file.is_file()]
    return {file.relative_to(directory).as_posix(): file.read_bytes() for file in files}


def read(bench):
    assert bench.store.read("small") == SMALL


def read_what_is_missing(bench):
    assert bench.store.read("none") is None


def write(bench):
    bench.store.write("new", SMALL)
    assert bench.emulator.contents("bucket")["p/new"] == SMALL


def swap(bench):
    assert bench.store.swap("small", SMALL, b"after")
    assert bench.emulator.contents("bucket")["p/small"] == b"after"


def names(bench):
    assert bench.store.names() == ["small", "tree/deep/large", "tree/small"]


def put_directory(bench):
    bench.store.put_directory(bench.directory / "source", "new")
    stored = bench.emulator.contents("bucket", "p/new/")
    assert {name: stored[f"p/new/{name}"] for name in FILES} == FILES
    assert len(stored) == len(FILES) + 1


def get_directory(bench):
    bench.store.get_directory("tree", bench.directory / "copy")
    assert tree(bench.directory / "copy") == FILES


def localize(bench):
    local = fetched(f"{bench.uri}/tree/deep/large", bench.directory / "cache", bench.limits)
    assert Path(local.path).read_bytes() == LARGE


def restore(bench):
    with mirror(f"{bench.uri}/tree", limits=bench.limits) as working:
        assert tree(working.directory) == FILES


def publish(bench):
    with mirror(f"{bench.uri}/logs", limits=bench.limits) as working:
        (working.directory / "events").write_bytes(LARGE)
        working.sync()
        assert bench.emulator.contents("bucket")["p/logs/events"] == LARGE


READS = (read, get_directory, localize)
WRITES = (write, swap, put_directory, publish)


def cases():
    """Yields each operation with each fault that it can meet.

    An answer's bit is flipped only where the protocol has a checksum: in content. Names and sizes are guarded
    by TLS alone, also in the real service.
    """
    for kind in KINDS:
        for operation in (*READS, *WRITES, names, restore, read_what_is_missing):
            if kind in ("corrupt upload", "slow upload") and operation not in WRITES:
                continue
            if kind == "corrupt" and operation not in (*READS, restore):
                continue
            match = "media" if kind == "corrupt" else "upload" if "upload" in kind else "any"
            yield pytest.param(kind, operation, match, id=f"{operation.__name__}-{kind}")


@pytest.fixture(params=[GCS, S3], ids=lambda cloud: cloud.scheme)
def bench(request, hasty, tmp_path):
    cloud = request.param
    servers = [request.getfixturevalue(name) for name in (cloud.emulator, cloud.proxy)]
    made = Bench(cloud, *servers, hasty, tmp_path)
    made.prepare()
    return made


@pytest.mark.parametrize(("kind", "operation", "match"), cases())
def test_a_fault_that_passes_is_not_noticed(bench, kind, operation, match):
    bench.proxy.spoil(Fault(kind, getattr(bench.cloud, match), times=2))
    start = time.monotonic()
    operation(bench)
    assert bench.proxy.spoiled
    assert time.monotonic() - start < RECOVERED_SECONDS


@pytest.mark.parametrize("kind", ["503", "reset", "stall", "truncate", "html"])
@pytest.mark.parametrize(
    "operation", [*READS, *WRITES, names], ids=lambda value: getattr(value, "__name__", None)
)
def test_a_fault_that_lasts_is_a_typed_error_and_changes_nothing(bench, kind, operation):
    bench.limits = Limits(1.0, 0.2, 0.3, 0.02, 0.2, 10_000_000)
    before, here = bench.emulator.contents("bucket"), tree(bench.directory)
    kind_match = bench.cloud.upload if operation in WRITES else bench.cloud.any
    bench.proxy.spoil(
        Fault("503" if kind == "truncate" and operation in WRITES else kind, kind_match, FOR_EVER)
    )
    start = time.monotonic()
    with pytest.raises(StorageError, match=bench.uri) as caught:
        operation(bench)
    assert time.monotonic() - start < RECOVERED_SECONDS
    assert caught.value.hint
    assert "upload_id" not in str(caught.value)  # it is a credential
    assert bench.emulator.contents("bucket") == before
    here.pop("cache", None)
    assert {name: content for name, content in tree(bench.directory).items() if ".lock" not in name} == here


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.__name__)
def test_content_that_always_arrives_damaged_is_an_error(bench, operation):
    bench.proxy.spoil(Fault("corrupt", bench.cloud.media, FOR_EVER))
    with pytest.raises(ArtifactError, match="checksum"):
        operation(bench)
    assert not (bench.directory / "copy").exists()


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.__name__)
def test_content_that_is_always_damaged_on_its_way_is_never_stored(bench, operation):
    before = bench.emulator.contents("bucket")
    bench.proxy.spoil(Fault("corrupt upload", bench.cloud.upload, FOR_EVER))
    with pytest.raises(StorageError, match=bench.uri):
        operation(bench)
    assert bench.emulator.contents("bucket") == before
