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
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from trimtab import registry
from trimtab.errors import ModelError, TrimtabError
from trimtab.models.spec import AnswerSpec, InputSpec, ModelSpec
from trimtab.quiet import quiet
from trimtab.runtimes import saved_models
from trimtab.runtimes.base import Runtime

SECONDS, MEMORY_BYTES = 300.0, 768 << 20
_LIBRARY_BYTES, _PER_BYTE = 256 << 20, 8
"""What a runtime's library takes by itself, and an honest model, times its file."""
_IMPORT_SECONDS = 60.0
"""What importing libraries may take, before the time of the file itself begins."""
_READ_BYTES_S, _CONVERTED_BYTES_S = 20 << 20, 2 << 20
"""What of a file takes a second more; a SavedModel is converted."""
_HINT = "Is it a whole file, of a program that you trust? Nothing of it was kept."


def adopt(
    serving: Runtime,
    source: Path,
    directory: Path,
    spec: ModelSpec,
    *,
    seconds: float | None = None,
    memory_bytes: int | None = None,
) -> None:
    """Does what ``Runtime.adopt`` does, and asks the model once, in a process with limits.

    Args:
        serving: A runtime of the registry.
        source: A file with one of the endings that it reads, or the graph of a SavedModel.
        directory: Where the files go.
        spec: What the data looks like.
        seconds: How long it may take, once its libraries are there, beside what its size takes; None: 300.
        memory_bytes: How much more than at its start, beside eight times the file; None: 768 MiB.

    Raises:
        ModelError: If it cannot be read or does not take the data, or if the process died or took too much.
    """
    size, memory_bytes = _size(source), memory_bytes or MEMORY_BYTES
    of_size = size / (_CONVERTED_BYTES_S if saved_models.is_saved_model(source) else _READ_BYTES_S)
    seconds = (seconds or SECONDS) + of_size
    order = {
        "seconds": seconds,
        "memory_bytes": memory_bytes + _LIBRARY_BYTES + _PER_BYTE * size,
        "module": registry.RUNTIMES[serving.name],
        "source": str(source.resolve()),
        "directory": str(directory.resolve()),
        "spec": asdict(spec),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            timeout=seconds + _IMPORT_SECONDS,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_long(source, seconds) from error
    if done.returncode == -signal.SIGALRM:
        raise _too_long(source, seconds)
    if done.returncode:
        allowed = f"; it may take {memory_bytes >> 20:,} MB beside {_PER_BYTE} times the file"
        raise ModelError(
            f"reading it {_ended(done)}{allowed}",
            path=str(source),
            field="model.limits.memory_mb",
            hint=_HINT,
        )
    if answer := json.loads(done.stdout):
        raise ModelError(**answer)


def _too_long(source: Path, seconds: float) -> ModelError:
    message = f"reading it took more than {seconds:.3g} s"
    return ModelError(message, path=str(source), field="model.limits.seconds", hint=_HINT)


def _size(source: Path) -> int:
    """Returns the bytes of a model: of all files of its name, as OpenVINO's weights are beside its graph."""
    named = "**/*" if saved_models.is_saved_model(source) else f"{source.stem}.*"
    files = [file for file in source.parent.glob(named) if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _ended(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"died with {signal.Signals(-done.returncode).name}"
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return f"failed: {last[:300]}"


def _data_bytes() -> int:
    """Returns what this process could write to by now."""
    pages = Path("/proc/self/statm").read_text().split()[5]
    return int(pages) * resource.getpagesize()


def _adopted(order: dict[str, Any]) -> dict[str, str | None]:
    """Returns why a file could not be adopted, or nothing."""
    serving: Runtime = import_module(order["module"]).RUNTIME
    source, directory, spec = Path(order["source"]), Path(order["directory"]), _spec(order["spec"])
    try:
        if saved_models.is_saved_model(source):
            with quiet():
                saved_models.adopt(serving, source, directory, spec)
        else:
            serving.adopt(source, directory, spec.input_shape)
        # Some take their memory when they are asked only: a constant may be computed then.
        zeros = {name: np.zeros((1, *each.shape), each.dtype) for name, each in spec.inputs.items()}
        serving.load(directory).predict(zeros)
    except TrimtabError as error:
        return {"message": error.message, "path": error.path, "field": error.field, "hint": error.hint}
    return {}


def _spec(given: dict[str, Any]) -> ModelSpec:
    """Returns a specification that has been JSON."""
    inputs = {
        name: InputSpec(**{**each, "shape": tuple(each["shape"])}) for name, each in given["inputs"].items()
    }
    answers = {name: AnswerSpec(**each) for name, each in given["answers"].items()}
    shape = tuple(given["input_shape"])
    return ModelSpec(**{**given, "input_shape": shape, "inputs": inputs, "answers": answers})


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    if saved_models.is_saved_model(Path(asked["source"])):
        import_module("trimtab.models.saved_model.frozen")  # TensorFlow, which the model is not to blame for
    # Neither a conversion nor an answer lets anybody in who could end it: the kernel does.
    signal.setitimer(signal.ITIMER_REAL, float(asked["seconds"]))
    # What can be written to counts: libraries map files and reserve addresses that take no memory.
    most = _data_bytes() + int(asked["memory_bytes"])
    for kind, limit in ((resource.RLIMIT_DATA, most), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (limit, limit))
    # What libraries print goes to the log: the standard output is for the answer.
    with os.fdopen(os.dup(1), "w") as output:
        os.dup2(2, 1)
        output.write(json.dumps(_adopted(asked)))
