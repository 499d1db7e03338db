"""Raw inputs of a request as rows: what training read from files comes as JSON, a file or several."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from trimtab.data.kinds.registry import holds_files, input_kind
from trimtab.data.schema import Column, DatasetSchema
from trimtab.data.statistics.media import file_kinds
from trimtab.deploy.serving.refusal import Refusal

_CURL = "application/x-www-form-urlencoded"  # what `curl --data` says of anything
_ANY_FILE = "application/octet-stream"


class Instances(BaseModel):
    """The JSON body: TensorFlow Serving's, with raw rows for instances."""

    model_config = ConfigDict(strict=True, extra="ignore")

    instances: list[Any]


async def rows_of(headers: Headers, body: bytes, schema: DatasetSchema, most_rows: int) -> pa.RecordBatch:
    """Returns the rows of a request, with the columns that the model was trained on.

    Args:
        headers: Its headers; the content type says what the body is.
        body: ``{"instances": […]}``, or for images and sound one file, or several as ``multipart/form-data``.
        schema: The schema of the model.
        most_rows: Most rows that are allowed.

    Raises:
        Refusal: If they cannot be read.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    files = input_kind(schema.input.kind).files
    if kind == "multipart/form-data" and files:
        return _files(schema, await _parts(headers, body, most_rows))
    if files and kind.startswith((_ANY_FILE, *(known.media_type for known in file_kinds().values()))):
        return _files(schema, [body])
    if kind not in ("", "application/json", _CURL):
        also = f", {files.media_type}* or multipart/form-data" if files else ""
        raise Refusal(415, f"expected application/json{also}, found {kind[:50]!r}")
    instances = _instances(body)
    if not 1 <= len(instances) <= most_rows:
        raise Refusal(400, f"instances: expected 1 to {most_rows}, found {len(instances)}")
    if files:
        return _files(schema, [_decoded(row, instance) for row, instance in enumerate(instances)])
    return _table(schema, instances)


def _instances(body: bytes) -> list[Any]:
    try:
        return Instances.model_validate_json(body).instances
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise Refusal(400, f'expected {{"instances": […]}}: {first["msg"]}') from None


async def _parts(headers: Headers, body: bytes, most_rows: int) -> list[bytes]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(headers, stream(), max_files=most_rows, max_fields=0).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refusal(400, "expected multipart/form-data with a file a part") from error
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    try:
        if not files:
            raise Refusal(400, "expected at least one file, found none")
        return [await file.read() for file in files]
    finally:
        await form.close()


def _files(schema: DatasetSchema, contents: Sequence[bytes]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(contents, pa.binary())], names=[schema.columns[0].name])


def _decoded(row: int, instance: Any, column: str = "") -> bytes:
    text = instance.get("b64") if isinstance(instance, dict) else None
    if isinstance(text, str):
        with contextlib.suppress(ValueError):
            return base64.b64decode(text, validate=True)
    where = f"instances.{row}: {column}" if column else f"instances.{row}"
    raise Refusal(400, f'{where}: expected {{"b64": "…"}}, the base64 of a file')


def _table(schema: DatasetSchema, instances: list[Any]) -> pa.RecordBatch:
    """Returns rows of named values, files as base64; a lone value is a row of one column."""
    names = [column.name for column in schema.columns]
    if len(names) == 1:
        instances = [
            instance if isinstance(instance, dict) else {names[0]: instance} for instance in instances
        ]
    columns = [_column(column, instances) for column in schema.columns]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _column(column: Column, instances: list[Any]) -> pa.Array:
    values, name = [], column.name
    for row, instance in enumerate(instances):
        if not isinstance(instance, dict) or name not in instance:
            raise Refusal(400, f"instances.{row}: {name}: there is no such value; null is a missing one")
        values.append(instance[name])
    if holds_files(column.kind):
        contents = [_decoded(row, value, name) for row, value in enumerate(values)]
        return pa.array(contents, pa.binary())
    try:
        return pa.array(values)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        raise Refusal(400, f"instances: {name}: expected all numbers or all text") from None
