"""Signatures of requests to S3: AWS Signature Version 4, with the checksum of the payload signed too.

Source: "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk", Amazon
S3 API Reference. The server recomputes the payload's SHA-256, so what arrives changed is refused.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from trimtab.storage.s3.credentials import Credentials

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_ALGORITHM, _SERVICE = "AWS4-HMAC-SHA256", "s3"
_UNSIGNED = {"accept", "accept-encoding", "connection", "content-length", "user-agent"}


def signer(credentials: Credentials, region: str, payload_sha256: str) -> Callable[[Any], Any]:
    """Returns what signs a prepared request, as the ``auth`` of requests.

    Args:
        credentials: Whose signature it is.
        region: The bucket's.
        payload_sha256: Of the request's body, in hexadecimal digits.
    """

    def sign(request: Any) -> Any:
        request.headers["x-amz-content-sha256"] = payload_sha256
        headers = signed(
            request.method, request.url, dict(request.headers), credentials, region, datetime.now(UTC)
        )
        request.headers.update(headers)
        return request

    return sign


def signed(
    method: str, url: str, headers: dict[str, str], credentials: Credentials, region: str, now: datetime
) -> dict[str, str]:
    """Returns the headers that make a request a signed one.

    Args:
        method: ``GET``, …
        url: With its path and query as they are sent; the query's names in order.
        headers: All others, with ``x-amz-content-sha256`` among them.
        credentials: Whose signature it is.
        region: The bucket's.
        now: In UTC.
    """
    when, parts = now.strftime("%Y%m%dT%H%M%SZ"), urlsplit(url)
    added = {"x-amz-date": when}
    if credentials.token:
        added["x-amz-security-token"] = credentials.token
    every = {"host": _host(url)} | {name.lower(): value for name, value in (headers | added).items()}
    covered = {name: every[name].strip() for name in sorted(every) if name not in _UNSIGNED}
    names = ";".join(covered)
    lines = "".join(f"{name}:{value}\n" for name, value in covered.items())
    request = f"{method}\n{parts.path}\n{parts.query}\n{lines}\n{names}\n{every['x-amz-content-sha256']}"
    scope = f"{when[:8]}/{region}/{_SERVICE}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    signature = _hmac(
        _key(credentials.secret, when[:8], region), f"{_ALGORITHM}\n{when}\n{scope}\n{digest}"
    ).hex()
    added["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return added


def _host(url: str) -> str:
    """Returns the ``Host`` that is sent: without the scheme's own port."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = parts.netloc.rpartition("@")[2]
    return host if parts.port != usual else host.rpartition(":")[0]


def _key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, _SERVICE, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
