"""The typed errors a user can meet, each with its own exit code.

A message names the file and the field, says what was expected, and what to do about it. Stages turn these
errors into a process exit with the code of the class; nothing else is allowed to reach the user as a
traceback. Codes 3 and 5 are no errors: everything ran and no candidate met the budget, or the champion stays;
only the baseline met it, and is deployed (``cli/exit_codes.py``).
"""

from __future__ import annotations


class TrimtabError(Exception):
    """Base of every error that trimtab raises on purpose.

    Args:
        message: What is wrong, and what was expected instead.
        path: The file or URI that the problem is in.
        field: The field, column or layer that the problem is in.
        line: The line of ``path``, counted from 1.
        hint: What the user can do about it.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        field: str | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.message = message
        self.path = path
        self.field = field
        self.line = line
        self.hint = hint
        super().__init__(self.describe())

    def describe(self) -> str:
        """Returns the whole message: where, what, and what to do."""
        where = "" if self.path is None else f"{self.path}:{self.line}" if self.line else self.path
        parts = [part for part in (where, self.field) if part]
        text = ": ".join([*parts, self.message])
        return f"{text}\n  {self.hint}" if self.hint else text


class ConfigError(TrimtabError):
    """The config cannot be used: unreadable YAML, an unknown field, a value out of range."""

    exit_code = 2


class DataError(TrimtabError):
    """The data cannot be used: missing, unreadable, without its label, too few rows."""

    exit_code = 2


class TooFewRowsError(TrimtabError):
    """The test rows are too few for the budget: nothing that answers as the baseline does could be proven."""

    exit_code = 4


class ModelError(TrimtabError):
    """The user's model cannot be used: an unsafe or cut archive, a builder that fails, wrong shapes."""

    exit_code = 2


class ArtifactError(TrimtabError):
    """An artifact is not what its manifest says: a flipped bit, a cut or missing file, another kind."""


class StorageError(TrimtabError):
    """The storage cannot be reached, or kept failing until the deadline; nothing is half-written."""


class TrainingError(TrimtabError):
    """Training cannot go on: the loss is no longer a number, a checkpoint belongs to another run."""


class CompressionError(TrimtabError):
    """A recipe cannot be applied to this model; the run goes on without that candidate."""


class WeightsError(CompressionError):
    """These weights cannot take a recipe; others of the same model might."""


class ProofError(TrimtabError):
    """What a deployed version claims is not what the answers that are stored with it say."""


class DeployError(TrimtabError):
    """The model could not be served from where it was deployed, or the deployment lost a race."""


class NewerError(DeployError):
    """A newer trimtab wrote it, in a way that this one cannot read: it is left as it is."""


class TrackingError(TrimtabError):
    """A server could not be told of a run or of a champion; these are what they are all the same."""


class Preempted(BaseException):
    """The process was told to stop (SIGTERM, Ctrl-C): what it did is saved, and a retry goes on from there.

    No ``Exception``: what carries on after errors, such as a loop over recipes, must not carry on after this.
    The code is that of ``EX_TEMPFAIL`` in ``sysexits.h``: try again.
    """

    exit_code = 75

    def __str__(self) -> str:
        return "it was told to stop, and saved what it had done\n  Run it again: it goes on from there."


class ClusterError(TrimtabError):
    """The Kubeflow Pipelines server cannot be reached, is too slow, refuses, or keeps failing.

    Attributes:
        status: The HTTP status of its answer, or 0 where none came.
        said: The server's own words, all of them; empty where it is not the API that speaks.
    """

    status: int = 0
    said: str = ""

    @property
    def is_missing(self) -> bool:
        """Returns whether the API says that there is no such thing, which the page of a proxy does not."""
        return self.status == 404 and bool(self.said)


class LoginError(ClusterError):
    """The Kubeflow Pipelines server wants another login, or does not allow this one to do it."""
