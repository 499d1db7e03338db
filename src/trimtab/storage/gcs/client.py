"""The client of google-cloud-storage, one a process, and what its errors mean to a user.

Credentials are the application default: a key file named by ``GOOGLE_APPLICATION_CREDENTIALS``, workload
identity, or ``gcloud auth application-default login``. With ``STORAGE_EMULATOR_HOST`` set, requests go there,
with none.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

from trimtab import os_errors
from trimtab.errors import ArtifactError, ConfigError, StorageError
from trimtab.storage.gcs import foreign
from trimtab.storage.objects.limits import Limits
from trimtab.storage.objects.slow import SlowResponses
from trimtab.storage.parallel import abandoned

Answer = TypeVar("Answer")
_ATTEMPTS = 3
_LONGEST_PAUSE_SECONDS = 10.0
_LONGEST_REASON = 300
_QUERY = re.compile(r"\?[^\s:]*")
_TOKEN = re.compile(r"ya29\.[\w.-]+|Bearer \S+|upload_id=[^\s&]+")
_PERMISSION = re.compile(r"\bstorage\.\w+\.\w+")
_EMULATOR, _KEY_FILE = "STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"
_LOGIN = (
    "On a cluster, bind the pod's service account to one of Google Cloud (workload identity), or mount a key "
    "file and name it in GOOGLE_APPLICATION_CREDENTIALS; elsewhere `gcloud auth application-default login`."
)
_MISSING = "Create it, or correct the name; nothing is created for you."
_DAMAGED = "Try again; if it lasts, write it anew."
AGAIN = "Nothing was half-written: the step can be run again."
_ROLE = "Grant this account roles/storage.objectUser on the bucket."


def client(limits: Limits) -> Any:
    """Returns this process's client.

    Raises:
        ConfigError: If ``STORAGE_EMULATOR_HOST`` names no emulator.
        google.auth.exceptions.DefaultCredentialsError: If there are no credentials, or none that can be used.
    """
    slow, emulator = (limits.trickle_seconds, limits.slowest_bytes_per_second), os.environ.get(_EMULATOR)
    if emulator:
        _check_emulator(emulator)
    return _client(slow, os.getpid(), emulator)


def _check_emulator(url: str) -> None:
    """Refuses what would ask the real service without credentials, and what is no URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"expected http://HOST:PORT, found {url!r}", field=_EMULATOR)
    if parts.hostname == "googleapis.com" or parts.hostname.endswith(".googleapis.com"):
        hint = "Unset it: requests to an emulator carry no credentials."
        raise ConfigError(f"expected an emulator, found {parts.hostname}", field=_EMULATOR, hint=hint)


@functools.lru_cache(maxsize=8)
def _client(slow: tuple[float, float], _pid: int, _emulator: str | None) -> Any:
    """Makes a client; a forked process must not share its parent's connections."""
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        # Workload identity may be ready later than the pod: the client of tokens looks for half a minute.
        os.environ.setdefault("GCE_METADATA_DETECT_RETRIES", "6")
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
    from google.cloud import storage

    try:
        # Requests about objects carry no project, but the constructor insists on one.
        client = storage.Client(project=os.environ.get("GOOGLE_CLOUD_PROJECT", "trimtab"))
    except GoogleAuthError:
        raise
    except Exception as error:  # a key file that is a directory, is not ours to read, or holds anything
        raise DefaultCredentialsError(type(error).__name__) from None
    client._http.hooks["response"] += [SlowResponses(*slow).watch, foreign.refuse]
    return client


def retry(limits: Limits) -> Any:
    """Returns the policy of retries: google-cloud-storage's, with a deadline and pauses of ours."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    def again(error: Exception) -> bool:
        return not abandoned() and (_passes(error) or DEFAULT_RETRY._predicate(error))

    return (
        DEFAULT_RETRY.with_predicate(again)
        .with_timeout(limits.retry_seconds)
        .with_delay(initial=limits.pause_seconds, maximum=_LONGEST_PAUSE_SECONDS, multiplier=2.0)
    )


def _passes(error: Exception) -> bool:
    """Returns whether a token was not to be had because whoever hands them out could not be reached."""
    from google.auth.exceptions import RefreshError, TransportError

    unreachable = any(isinstance(cause, TransportError) for cause in (*error.args, error.__cause__))
    return isinstance(error, RefreshError) and (error.retryable or unreachable)


def intact(operation: Callable[[], Answer], again: tuple[int, ...] = ()) -> Answer:
    """Runs an operation, again from its start if what it sends or gets arrives damaged.

    The client's own retries stop at damage: at a checksum that differs, or (ValueError) at an answer that is
    no JSON or that disputes how much of an upload has arrived. And it reads why a request was refused, such
    as that there is no such object, after them: a connection that breaks there is a ChunkedEncodingError.

    Args:
        operation: Does everything of one attempt, and can be repeated.
        again: Statuses that mean damage too.
    """
    from google.api_core.exceptions import GoogleAPICallError
    from google.cloud.storage.exceptions import DataCorruption
    from requests.exceptions import ChunkedEncodingError

    for _ in range(_ATTEMPTS - 1):
        try:
            return operation()
        except (DataCorruption, ValueError, ChunkedEncodingError):
            continue
        except GoogleAPICallError as error:
            if error.code not in again:
                raise
    return operation()


@contextlib.contextmanager
def typed_errors(uri: str) -> Iterator[None]:
    """Turns the errors of the client into those that a user can act on.

    Args:
        uri: What is worked on.

    Raises:
        ConfigError: If there are no credentials, they may not do this, or there is no such bucket.
        ArtifactError: If content arrives damaged again and again.
        StorageError: If the service cannot be reached, or keeps failing, until the deadline.
    """
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

    try:
        yield
    except (auth.DefaultCredentialsError, auth.RefreshError, api.Unauthorized) as error:
        raise ConfigError(f"there are no usable credentials for it{_key()}", path=uri, hint=_LOGIN) from error
    except api.Forbidden as error:
        needed = _PERMISSION.search(str(error))
        lacking = f": {needed[0]} is needed" if needed else ""
        raise ConfigError(f"access is denied (403){lacking}", path=uri, hint=_ROLE) from error
    except api.NotFound as error:
        raise ConfigError(
            "there is no such bucket",
            path=uri,
            hint=_MISSING,
        ) from error
    except DataCorruption as error:
        raise ArtifactError(
            f"its checksum was wrong {_ATTEMPTS} times in a row",
            path=uri,
            hint=_DAMAGED,
        ) from error
    except (
        api.GoogleAPIError,
        auth.GoogleAuthError,
        InvalidResponse,
        OSError,  # those of requests are among them
        ValueError,
    ) as error:
        if isinstance(error, OSError) and os_errors.is_local(error):
            raise os_errors.typed(error, uri) from error
        raise StorageError(
            f"it kept failing: {_reason(error)}",
            path=uri,
            hint=AGAIN,
        ) from error


def _key() -> str:
    """Returns what is wrong with a key file that the environment names, as far as can be told without it."""
    file = os.environ.get(_KEY_FILE)
    if not file or os.environ.get(_EMULATOR):
        return ""
    readable = os.path.isfile(file) and os.access(file, os.R_OK)  # noqa: PTH113 - a name that Path refuses too
    return f": {_KEY_FILE} names {file}{'' if readable else ', which is no file that can be read'}"


def _reason(error: Exception) -> str:
    """Returns the innermost reason in a line, without queries and tokens: an upload's id is a credential."""
    from google.api_core.exceptions import GoogleAPICallError

    cause = getattr(error, "cause", None) or error
    response = getattr(cause, "response", None)
    if response is not None:  # its body has not been read yet if the client did not make this error of it
        told = _told(response) if isinstance(cause, GoogleAPICallError) else ""
        return f"the server answered {response.status_code}{told}"
    lines = str(cause).splitlines() or [type(cause).__name__]
    return _plain(lines[0])


def _told(response: Any) -> str:
    """Returns what a server says of why it refused, if it does so as Cloud Storage does."""
    try:
        said = str(response.json()["error"]["message"])
    except (ValueError, LookupError, TypeError, OSError, RuntimeError):  # no such JSON; a body that is gone
        return ""
    return f": {_plain(said.splitlines()[0])}" if said else ""


def _plain(text: str) -> str:
    return _TOKEN.sub("…", _QUERY.sub("", text))[:_LONGEST_REASON]
