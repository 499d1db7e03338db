"""The servability check: a fresh process loads a deployed version and must reproduce the golden predictions.

It is a program of its own (``python -m trimtab.deploy.servable TARGET VERSION``), because what it proves is
that the version can be served from where it lies: by a new process, without TensorFlow, without anything that
the deploying process has in memory. It prints one JSON object.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel, ValidationError

from trimtab.batch import rows
from trimtab.data.dataset.dataset import model_inputs
from trimtab.data.schema import DatasetSchema
from trimtab.deploy.golden import GOLDEN_FILE, Golden
from trimtab.deploy.repository import SCHEMA_FILE, Repository
from trimtab.deploy.runtime import loaded
from trimtab.errors import DeployError, TrimtabError

TIMEOUT_S = 600
_TRAINING_LIBRARIES = ("tensorflow", "keras", "tf_keras")


class Check(BaseModel):
    """What the fresh process found.

    Attributes:
        examples: Golden predictions that were repeated.
        difference: Largest difference to a golden output; None if an output has another shape or is no
        number. tolerance: Largest difference allowed.
        imported: Training libraries that were loaded on the way; there must be none.
        error: Why the version could not be loaded or run.
    """

    examples: int = 0
    difference: float | None = None
    tolerance: float = 0.0
    imported: list[str] = []
    error: str = ""

    @property
    def failure(self) -> str:
        """Returns why the version must not be served, or an empty string."""
        if self.error:
            return self.error
        if self.imported:
            return f"serving it loaded {', '.join(self.imported)}"
        if self.difference is None:
            return "its outputs have another shape than the golden predictions, or are not numbers"
        if self.difference > self.tolerance:
            return (
                f"its outputs differ from the golden predictions by up to {self.difference:.3g}; "
                f"at most {self.tolerance:.3g} is allowed"
            )
        return ""


def check(target: str, version: int) -> Check:
    """Returns what a fresh process found when it loaded a version from the repository.

    Raises:
        DeployError: If the version cannot be served, or answers differently than when it was selected.
    """
    command = [sys.executable, "-P", "-m", "trimtab.deploy.servable", target, str(version)]
    where = Repository(target).location(version)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise DeployError(f"loading and running it took more than {TIMEOUT_S} s", path=where) from error
    if done.returncode < 0:
        raise DeployError(f"serving it died with {signal.Signals(-done.returncode).name}", path=where)
    try:
        result = Check.model_validate_json(done.stdout)
    except ValidationError as error:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        message = f"serving it failed with exit code {done.returncode}: {last}"
        raise DeployError(message, path=where) from error
    if result.failure:
        raise DeployError(
            f"not servable: {result.failure}", path=where, hint="The champion is still the one before."
        )
    return result


def repeat_golden(target: str, version: int) -> Check:
    """Returns how well this process repeats the golden predictions of a version."""
    try:
        with Repository(target).fetched(version) as deployment:
            schema = DatasetSchema.model_validate_json((Path(deployment.path) / SCHEMA_FILE).read_bytes())
            golden = Golden.load(deployment.path / GOLDEN_FILE)
            outputs = loaded(deployment).predict(model_inputs(schema, golden.x))
    except TrimtabError as error:
        return Check(error=error.describe())
    return Check(
        examples=rows(golden.y),
        difference=golden.difference(outputs),
        tolerance=golden.tolerance,
        imported=[name for name in _TRAINING_LIBRARIES if name in sys.modules],
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(repeat_golden(sys.argv[1], int(sys.argv[2])).model_dump()) + "\n")
