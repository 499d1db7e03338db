"""One request to S3, tried again until it is answered, and what a refusal means to a user."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar
from urllib.parse import quote
from xml.etree import ElementTree

from trimtab import os_errors
from trimtab.errors import ArtifactError, ConfigError, StorageError
from trimtab.storage.objects.limits import Limits
from trimtab.storage.objects.slow import SlowResponses
from trimtab.storage.parallel import WORKERS, abandoned
from trimtab.storage.s3 import credentials, endpoint
from trimtab.storage.s3.signature import EMPTY_SHA256, signer

Answer = TypeVar("Answer")
_ATTEMPTS = 3
_LONGEST_PAUSE_SECONDS, _LONGEST_REASON = 10.0, 300
_READ_BLOCK = 2**20
_PASSES = {408, 409, 429, 500, 502, 503, 504}
_DAMAGED = {"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody"}
_DENIED = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
AGAIN = "Nothing was half-written: the step can be run again."
_LOGIN = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile of ~/.aws/credentials; on a cluster name "
    "their Secret in resources.s3_credentials_secret, or bind the pods' service account to a role."
)


class RefusedError(Exception):
    """The server understood, and will not: status, S3's code for it, and the region that it tells."""

    def __init__(self, status: int, code: str, region: str = "") -> None:
        super().__init__(f"the server answered {status} {code}".rstrip())
        self.status, self.code, self.region = status, code, region


class PassingError(Exception):
    """What may be over the next time."""


class DamagedError(Exception):
    """What was sent, or what came, is not what it should be."""


@dataclass(frozen=True)
class Body:
    """What a request carries: so many bytes of a stream, from one on."""

    stream: IO[bytes]
    size: int
    start: int = 0

    @functools.cached_property
    def sha256(self) -> str:
        """Returns the checksum that is signed."""
        self.stream.seek(self.start)
        digest, left = hashlib.sha256(), self.size
        while left and (block := self.stream.read(min(_READ_BLOCK, left))):
            digest.update(block)
            left -= len(block)
        return digest.hexdigest()


class _Sending:
    """A body on its way: requests asks a stream for its length, and reads no further than that."""

    def __init__(self, body: Body) -> None:
        body.stream.seek(body.start)
        self._stream, self._left = body.stream, body.size

    def __len__(self) -> int:
        return self._left

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        return block


@dataclass(frozen=True)
class Request:
    """What is asked of a bucket.

    Attributes:
        method: ``GET``, …
        name: Of the object; empty: the bucket.
        query: Parameters.
        headers: Others than those of the signature.
        body: What it carries.
        expected: The statuses of success.
        streamed: Whether the body of the answer is left to the caller.
    """

    method: str
    name: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    expected: tuple[int, ...] = (200,)
    streamed: bool = False


class Client:
    """Sends requests to one bucket.

    Args:
        scheme: ``s3`` or ``minio``.
        bucket: The bucket's name.
        limits: How patient to be.
    """

    def __init__(self, scheme: str, bucket: str, limits: Limits) -> None:
        self._scheme, self._bucket, self.limits = scheme, bucket, limits

    def is_guarded(self) -> bool:
        """Returns whether TLS notices what is changed on its way."""
        return endpoint.bucket_url(self._scheme, self._bucket).startswith("https:")

    def answer(self, request: Request, limits: Limits | None = None) -> Any:
        """Sends a request once, and returns the response.

        Raises:
            RefusedError: If the server refuses it.
            PassingError: If it fails in a way that passes.
            DamagedError: If what was sent arrived damaged.
            NoCredentialsError: If there are no credentials.
        """
        body, limits = request.body, limits or self.limits
        payload = body.sha256 if body else EMPTY_SHA256  # read before it is sent: the stream is one
        with unbroken():
            who = credentials.find(endpoint.region())
            response = _session(limits.trickle_seconds, limits.slowest_bytes_per_second, os.getpid()).request(
                request.method,
                self._url(request),
                headers={"Accept-Encoding": "identity", **request.headers},
                data=None if body is None else _Sending(body) if body.size else b"",
                auth=signer(who, endpoint.region(), payload),
                timeout=limits.timeout,
                allow_redirects=False,
                stream=True,
            )
            if not request.streamed:
                response.content  # noqa: B018 - it is kept, and the connection can be used again
        if response.status_code not in request.expected:
            raise _refusal(response)
        return response

    def _url(self, request: Request) -> str:
        url = f"{endpoint.bucket_url(self._scheme, self._bucket)}/{quote(request.name, safe='-_.~/')}"
        pairs = (f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in sorted(request.query.items()))
        return f"{url}?{query}" if (query := "&".join(pairs)) else url


@contextlib.contextmanager
def unbroken() -> Iterator[None]:
    """Turns a connection that cannot be made, or that breaks, into what may be over the next time."""
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (RequestException, HTTPError) as error:
        raise PassingError(_innermost(error)) from error


@functools.lru_cache(maxsize=8)
def _session(trickle_seconds: float, slowest_bytes_per_second: float, _pid: int) -> Any:
    """Makes a session; a forked process must not share its parent's connections."""
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_connections=WORKERS, pool_maxsize=2 * WORKERS))
    session.hooks["response"].append(SlowResponses(trickle_seconds, slowest_bytes_per_second).watch)
    return session


def _refusal(response: Any) -> Exception:
    """Returns what an answer other than success means."""
    status, code = response.status_code, _code(response)
    region = response.headers.get("x-amz-bucket-region", "")
    if code in _DAMAGED:
        return DamagedError(f"the server answered {status} {code}")
    # A page that is not S3's is of a proxy in between. HEAD has no body, and of 412 nobody has to say more.
    genuine = code or response.request.method == "HEAD" or status in (304, 412, 416)
    if status in _PASSES or code == "RequestTimeout" or not genuine:
        return PassingError(f"the server answered {status} {code}".rstrip())
    return RefusedError(status, code, region)


def _code(response: Any) -> str:
    """Returns S3's word for why it refuses; empty where the answer has none."""
    try:
        with unbroken():
            tree = ElementTree.fromstring(response.content)
    except ElementTree.ParseError:
        return ""
    return next((e.text or "" for e in tree.iter() if e.tag.rpartition("}")[2] == "Code"), "")


def tried(limits: Limits, attempt: Callable[[], Answer]) -> Answer:
    """Runs an attempt, again while it fails in a way that passes, and a few times if something was damaged.

    Args:
        limits: For how long.
        attempt: Can be repeated; it may go on from where the last one stopped.
    """
    end, pause, damaged = time.monotonic() + limits.retry_seconds, limits.pause_seconds, 0
    while True:
        try:
            return attempt()
        except DamagedError:
            damaged += 1
            if damaged == _ATTEMPTS:
                raise
        except PassingError:
            if abandoned() or time.monotonic() + pause > end:
                raise
            time.sleep(random.uniform(pause / 2, pause))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


@contextlib.contextmanager
def typed_errors(uri: str) -> Iterator[None]:
    """Turns what went wrong into an error that a user can act on.

    Args:
        uri: What is worked on.

    Raises:
        ConfigError: If there are no credentials, they may not do this, or there is no such bucket.
        ArtifactError: If content arrives damaged again and again.
        StorageError: If the service cannot be reached, or keeps failing, until the deadline.
    """
    try:
        yield
    except credentials.NoCredentialsError as error:
        raise ConfigError(f"there are no usable credentials for it{error}", path=uri, hint=_LOGIN) from error
    except RefusedError as error:
        raise _told(error, uri) from error
    except DamagedError as error:
        what = f"its checksum was wrong {_ATTEMPTS} times in a row"
        raise ArtifactError(what, path=uri, hint="Try again; if it lasts, write it anew.") from error
    except PassingError as error:
        raise StorageError(f"it kept failing: {error}", path=uri, hint=AGAIN) from error
    except OSError as error:
        raise os_errors.typed(error, uri) from error


def _told(error: RefusedError, uri: str) -> ConfigError | StorageError:
    if error.code == "NoSuchBucket":
        hint = "Create it, or correct the name; nothing is created for you."
        return ConfigError("there is no such bucket", path=uri, hint=hint)
    if error.status in (301, 307, 400) and error.region not in ("", endpoint.region()):
        hint = f"Set AWS_REGION={error.region}."
        return ConfigError(f"the bucket is in another region: {error.region}", path=uri, hint=hint)
    if error.code == "RequestTimeTooSkewed":
        return StorageError("the server has another time", path=uri, hint="Set this machine's clock.")
    if error.status in (401, 403) or error.code in _DENIED:
        why = f"access is denied ({error.status}{f' {error.code}' if error.code else ''})"
        needed = "These credentials need GetObject, PutObject, DeleteObject and ListBucket there."
        return ConfigError(why, path=uri, hint=needed)
    return StorageError(f"it was refused: {error}", path=uri, hint=AGAIN)


def _innermost(error: BaseException) -> str:
    """Returns a reason in a line, without the URL."""
    cause = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    lines = str(cause).splitlines() or [type(cause).__name__]
    return lines[0][:_LONGEST_REASON]
