"""JSON files that cover themselves: one flipped bit never reads as another valid value."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from typing import Any

from pydantic import (
    BaseModel,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

_FIELD = "content_sha256"


class Sealed(BaseModel):
    """A model whose JSON has a checksum of all its other fields, also of those that a reader does not know.

    What an earlier trimtab wrote has none. It has no field that this one does not know either: a file whose
    checksum has got another name is damaged.
    """

    content_sha256: str = Field("", description="Checksum of all other fields; earlier versions wrote none.")

    @model_validator(mode="before")
    @classmethod
    def _check_whole(cls, given: Any) -> Any:
        if isinstance(given, dict) and not _is_whole(given, cls.model_fields):
            raise ValueError("its content is not what its checksum says")
        return given

    @model_serializer(mode="wrap")
    def _sealed(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        return content if info.mode != "json" else {**content, _FIELD: _digest(content)}


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """Returns JSON values with a checksum of all of them, for a file whose model cannot have the field."""
    return {**content, _FIELD: _digest(content)}


def opened(content: dict[str, Any]) -> dict[str, Any]:
    """Returns the JSON values that ``sealed`` was given; those that earlier versions wrote have no checksum.

    Raises:
        ValueError: If they are not what their checksum says.
    """
    values = {key: value for key, value in content.items() if key != _FIELD}
    if _FIELD in content and content[_FIELD] != _digest(values):
        raise ValueError("its content is not what its checksum says")
    return values


def _is_whole(content: dict[str, Any], known: Iterable[str]) -> bool:
    sealed = content.get(_FIELD)
    return content.keys() <= set(known) if not sealed else sealed == _digest(content)


def _digest(content: dict[str, Any]) -> str:
    covered = {key: _as_read(value) for key, value in content.items() if key != _FIELD}
    return hashlib.sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()


def _as_read(value: Any) -> Any:
    """Returns a value as it is read again: JSON has no number that is not finite."""
    if isinstance(value, dict):
        return {str(key): _as_read(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_read(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def checksum_of(items: Iterable[BaseModel]) -> str:
    """Returns how many items there are, and a checksum over them, as ``3:5f…``.

    For a list that other versions of trimtab add to: one that does not know of the checksum keeps the one of
    before, which is of fewer items, and says nothing of them.
    """
    # Sorted: another trimtab may have the fields in another order.
    content = [item.model_dump(mode="json") for item in items]
    text = json.dumps(content, sort_keys=True)
    return f"{len(content)}:{hashlib.sha256(text.encode()).hexdigest()}"
