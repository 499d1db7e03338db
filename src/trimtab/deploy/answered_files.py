"""Answers that hold files, such as masks, with the files written beside them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from trimtab.storage import store

_ENDINGS = ((b"\x89PNG", ".png"),)


def written(answers: Iterable[dict[str, Any]], directory: str) -> Iterator[dict[str, Any]]:
    """Yields answers with the name of a file where they held its content, ``{"b64": "…"}``.

    A file has the name of what was asked, else the row's number, from 1; of several rows that are called the
    same, the later ones have their number behind it.

    Args:
        answers: One a row.
        directory: Where files go: a directory or a URI.
    """
    taken: set[str] = set()
    for number, answer in enumerate(answers, start=1):
        stem = PurePosixPath(str(answer.get("path", number))).stem
        stem = stem if stem not in taken else f"{stem}-{number}"
        named = dict(answer)
        for key, value in answer.items():
            if isinstance(value, dict) and value.keys() == {"b64"}:
                content = base64.b64decode(value["b64"])
                named[key] = f"{stem}{_ending(content)}"
                store.write(f"{directory.rstrip('/')}/{named[key]}", content)
        taken.add(stem)
        yield named


def _ending(content: bytes) -> str:
    return next((ending for magic, ending in _ENDINGS if content.startswith(magic)), "")
