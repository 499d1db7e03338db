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

from trimtab.errors import ArtifactError, ConfigError, StorageError
from trimtab.storage.gcs.limits import Limits
from trimtab.storage.gcs.slow import SlowResponses

Answer = TypeVar("Answer")
_ATTEMPTS = 3
_LONGEST_PAUSE_SECONDS = 10.0
_LONGEST_REASON = 300
_QUERY = re.compile(r"\?[^\s:]*")
_LOGIN = (
    "On a cluster, bind the pod's service account to one of Google Cloud (workload identity), or mount a key "
    "file and name it in GOOGLE_APPLICATION_CREDENTIALS; elsewhere `gcloud auth application-default login`."
)
_MISSING = "Create it, or correct the name; nothing is created for you."
_DAMAGED = "Try again; if it lasts, write it anew."
_AGAIN = "Nothing was half-written: the step can be run again."
_ROLE = "Grant this account roles/storage.objectUser on the bucket."


def client(limits: Limits) -> Any:
    """Returns this process's client.

    Raises:
        google.auth.exceptions.DefaultCredentialsError: If there are no credentials.
    """
    slow = limits.trickle_seconds, limits.slowest_bytes_per_second
    return _client(slow, os.getpid(), os.environ.get("STORAGE_EMULATOR_HOST"))


@functools.lru_cache(maxsize=8)
def _client(slow: tuple[float, float], _pid: int, _emulator: str | None) -> Any:
    """Makes a client; a forked process must not share its parent's connections."""
    from google.cloud import storage

    # Requests about objects carry no project, but the constructor insists on one.
    made = storage.Client(project=os.environ.get("GOOGLE_CLOUD_PROJECT", "trimtab"))
    made._http.hooks["response"].append(SlowResponses(*slow).watch)
    return made


def retry(limits: Limits) -> Any:
    """Returns the policy of retries: google-cloud-storage's, with a deadline and pauses of ours."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(limits.retry_seconds).with_delay(
        initial=limits.pause_seconds, maximum=_LONGEST_PAUSE_SECONDS, multiplier=2.0
    )


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
    except (auth.DefaultCredentialsError, auth.RefreshError) as error:
        raise ConfigError("there are no usable credentials for it", path=uri, hint=_LOGIN) from error
    except (api.Unauthorized, api.Forbidden) as error:
        raise ConfigError(f"access is denied ({error.code})", path=uri, hint=_ROLE) from error
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
        if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
            raise  # a local file
        raise StorageError(
            f"it kept failing: {_reason(error)}",
            path=uri,
            hint=_AGAIN,
        ) from error


def _reason(error: Exception) -> str:
    """Returns the innermost reason's first line, without queries: an upload's id in one is a credential."""
    cause = getattr(error, "cause", None) or error
    lines = str(cause).splitlines() or [type(cause).__name__]
    return _QUERY.sub("", lines[0])[:_LONGEST_REASON]
