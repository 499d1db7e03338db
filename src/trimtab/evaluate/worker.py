"""Models of one runtime in a process of their own, which runs them when it is told to.

Libraries in one process fight over threads, and over what each sets for all. So the models of each runtime
are loaded, run and timed in a process that has no other library; it waits for its turn, and the parent for
its answer. It is a program of its own (``python -m trimtab.evaluate.worker RUNTIME MODULE``): it
says by a line that it has imported what it needs, reads a line of JSON that says what to load, then one for
the turns that its models have in a row, and answers each with a line. The clock is in it, so that talking
costs nothing.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from trimtab import registry
from trimtab.batch import Batch
from trimtab.errors import ModelError, TrimtabError
from trimtab.evaluate.turns import LocalTurns, Served
from trimtab.runtimes.registry import runtime


class WorkerTurns:
    """See ``turns.Turns``; models in another process, which begins to import what it needs.

    Args:
        runtime: The name of their runtime.
        models: Where they are, by id.
        examples: Each one's examples.
        threads: Threads of the runtime.
    """

    def __init__(
        self, runtime: str, models: Mapping[str, Served], examples: Mapping[str, Batch], threads: int
    ) -> None:
        self._runtime, self._examples, self.models = runtime, examples, list(models)
        self._order = {
            "models": {
                name: (str(model.directory.resolve()), model.streams) for name, model in models.items()
            },
            "threads": threads,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, runtime, registry.RUNTIMES[runtime]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def __enter__(self) -> Self:
        """Returns itself; the process ends with the block at the latest."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the process."""
        self.end()

    def wait(self) -> None:
        """Waits until it has nothing more to import, and takes no time from others.

        Raises:
            ModelError: If its runtime is not there.
        """
        self._answer()

    def load(self) -> None:
        """Loads the models.

        Raises:
            ModelError: If one cannot be loaded.
        """
        with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
            self._ask(self._order | {"examples": _saved(self._examples, Path(temporary))})

    def warm_up(self, name: str) -> int:
        """See ``turns.Turns.warm_up``."""
        return int(self._ask({"warm_up": name}))

    def take(self, names: Sequence[str], number: int) -> list[int]:
        """See ``turns.Turns.take``."""
        return list(self._ask({"take": names, "number": number}))

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # then there is no answer
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise ModelError(f"the process that runs the models of {self._runtime} {self._ended()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ModelError(**answer["error"])
        return answer["value"]

    def _ended(self) -> str:
        code = self._process.wait()
        return f"died with {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def end(self) -> None:
        """Ends the process; it may have ended."""
        with contextlib.suppress(BrokenPipeError), self._process:
            self._process.kill()


def _saved(examples: Mapping[str, Batch], directory: Path) -> dict[str, str]:
    """Writes examples, those that are the same once, and returns their files by the model's id."""
    paths = {name: str(directory / f"{id(batch)}.npz") for name, batch in examples.items()}
    for path, batch in {paths[name]: batch for name, batch in examples.items()}.items():
        np.savez(path, **dict(batch))  # type: ignore[arg-type]
    return paths


def _loaded(name: str, order: dict[str, Any]) -> LocalTurns:
    read = {path: dict(np.load(path, allow_pickle=False)) for path in set(order["examples"].values())}
    return LocalTurns(
        {
            key: Served(name, Path(directory), streams)
            for key, (directory, streams) in order["models"].items()
        },
        {name: read[path] for name, path in order["examples"].items()},
        order["threads"],
    )


def _answer(turns: LocalTurns, question: dict[str, Any]) -> int | list[int]:
    if "warm_up" in question:
        return turns.warm_up(question["warm_up"])
    return turns.take(question["take"], question["number"])


def _serve(name: str, questions: IO[str], answers: IO[str]) -> None:
    """Says that the runtime is there, and answers questions until there are no more."""
    turns: LocalTurns | None = None
    for line in itertools.chain([""], questions):
        value: int | list[int] = 0
        try:
            if not line:
                runtime(name).check_installed()
            elif turns is None:
                turns = _loaded(name, json.loads(line))
                gc.disable()
            else:
                value = _answer(turns, json.loads(line))
            answer: dict[str, Any] = {"value": value}
        except TrimtabError as error:
            answer = {"error": {"message": error.message, "path": error.path, "hint": error.hint}}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    # What libraries print goes to the log: the standard output is for answers.
    with os.fdopen(os.dup(1), "w") as output:
        os.dup2(2, 1)
        registry.RUNTIMES[sys.argv[1]] = sys.argv[2]  # who asks may have added it
        _serve(sys.argv[1], sys.stdin, output)
