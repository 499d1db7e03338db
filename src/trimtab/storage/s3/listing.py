"""What is in a bucket, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from trimtab.storage.objects.base import Entry
from trimtab.storage.s3.answers import parsed, tag, text
from trimtab.storage.s3.client import Client, PassingError, Request, tried

PAGE = 1000


def entries(client: Client, prefix: str, most: int | None = None) -> Iterator[Entry]:
    """Yields the objects whose names begin with ``prefix``; a listing tells no checksums.

    Args:
        client: Of the bucket.
        prefix: What names begin with.
        most: How many to ask for; None: all.

    Raises:
        RefusedError: If it may not be listed, or is not there.
        PassingError: If it kept failing until the deadline, or comes to the same page again.
    """
    token, seen = "", set[str]()
    while True:
        page, token = tried(client.limits, partial(_page, client, prefix, token, most))
        yield from page
        if not token or most is not None:
            return
        if token in seen:
            raise PassingError("the listing comes to the same page again")
        seen.add(token)


def _page(client: Client, prefix: str, after: str, most: int | None) -> tuple[list[Entry], str]:
    """Returns a page, and what asks for the next one; empty: there is none.

    A listing has no checksum. TLS guards it; without TLS a page holds if it is answered twice alike.
    """
    query = {"list-type": "2", "encoding-type": "url", "max-keys": str(most or PAGE), "prefix": prefix}
    request = Request("GET", query=query | ({"continuation-token": after} if after else {}))
    page = _read(client.answer(request).content, prefix)
    if not client.is_guarded() and _read(client.answer(request).content, prefix) != page:
        raise PassingError("two answers to the same question differ")
    return page


def _read(content: bytes, prefix: str) -> tuple[list[Entry], str]:
    """Returns what a page says, if it agrees with itself and with what was asked."""
    tree = parsed(content, "ListBucketResult")
    plain = unquote_plus if text(tree, "EncodingType") == "url" else str
    page = [_entry(node, plain) for node in tree if tag(node) == "Contents"]
    names = {entry.name for entry in page}
    if other := [name for name in names if not name.startswith(prefix)]:
        raise PassingError(f"expected names that begin with {prefix}, found {min(other)}")
    if len(names) != len(page) or text(tree, "KeyCount") not in ("", str(len(page))):
        raise PassingError("a page of a listing does not agree with its own count")
    more, token = text(tree, "IsTruncated"), text(tree, "NextContinuationToken")
    if more not in ("true", "false") or (more == "true" and not token):
        raise PassingError("expected the way to the next page of a listing, or that there is none")
    return page, token if more == "true" else ""


def _entry(node: ElementTree.Element, plain: Callable[[str], str]) -> Entry:
    name, size, written = text(node, "Key"), text(node, "Size"), text(node, "LastModified")
    try:
        when = datetime.fromisoformat(written).timestamp()
        return Entry(plain(name), _bytes(size), "", text(node, "ETag"), written=when)
    except ValueError:
        raise PassingError("expected the name, the size and the time of an object in a listing") from None


def _bytes(text_: str) -> int:
    if not (text_.isascii() and text_.isdigit()):
        raise ValueError(text_)
    return int(text_)
