"""What a run has left to be read: its outcome, and its page."""

from __future__ import annotations

from trimtab.errors import ConfigError
from trimtab.report.result import Result
from trimtab.storage.store import open_store

RESULT, REPORT = "result.json", "report.html"


def read_result(uri: str) -> Result:
    """Returns the outcome of a run.

    Args:
        uri: The URI of the run's directory.

    Raises:
        ConfigError: If it has none yet, or one that this trimtab cannot read.
    """
    try:
        return Result.model_validate_json(_read(uri, RESULT))
    except ValueError:
        raise ConfigError("is damaged, or of another version", path=f"{uri}/{RESULT}") from None


def read_page(uri: str) -> bytes:
    """Returns the HTML report of a run.

    Args:
        uri: The URI of the run's directory.

    Raises:
        ConfigError: If it has none yet.
    """
    return _read(uri, REPORT)


def _read(uri: str, name: str) -> bytes:
    content = open_store(uri).read(name)
    if content is None:
        hint = f"See what is in {uri.rpartition('/')[0]}."
        raise ConfigError(f"no {name}: not a finished run", path=uri, hint=hint)
    return content
