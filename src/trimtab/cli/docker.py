"""Runs each task of a DAG in a container of its own, as on a cluster but on this machine's Docker daemon.

A container gets what a pod under the restricted profile gets, and less: an unprivileged user, no capability,
a read-only root file system, the run's directory, the store, the deployment target, and the config's data,
read-only.
It has no network unless its stage has something to fetch or to send: with a run in Cloud Storage, all have.
"""

from __future__ import annotations

import codecs
import contextlib
import glob
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click
import docker
from docker.errors import APIError, ContainerError, DockerException, ImageNotFound, NotFound
from docker.types import Mount
from urllib3.exceptions import HTTPError

from trimtab import progress
from trimtab.artifacts.store import STORE
from trimtab.cli import config_argument, kfp_local, run_directory
from trimtab.cli.kfp_local import Command
from trimtab.config.stages import STAGES
from trimtab.errors import TrimtabError
from trimtab.runtimes import sources
from trimtab.storage.objects.location import is_remote, kinds

if TYPE_CHECKING:
    from trimtab.cli.local import Runner
    from trimtab.cli.pipeline import Pipeline
    from trimtab.config.config import Config
    from trimtab.storage.objects.base import StoreKind

UNPRIVILEGED = 1000
"""The user and group id of tasks when root starts them; the image's own user."""

RUN_LABEL = "trimtab.run"
"""Names the URI of a container's run."""

_DAEMON_ERRORS = (DockerException, HTTPError, OSError)
"""What the client raises: its own errors, and those of the libraries below it when the daemon goes away."""

_FINGERPRINT = """
import hashlib, importlib.util, pathlib
package = pathlib.Path(importlib.util.find_spec("trimtab").origin).parent
files = {str(file.relative_to(package)): file.read_bytes() for file in package.rglob("*.py")}
print(hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest())
"""
"""Prints what tells one trimtab from another, whose version may be the same."""

_LOOPBACK = ("localhost", "127.", "[::1]")


def runner(image: str) -> Runner:
    """Finds the image, and returns what `cli.local.run` needs to run tasks in it.

    Args:
        image: A reference that the daemon has: a tag, a digest, or an id.

    Returns:
        A `Runner` of `cli.local`.

    Raises:
        TrimtabError: If no daemon answers, or if it does not have the image.
    """
    try:
        with contextlib.closing(docker.from_env()) as client:
            local_image = client.images.get(image)
            same = _fingerprint(client, local_image.id) == _own_fingerprint()
    except ImageNotFound:
        build = "" if "@" in image else f"`make image IMAGE={image}` or "
        raise TrimtabError(
            "the Docker daemon does not have this image",
            path=image,
            hint=f"Run {build}`docker pull {image}`, or name another by --image.",
        ) from None
    except ContainerError:
        raise TrimtabError(
            "there is no trimtab in this image", path=image, hint="See docs/image.md."
        ) from None
    except APIError as error:
        raise TrimtabError(
            f"the Docker daemon refuses to use this image: {error.explanation}", path=image
        ) from None
    except _DAEMON_ERRORS as error:
        raise TrimtabError(
            f"no Docker daemon answers: {error}",
            hint="Install docker.io, start it (systemctl start docker), and add your user to its group.",
        ) from None

    if not same:
        click.echo(
            f"warning: {image} holds another trimtab than this one, and a task may fail for it: "
            "build it again, as by `make image`",
            err=True,
        )

    @contextlib.contextmanager
    def containers(pipeline: Pipeline, config: Config, directory: Path, uri: str) -> Iterator[Any]:  # noqa: ARG001
        _make_writable(config, directory, uri)
        # By its id: a tag that moves while the run goes on does not mix two images.
        tasks = _Tasks(config, directory, uri, local_image.id)
        tasks.remove_left_over()
        with kfp_local.containers(tasks.run) as kfp_runner, tasks.interruptible():
            yield kfp_runner

    return containers


def _fingerprint(client: docker.DockerClient, image: str) -> str:
    command = ["-c", _FINGERPRINT]
    said = client.containers.run(
        image, command, entrypoint="python3", network_mode="none", read_only=True, remove=True
    )
    return str(said.decode()).strip()


def _own_fingerprint() -> str:
    command = [sys.executable, "-P", "-c", _FINGERPRINT]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def task_settings(config: Config, stage: str, directory: Path, uri: str) -> dict[str, Any]:
    """Returns how one task's container is confined.

    Args:
        config: The resolved config.
        stage: The stage that the task runs.
        directory: The local directory of the run.
        uri: The URI of the run's directory, which every stage writes to.

    Returns:
        Arguments of `docker.models.containers.ContainerCollection.create`.
    """
    stores = kinds([uri, *_opened(config, stage)])
    credentials = _credentials(stores)
    readable = [*_sources(config), *_config_files(uri), *credentials.values()]
    mounts = [_bind(path, read_only=False) for path in _writable(config, directory, uri)]
    mounts += [_bind(path, read_only=True) for path in dict.fromkeys(readable) if path.exists()]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore", **config.resources.environment}
    variables = [name for store in stores for name in store.variables]
    environment |= {name: os.environ[name] for name in variables if name in os.environ}
    environment |= {name: str(file) for name, file in credentials.items()}
    return {
        "user": _user(),
        # Data may be readable by a group that the user is in.
        "group_add": [str(group) for group in os.getgroups()] if os.getuid() else [],
        "read_only": True,
        "tmpfs": {"/tmp": "mode=1777"},
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "network_mode": _network_mode(stores, environment) if stores else "none",
        "mounts": mounts,
        "environment": environment,
        "labels": {RUN_LABEL: uri},
        **_limits(config, stage),
    }


def _opened(config: Config, stage: str) -> list[str]:
    """Returns what a stage opens beside the run's directory."""
    values = {
        "data": [config.data.train, config.data.validation, config.data.given_test],
        "model": [config.model.archive, *_of_preset(config)],
        "deploy": [config.deploy.target],
    }
    # A stage that is not in the table may open any.
    sections = STAGES[stage].opens if stage in STAGES else set(values)
    return [value for section in sections for value in values[section] if value]


def _of_preset(config: Config) -> list[str]:
    """Returns the directory of a preset, and the file of its weights, where they are no names."""
    given = [config.model.preset, config.model.weights]
    return [value for value in given if value and ("://" in value or Path(value).exists())]


def _network_mode(stores: list[StoreKind], environment: dict[str, str]) -> str:
    """Returns the host's network for a store on this machine: a bridge does not lead to its loopback."""
    named = (environment.get(name, "") for store in stores for name in store.endpoint)
    hosts = [url.rpartition("://")[2] for url in named]
    return "host" if any(host.startswith(_LOOPBACK) for host in hosts) else "bridge"


def _credentials(stores: list[StoreKind]) -> dict[str, Path]:
    """Returns the files that the stores' clients would find outside of the container, by their variables."""
    files = {name: usual for store in stores for name, usual in store.files.items()}
    paths = {name: Path(os.environ.get(name) or usual).expanduser() for name, usual in files.items()}
    return {name: path.absolute() for name, path in paths.items() if path.is_file()}


def _sources(config: Config) -> list[Path]:
    """Returns the local files and directories that the config names; of a pattern, the directory above it."""
    archive = sources.parts(config.model.archive) if config.model.archive else []
    given = [config.data.train, config.data.validation, config.data.given_test]
    named = [*given, *archive, *_of_preset(config)]
    paths = [Path(value) for value in named if value and "://" not in value]
    return [
        next(above for above in path.parents if not glob.has_magic(str(above)))
        if glob.has_magic(str(path)) and not path.exists()
        else path
        for path in paths
    ]


def _writable(config: Config, directory: Path, uri: str) -> list[Path]:
    """Returns the run's directory, and the store beside it and the models' repository if they are local."""
    beside = [] if is_remote(uri) else [Path(uri).parent / STORE]
    target = config.deploy.target
    return [directory, *beside, *([Path(target)] if target and "://" not in target else [])]


def _config_files(uri: str) -> list[Path]:
    """Returns where configs that are too large for an argument are."""
    return [] if is_remote(uri) else [Path(uri).parent / config_argument.DIRECTORY]


def _make_writable(config: Config, directory: Path, uri: str) -> None:
    """Creates what tasks write to; left to itself the daemon would create it for root."""
    (directory / run_directory.KFP).mkdir(exist_ok=True)
    for path in _writable(config, directory, uri):
        path.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            for entry in [path, *path.rglob("*")]:
                os.chown(entry, UNPRIVILEGED, UNPRIVILEGED, follow_symlinks=False)


def _user() -> str:
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else f"{UNPRIVILEGED}:{UNPRIVILEGED}"


def _bind(path: Path, *, read_only: bool) -> Mount:
    return Mount(target=str(path), source=str(path), type="bind", read_only=read_only)


def _limits(config: Config, stage: str) -> dict[str, Any]:
    from kubernetes.utils.quantity import parse_quantity

    limits: dict[str, Any] = {}
    asked = next((resources for name, resources in config.resources.stages.items() if name == stage), None)
    if asked is None:
        return limits
    if asked.memory:
        size = int(parse_quantity(asked.memory))
        limits |= {"mem_limit": size, "memswap_limit": size}
    if asked.cpu:
        # The daemon refuses more cores than there are; the config may be made for a larger machine.
        cores = min(parse_quantity(asked.cpu), os.cpu_count() or 1)
        limits["nano_cpus"] = int(cores * 1_000_000_000)
    if asked.shared_memory:
        limits["shm_size"] = int(parse_quantity(asked.shared_memory))
    return limits


class _Tasks:
    """The containers of one run.

    Its `run` stands in for KFP's own function, which has one set of arguments for all tasks, and takes a
    container that ends before it looks for a success (kubeflow/pipelines#13332).
    """

    def __init__(self, config: Config, directory: Path, uri: str, image: str) -> None:
        self._config, self._directory, self._uri, self._image = config, directory, uri, image
        self._stopped = threading.Event()

    def run(
        self,
        client: docker.DockerClient,
        image: str,
        command: list[str],
        volumes: dict[str, Any],
        environment: dict[str, str] | None = None,
    ) -> int:
        """Runs one task to its end, writes what it writes, and returns its exit code."""
        # Components were compiled with an image that may be another; the run's mount holds KFP's artifacts.
        del image, volumes
        stage = Command(command).stage
        settings = task_settings(self._config, stage, self._directory, self._uri)
        settings["environment"] |= environment or {}
        if self._stopped.is_set():
            return 1
        try:
            container = client.containers.create(self._image, command, entrypoint=[], **settings)
            try:
                # Before it starts: who follows the log misses the last words of a container that ends fast.
                output = container.attach(stream=True, stdout=True, stderr=True)
                container.start()
                if self._stopped.is_set():  # meanwhile, when it could not be found yet
                    container.kill()
                _write_lines(output)
                code = int(container.wait()["StatusCode"])
                container.reload()
                if container.attrs["State"]["OOMKilled"]:
                    _say(stage, "the container ran out of the memory that `resources` gives it")
                return code
            finally:
                with contextlib.suppress(NotFound):
                    container.remove(force=True, v=True)
        except _DAEMON_ERRORS as error:
            _say(stage, f"the container could not be run: {error}")
            return 1

    def remove_left_over(self) -> None:
        """Ends what a process that was killed itself left running: it works on the same files."""
        with contextlib.closing(docker.from_env()) as client:
            for container in client.containers.list(all=True, filters=self._filter):
                with contextlib.suppress(NotFound):
                    container.remove(force=True, v=True)

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Lets SIGINT and SIGTERM end the containers too, and lets no other start."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def stop(number: int, frame: FrameType | None) -> None:
            self._stopped.set()
            self._kill()
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)

        try:
            for number in before:
                signal.signal(number, stop)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _kill(self) -> None:
        """Kills at once: stages go on exactly where they were, however they ended."""
        with contextlib.suppress(*_DAEMON_ERRORS), contextlib.closing(docker.from_env()) as client:
            for container in client.containers.list(filters=self._filter):
                with contextlib.suppress(APIError):
                    container.kill()

    @property
    def _filter(self) -> dict[str, str]:
        return {"label": f"{RUN_LABEL}={self._uri}"}


def _say(stage: str, text: str) -> None:
    # Where KFP's own output goes, the run's log; not by `print`, which KFP replaces by one that indents.
    sys.stdout.write(f"{progress.PREFIX}{stage} | {text}\n")


def _write_lines(chunks: Iterator[bytes]) -> None:
    """Writes whole lines: a chunk may end inside of one, or inside of a character."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    rest = ""
    for chunk in chunks:
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        for line in lines:
            sys.stdout.write(f"{line}\n")
    if rest:
        sys.stdout.write(f"{rest}\n")
