"""Damage to what lies on the disk: every artifact and the repository, and every bit of what names the others.

A fault is *silent* if a reader gets something else than before and no typed error.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from faults import killed, repository
from faults.tally import Tally

from trimtab.artifacts.record import read_records
from trimtab.artifacts.store import STORE, ContentStore
from trimtab.deploy import ledger
from trimtab.deploy.history import history
from trimtab.deploy.predict import predict
from trimtab.deploy.repository import Repository
from trimtab.errors import TrimtabError
from trimtab.storage import artifact
from trimtab.storage.artifact import MANIFEST

GROUP = "at_rest"
FAULTS = {"small": 100, "full": 1000}
BITS_STEP = {"small": 41, "full": 1}
"""Of the pointer and of a manifest, every so manieth bit."""

View = Callable[[], Any]
Fault = Callable[[Path, random.Random, Path | None], None]


def flip(file: Path, chance: random.Random, stale: Path | None = None) -> None:
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def cut(file: Path, chance: random.Random, stale: Path | None = None) -> None:
    file.write_bytes(file.read_bytes()[: chance.randrange(file.stat().st_size)])


def cut_between_records(file: Path, chance: random.Random, stale: Path | None = None) -> None:
    """Of a TFRecord file: its format cannot tell."""
    content, ends = file.read_bytes(), [0]
    while ends[-1] < len(content):
        ends.append(ends[-1] + 16 + struct.unpack_from("<Q", content, ends[-1])[0])
    file.write_bytes(content[: chance.choice(ends[:-1])])


def empty(file: Path, chance: random.Random, stale: Path | None = None) -> None:
    file.write_bytes(b"")


def remove(file: Path, chance: random.Random, stale: Path | None = None) -> None:
    file.unlink()


def add(file: Path, chance: random.Random, stale: Path | None = None) -> None:
    file.with_name("added").write_bytes(b"added")


def swap(file: Path, chance: random.Random, stale: Path | None = None) -> None:
    """Puts the file of another version in its place."""
    assert stale is not None
    shutil.copyfile(stale, file)


@dataclass(frozen=True)
class Place:
    """A file that is damaged.

    Attributes:
        kind: What it is a part of.
        file: The file.
        views: What readers see of it, and of what it may change.
        stale: The same file of another version.
    """

    kind: str
    file: Path
    views: dict[str, View]
    stale: Path | None = None
    only: tuple[Fault, ...] = ()

    def faults(self) -> list[Fault]:
        if self.only:
            return list(self.only)
        found = [flip, cut, empty, remove, add]
        if self.file.suffix == ".tfrecord":
            found.append(cut_between_records)
        if self.stale is not None and self.stale.read_bytes() != self.file.read_bytes():
            found.append(swap)
        return found


def seen(view: View) -> Any:
    """Returns what a reader gets; an error for users is told by its class."""
    try:
        return view()
    except TrimtabError as error:
        return error


def silent(before: dict[str, Any], views: dict[str, View]) -> str:
    """Returns the name of a view that shows something else than before without a word, or nothing."""
    for name, view in views.items():
        now = seen(view)
        if not isinstance(now, TrimtabError) and now != before[name]:
            return name
    return ""


def loaded(directory: Path) -> Any:
    """Returns all of an artifact."""
    kind = json.loads((directory / MANIFEST).read_bytes())["kind"]
    is_entry = directory.parent.name == kind

    def view() -> Any:
        found = _opened(f"{kind}/{directory.name}", directory) if is_entry else artifact.load(directory, kind)
        return found.manifest.model_dump(), {name: _digest(directory / name) for name in found.manifest.files}

    return view


def _opened(reference: str, directory: Path) -> artifact.Artifact:
    """Returns an entry of the content store as stages open it: of a copy, as what is damaged is removed."""
    with tempfile.TemporaryDirectory() as output:
        shutil.copytree(directory, Path(output, STORE, reference))
        return ContentStore(f"{output}/run").open(reference)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _shown(target: Path) -> Any:
    """Returns what ``trimtab history`` shows; damage that it names is no silence."""
    found = history(str(target))
    if found.problem or any(one.state in ("damaged", "missing", "unknown") for one in found.versions):
        raise TrimtabError("damage is named")
    return found.model_dump()


def _trained(target: Path, version: int) -> Any:
    with Repository(str(target)).training(version) as found:
        return found.digest, found.manifest.model_dump()


def _deployed(target: Path, version: int) -> Any:
    with Repository(str(target)).fetched(version) as found:
        return found.digest, found.manifest.model_dump()


def _pointed(target: Path) -> Any:
    champion = Repository(str(target)).champion()
    return champion and (
        champion.version,
        champion.previous,
        [move.model_dump() for move in champion.history],
    )


def _decided(target: Path) -> Any:
    return [one.model_dump() for one in ledger.read(Repository(str(target))).decisions]


def repository_places(target: Path, images: Path) -> Iterator[Place]:
    """Yields every file of a repository, with the file of the version before."""
    whole = {"history": lambda: _shown(target), "pointer": lambda: _pointed(target)}
    champion = {**whole, "answers": lambda: list(predict(str(target), str(images)))}
    yield Place("pointer", target / "champion.json", champion, only=(flip, cut, empty))
    decided = {"decided": lambda: _decided(target)}
    yield Place("ledger", target / "ledger.json", decided, only=(flip, cut, empty))
    for version in repository.VERSIONS:
        other = repository.VERSIONS[version % 3]
        views = {
            **whole,
            "answers": lambda version=version: list(predict(str(target), str(images), version)),
            "deployed": lambda version=version: _deployed(target, version),
            "training": lambda version=version: _trained(target, version),
        }
        for kind, place in (("deployment", str(version)), ("training", f"training/{version}")):
            for file in sorted((target / place).iterdir()):
                yield Place(kind, file, views, target / place.replace(str(version), str(other)) / file.name)


def artifact_places(directories: list[Path]) -> Iterator[Place]:
    """Yields every file of artifacts; the stale one is of another artifact of the kind."""
    by_name: dict[tuple[str, str], list[Path]] = {}
    for directory in directories:
        kind = json.loads((directory / MANIFEST).read_bytes())["kind"]
        for file in sorted(file for file in directory.rglob("*") if file.is_file()):
            by_name.setdefault((kind, file.relative_to(directory).as_posix()), []).append(file)
    for (kind, name), files in by_name.items():
        for file in files:
            directory = file.parents[name.count("/")]
            stale = next((other for other in files if other != file), None)
            yield Place(kind, file, {"load": loaded(directory)}, stale)


def record_places(run: Path) -> Iterator[Place]:
    """Yields every record of a run's tasks."""
    views = {"records": lambda: [record.model_dump() for record in read_records(str(run))]}
    for file in sorted((run / "stages").glob("*.json")):
        yield Place("record", file, views, only=(flip, cut))


def run(size: str, directory: Path, seed: int = 0) -> Tally:
    """Damages one file after the other, and puts it right again."""
    with mock.patch("os.fsync"):  # took half of the time, and nothing here is about power failures
        return _run(size, directory, seed)


def _run(size: str, directory: Path, seed: int) -> Tally:
    tally, chance = Tally(GROUP, ("silent", "untyped")), random.Random(seed)
    target, images, made = repository.make(directory / "made")
    places = [
        *repository_places(target, images),
        *artifact_places(made),
        *record_places(directory / "made/run"),
    ]
    if size == "full":
        places += _of_a_run(directory / "whole")
    kinds = Counter[str]()
    pairs = [(place, fault) for place in places for fault in place.faults()]
    by_kind: dict[tuple[str, str], list[tuple[Place, Fault]]] = {}
    for place, fault in pairs:
        by_kind.setdefault((place.kind, fault.__name__), []).append((place, fault))
    while tally.counts["faults"] < FAULTS[size]:
        for (kind, name), group in by_kind.items():
            place, fault = chance.choice(group)
            _damage(place, fault, chance, f"{kind} {name} {place.file}", tally)
            tally.add("faults")
            kinds[kind] += 1
            if tally.counts["faults"] == FAULTS[size]:
                break
    _bits(target, BITS_STEP[size], tally)
    _stale_versions(target, images, tally)
    tally.facts["kinds"] = dict(kinds)
    return tally


def _of_a_run(directory: Path) -> list[Place]:
    """Returns the places of a whole run, whose store has every kind of artifact."""
    done = killed.Run(directory)
    with done.started() as attempt:
        attempt.process.wait(killed.WHOLE_SECONDS)
    assert done.place is not None
    manifests = [*(done.output / "store").rglob(MANIFEST), *done.place.rglob(MANIFEST)]
    return [*artifact_places([file.parent for file in manifests]), *record_places(done.place)]


def _damage(place: Place, fault: Fault, chance: random.Random, what: str, tally: Tally) -> None:
    before = {name: seen(view) for name, view in place.views.items()}
    content = place.file.read_bytes()
    try:
        fault(place.file, chance, place.stale)
        _judge(before, place.views, what, tally)
    finally:
        place.file.write_bytes(content)
        place.file.with_name("added").unlink(missing_ok=True)


def _judge(before: dict[str, Any], views: dict[str, View], what: str, tally: Tally) -> None:
    try:
        if view := silent(before, views):
            tally.fault("silent", f"{what}: {view}")
    except Exception as error:  # what is no error for users is what this looks for
        tally.fault("untyped", f"{what}: {type(error).__name__}: {error}")


def _bits(target: Path, step: int, tally: Tally) -> None:
    """Flips every bit of the pointer, of the ledger and of a version's manifests."""
    whole = {"history": lambda: _shown(target), "pointer": lambda: _pointed(target)}
    deployed = {"deployed": lambda: _deployed(target, 2), "training": lambda: _trained(target, 2)}
    for file, views in (
        (target / "champion.json", whole),
        (target / "ledger.json", {"decided": lambda: _decided(target)}),
        (target / "2" / MANIFEST, deployed),
        (target / "training/2" / MANIFEST, {"training": deployed["training"]}),
    ):
        content = file.read_bytes()
        before = {name: seen(view) for name, view in views.items()}
        for bit in range(0, 8 * len(content), step):
            flipped = bytearray(content)
            flipped[bit // 8] ^= 1 << bit % 8
            file.write_bytes(flipped)
            _judge(before, views, f"bit {bit} of {file}", tally)
            tally.add("bits")
        file.write_bytes(content)


def _stale_versions(target: Path, images: Path, tally: Tally) -> None:
    """Puts a whole version in the place of another one."""
    for version in repository.VERSIONS:
        for other in set(repository.VERSIONS) - {version}:
            copy = target.with_name("copy")
            shutil.copytree(target, copy)
            views = {
                "answers": lambda v=version, at=copy: list(predict(str(at), str(images), v)),
                "deployed": lambda v=version, at=copy: _deployed(at, v),
                "training": lambda v=version, at=copy: _trained(at, v),
            }
            before = {name: seen(view) for name, view in views.items()}
            for place in ("", "training/"):
                shutil.rmtree(copy / f"{place}{version}")
                shutil.copytree(target / f"{place}{other}", copy / f"{place}{version}")
            _judge(before, views, f"version {other} in the place of {version}", tally)
            tally.add("stale_versions")
            shutil.rmtree(copy)
