"""A file of others is read by a process that may die of it: parsers of models are native code.

It is a program of its own (``python -m trimtab.runtimes.adopting``): it reads one line of JSON that says what
to read, and answers with one that says why it could not, or nothing.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from trimtab import registry
from trimtab.errors import ModelError, TrimtabError
from trimtab.runtimes.base import Runtime

SECONDS = 300
MEMORY_BYTES = 16 << 30
_HINT = "Is it a whole file, of a program that you trust? Nothing of it was kept."


def adopt(serving: Runtime, source: Path, directory: Path, shape: tuple[int, ...]) -> None:
    """Does what ``Runtime.adopt`` does, in a process with limits.

    Args:
        serving: A runtime of the registry.
        source: A file with one of the endings that it reads.
        directory: Where the files go.
        shape: Of one example of the data.

    Raises:
        ModelError: If it cannot be read or does not take the data, or if the process died, took longer than
            300 s, or asked for more than 16 GiB.
    """
    order = {
        "module": registry.RUNTIMES[serving.name],
        "source": str(source.resolve()),
        "directory": str(directory.resolve()),
        "shape": shape,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"reading it took more than {SECONDS} s", path=str(source), hint=_HINT) from error
    if done.returncode:
        raise ModelError(f"reading it {_ended(done)}", path=str(source), hint=_HINT)
    if answer := json.loads(done.stdout):
        raise ModelError(**answer)


def _ended(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"died with {signal.Signals(-done.returncode).name}"
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return f"failed: {last[:300]}"


def _adopted(order: dict[str, str]) -> dict[str, str | None]:
    """Returns why a file could not be adopted, or nothing."""
    serving: Runtime = import_module(order["module"]).RUNTIME
    try:
        serving.adopt(Path(order["source"]), Path(order["directory"]), tuple(map(int, order["shape"])))
    except TrimtabError as error:
        return {"message": error.message, "path": error.path, "field": error.field, "hint": error.hint}
    return {}


if __name__ == "__main__":
    for kind, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (most, most))
    # What libraries print goes to the log: the standard output is for the answer.
    with os.fdopen(os.dup(1), "w") as output:
        os.dup2(2, 1)
        output.write(json.dumps(_adopted(json.load(sys.stdin))))
