"""Requests that are answered where they are read: whole, as most are, and of a small model.

A task, a scope and the calls between them take longer than such a model. Only what succeeds is answered here.
Everything else, whatever it is, is left to the application, which begins anew: it alone refuses, waits and
fails, so that there is one place that says how.
"""

from __future__ import annotations

import time
from urllib.parse import quote

from trimtab.batch import answered, rows
from trimtab.deploy.answers import row_without_number
from trimtab.deploy.serving import tensors
from trimtab.deploy.serving.following import Follower
from trimtab.deploy.serving.guard import Guard
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.log import Line
from trimtab.deploy.serving.model import ServedModel

_ENCODED = b"content-encoding"

Headers = list[tuple[bytes, bytes]]


class AtOnce:
    """Answers requests of the Open Inference Protocol.

    Args:
        name: The model's name in paths.
        follower: Knows the model in service.
        guard: Whom all requests pass.
        limits: How much is taken on.
    """

    def __init__(self, name: str, follower: Follower, guard: Guard, limits: Limits) -> None:
        self._name, self._follower, self._guard, self._limits = name, follower, guard, limits
        self._url = f"/v2/models/{quote(name)}/infer".encode()

    def takes(self, method: bytes, url: bytes, headers: Headers) -> bool:
        """Returns whether a request may be one, so that waiting for its body is worth while."""
        return method == b"POST" and url == self._url and not any(name == _ENCODED for name, _ in headers)

    def answer(self, headers: Headers, body: bytes) -> tuple[bytes, dict[str, str]] | None:
        """Returns the body of the answer and its headers; None where the application answers.

        Args:
            headers: The request's, names in lower case.
            body: All of its body.
        """
        model, start = self._follower.current, time.perf_counter()
        if model is None or not self._guard.welcomes(headers, len(body)):
            return None
        try:
            found = self._found(model, headers, body)
        except Exception:  # it would cut the connection: the application meets it again, tells and logs it
            return None
        if found is None:
            return None
        content, described, count = found
        seconds = time.perf_counter() - start
        self._guard.tell(Line(time.time(), "infer", "POST", 200, seconds, count, model.version))
        return content, described

    def _found(
        self, model: ServedModel, headers: Headers, body: bytes
    ) -> tuple[bytes, dict[str, str], int] | None:
        json_length = next((value for name, value in headers if name == tensors.JSON_LENGTH_FIELD), None)
        # A value takes a comma, or at least a byte behind the JSON: what has too many is not read twice.
        most_values = body.count(b",") + (len(body) if json_length is not None else 0)
        if not model.batcher.is_quick(max(1, most_values // model.row_values)):
            return None
        asked, x = model.examples(body, json_length)
        if not model.batcher.is_quick(count := rows(x)):
            return None
        outputs = model.batcher.predict_now(x)
        if row_without_number(answered(outputs, list(outputs))) is not None:
            return None
        return *tensors.answer(asked, self._name, model.version, outputs), count
