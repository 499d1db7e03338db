"""What is in a bucket, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from trimtab.storage.objects.base import Entry
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
    """Returns a page, and what asks for the next one; empty: there is none."""
    query = {"list-type": "2", "encoding-type": "url", "max-keys": str(most or PAGE), "prefix": prefix}
    response = client.answer(Request("GET", query=query | ({"continuation-token": after} if after else {})))
    tree = _parsed(response.content)
    encoded = _text(tree, "EncodingType") == "url"
    page = [_entry(node, encoded) for node in tree if _tag(node) == "Contents"]
    if other := [entry.name for entry in page if not entry.name.startswith(prefix)]:
        # Listings have no checksum: this much of them can be seen.
        raise PassingError(f"expected names that begin with {prefix}, found {other[0]}")
    more = _text(tree, "IsTruncated") == "true"
    token = _text(tree, "NextContinuationToken")
    if more and not token:
        raise PassingError("expected the way to the next page of a listing")
    return page, token if more else ""


def _parsed(content: bytes) -> ElementTree.Element:
    try:
        tree = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        raise PassingError("expected a listing of S3, found something else: is a proxy in between?") from None
    if _tag(tree) != "ListBucketResult":
        raise PassingError(f"expected a listing of S3, found <{_tag(tree)}>")
    return tree


def _entry(node: ElementTree.Element, encoded: bool) -> Entry:
    name, size, written = _text(node, "Key"), _text(node, "Size"), _text(node, "LastModified")
    try:
        when = datetime.fromisoformat(written).timestamp()
        return Entry(
            unquote_plus(name) if encoded else name, int(size), "", _text(node, "ETag"), written=when
        )
    except ValueError:
        raise PassingError("expected the name, the size and the time of an object in a listing") from None


def _text(node: ElementTree.Element, name: str) -> str:
    return next((child.text or "" for child in node if _tag(child) == name), "")


def _tag(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]
