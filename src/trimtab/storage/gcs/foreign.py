"""Refuses answers that are not Cloud Storage's: a head that was cut, or the page of a proxy in between.

The client takes a success without JSON for what it asked for, and then fails somewhere else, or not at all.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit


def refuse(response: Any, *_: Any, **__: Any) -> None:
    """Takes a response whose head has arrived: a ``response`` hook of requests.

    Content is left to its checksum.

    Raises:
        requests.ConnectionError: If Cloud Storage does not answer like this; it is retried.
    """
    from requests import ConnectionError

    query = parse_qs(urlsplit(response.request.url).query)
    if response.status_code != 200 or query.get("alt") == ["media"]:
        return
    if query.get("uploadType") == ["resumable"] and "upload_id" not in query:
        genuine = "Location" in response.headers
    elif response.request.method == "DELETE" and response.headers.get("Content-Length") == "0":
        genuine = True
    else:
        genuine = "json" in response.headers.get("Content-Type", "")
    if not genuine:
        answer = response.headers.get("Content-Type") or "an answer that was cut"
        raise ConnectionError(f"expected an answer of Cloud Storage, found {answer}: is a proxy in between?")
