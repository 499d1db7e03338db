"""Models of one runtime in a process of their own, which runs them when it is told to.

Libraries in one process fight over threads, and over what each sets for all. So the models of each runtime
are loaded, run and timed in a process that has no other library; it waits for its turn, and the parent for
its answer. It is a program of its own (``python -m trimtab.evaluate.worker``): it reads a line of JSON that
says what to load, then one for each turn, and answers each with a line. The clock is in it, so that talking
costs nothing.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from trimtab import registry
from trimtab.batch import Batch
from trimtab.errors import ModelError, TrimtabError
from trimtab.evaluate.turns import LocalTurns, Served


class WorkerTurns:
    """See ``turns.Turns``; models in another process, which ends with the block.

    Args:
        runtime: The name of their runtime.
        models: Where they are, by id.
        examples: Each one's examples.
        threads: Threads of the runtime.
    """

    def __init__(
        self, runtime: str, models: Mapping[str, Served], examples: Mapping[str, Batch], threads: int
    ) -> None:
        self._runtime, self._examples = runtime, examples
        self._order = {
            "runtime": runtime,
            "module": registry.RUNTIMES[runtime],
            "models": {
                name: (str(model.directory.resolve()), model.streams) for name, model in models.items()
            },
            "threads": threads,
        }

    def __enter__(self) -> Self:
        """Starts the process and loads the models.

        Raises:
            ModelError: If one cannot be loaded.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        try:
            with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
                self._ask(self._order | {"examples": _saved(self._examples, Path(temporary))})
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the process."""
        self._end()

    def warm_up(self, name: str) -> int:
        """See ``turns.Turns.warm_up``."""
        return int(self._ask({"warm_up": name}))

    def take(self, name: str, number: int) -> int:
        """See ``turns.Turns.take``."""
        return int(self._ask({"take": name, "number": number}))

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ModelError(f"the process that runs the models of {self._runtime} {self._ended()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ModelError(**answer["error"])
        return answer["value"]

    def _ended(self) -> str:
        code = self._process.wait()
        return f"died with {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()


def _saved(examples: Mapping[str, Batch], directory: Path) -> dict[str, str]:
    """Writes examples, those that are the same once, and returns their files by the model's id."""
    paths = {name: str(directory / f"{id(batch)}.npz") for name, batch in examples.items()}
    for path, batch in {paths[name]: batch for name, batch in examples.items()}.items():
        np.savez(path, **dict(batch))  # type: ignore[arg-type]
    return paths


def _loaded(order: dict[str, Any]) -> LocalTurns:
    read = {path: dict(np.load(path, allow_pickle=False)) for path in set(order["examples"].values())}
    name = order["runtime"]
    registry.RUNTIMES[name] = order["module"]  # who asks may have added it
    return LocalTurns(
        {
            key: Served(name, Path(directory), streams)
            for key, (directory, streams) in order["models"].items()
        },
        {name: read[path] for name, path in order["examples"].items()},
        order["threads"],
    )


def _answer(turns: LocalTurns, question: dict[str, Any]) -> int:
    if "warm_up" in question:
        return turns.warm_up(question["warm_up"])
    return turns.take(question["take"], question["number"])


def _serve(questions: IO[str], answers: IO[str]) -> None:
    """Answers questions until there are no more."""
    turns: LocalTurns | None = None
    for line in questions:
        question, value = json.loads(line), 0
        try:
            if turns is None:
                turns = _loaded(question)
                gc.disable()
            else:
                value = _answer(turns, question)
            answer: dict[str, Any] = {"value": value}
        except TrimtabError as error:
            answer = {"error": {"message": error.message, "path": error.path, "hint": error.hint}}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    # What libraries print goes to the log: the standard output is for answers.
    with os.fdopen(os.dup(1), "w") as output:
        os.dup2(2, 1)
        _serve(sys.stdin, output)
