"""A ``kfp.Client`` whose every request has a time limit, is tried again, and fails with a typed error."""

from __future__ import annotations

import contextlib
import io
import json
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import click
from kfp_server_api.exceptions import ApiException
from kfp_server_api.rest import RESTClientObject

from trimtab.cli.kubeflow.client import Client
from trimtab.cli.kubeflow.settings import Settings
from trimtab.cli.kubeflow.transport import Patience, Transport
from trimtab.errors import ClusterError, ConfigError, TrimtabError

PAGE = 100
# What an older server says, as an internal error, to what it does not know; it says so each time.
UNKNOWN_FIELD = "unknown field"
PATIENCE = Patience()


class Connection:
    """A server that answered, and the namespace to use there.

    Args:
        settings: How to reach it.

    Attributes:
        client: The client; use it inside ``quiet``, because it prints links to standard output.
        namespace: The namespace; None where the server has one user.
        patience: How long to wait.

    Raises:
        ConfigError: If the server has many users and no namespace is named.
        ClusterError: If it cannot be reached, or is no such server.
        LoginError: If it refuses the login.
    """

    def __init__(self, settings: Settings) -> None:
        self.host, self.token, self.patience = settings.host, settings.token, PATIENCE
        self._has_workflows = True
        self.client = self._client(settings)
        healthz = self.client.get_kfp_healthz()
        self._transport.retry = self.patience.retry
        self.namespace = settings.namespace or None
        if healthz.multi_user and not self.namespace:
            raise ConfigError(
                "this server has many users: which namespace?",
                path=self.host,
                hint="Give --namespace, or set TRIMTAB_KFP_NAMESPACE.",
            )
        if not healthz.multi_user:
            self.namespace = None

    def _client(self, settings: Settings) -> Any:
        with quiet():
            client = Client(settings)
        self._api = client.api
        self._transport = Transport(
            RESTClientObject(self._api.configuration), settings.host, settings.token, self.patience
        )
        self._api.rest_client = self._transport
        self._api.deserialize = self._reader(self._api.deserialize)
        return client

    def _reader(self, deserialize: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the client's function that reads answers, with a typed error where it cannot."""

        def read(answer: Any, kind: Any) -> Any:
            try:
                return deserialize(answer, kind)
            except (ApiException, TypeError, ValueError) as error:
                reason = getattr(error, "reason", None) or error
                raise ClusterError(
                    f"an answer of the server cannot be read: {reason}", path=self.host
                ) from None

        return read

    def text(self, path: str) -> str:
        """Returns what the server sends at a path that the generated client does not know.

        Raises:
            ClusterError: If there is nothing, or the server fails; there is one attempt.
        """
        token = self.token.read()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = self._transport.request(
            "GET", f"{self.host}{path}", patient=False, as_json=False, headers=headers
        )
        if "html" in str(answer.getheader("Content-Type", "")):  # a page to log in, or the UI
            raise ClusterError("a page came instead of a text", path=self.host)
        text = bytes(answer.data).decode("utf-8", "replace")
        if (said := _error_in(text)) is not None:
            raise ClusterError(f"the server has nothing there: {said}", path=self.host)
        return text

    def workflow(self, run_id: str) -> str | None:
        """Returns the manifest of a run's Argo workflow, or None where the server does not hand it out.

        Only API v1beta1 has it, which servers keep beside v2beta1 for older clients.

        Raises:
            ClusterError: If the server fails.
        """
        if not self._has_workflows:
            return None
        token = self.token.read()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        url = f"{self.host}/apis/v1beta1/runs/{quote(run_id, safe='')}"
        try:
            answer = self._transport.request("GET", url, headers=headers)
        except ClusterError as error:
            if error.status not in (403, 404, 501):
                raise
            self._has_workflows = False
            return None
        runtime = json.loads(answer.data).get("pipeline_runtime") or {}
        return runtime.get("workflow_manifest") or None

    def pages(
        self, call: Callable[..., Any], field: str, *, size: int = PAGE, **arguments: Any
    ) -> Iterator[Any]:
        """Yields all items of a listing.

        Args:
            call: A ``list_…`` method of the client.
            field: The field of its answer that holds the items.
            size: How many to ask for at once.
            arguments: Further arguments of the method.
        """
        token = ""
        while True:
            answer = call(page_token=token, page_size=size, **arguments)
            yield from getattr(answer, field) or []
            token = answer.next_page_token or ""
            if not token:
                return

    def create_once(
        self, name: str, create: Callable[[], Any], find: Callable[[], Any | None], *, unique: bool
    ) -> Any:
        """Returns what is created once, also when an answer is lost: it is looked for before another attempt.

        Args:
            name: What it is called, for messages.
            create: Creates it, under a name that is its own.
            find: Returns what is there under that name, or None.
            unique: Whether the server refuses a second one of that name. Where it does not, a request without
                an answer is not sent again: the server may still be at it.

        Raises:
            ClusterError: If it cannot be created, or if it is not known whether it was.
        """
        end, pause = time.monotonic() + self.patience.retry, self.patience.pause
        while True:
            try:
                with quiet():
                    return create()
            except KeyboardInterrupt:
                click.echo(f"\n{_unknown(name)}", err=True)
                raise
            except ClusterError as error:
                # A field that the server does not know is answered with 500, but no failure that passes.
                if (0 < error.status < 500 and error.status != 409) or UNKNOWN_FIELD in error.said:
                    raise
                if error.status in _UNANSWERED and not unique:
                    return self._created_meanwhile(name, find, error)
                if (existing := find()) is not None:
                    return existing
                if error.status == 409 or time.monotonic() + pause > end:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, 10.0)

    def _created_meanwhile(self, name: str, find: Callable[[], Any | None], lost: ClusterError) -> Any:
        """Returns what a request without an answer has created, as soon as it is there."""
        end, pause = time.monotonic() + self.patience.retry, self.patience.pause
        try:
            while (created := find()) is None:
                if time.monotonic() + pause > end:
                    raise lost
                time.sleep(pause)
                pause = min(2 * pause, 10.0)
        except KeyboardInterrupt:
            click.echo(f"\n{_unknown(name)}", err=True)
            raise
        except TrimtabError as error:
            error.hint = _unknown(name)
            raise
        return created

    def link(self, run_id: str) -> str:
        """Returns the address of a run in the UI."""
        return f"{self.host}/#/runs/details/{run_id}"


def named(name: str) -> str:
    """Returns the filter of a listing that finds a display name, as the server wants it: percent-encoded.

    It decodes the query's value once more: a `+` or `%` in the name would be another character.
    """
    predicate = {"operation": 1, "key": "display_name", "stringValue": name}
    return quote(json.dumps({"predicates": [predicate]}))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps the client's links and warnings off the terminal."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _error_in(text: str) -> str | None:
    """Returns what an error says that came in the place of a text: the server answers 200 before it looks."""
    if not text.startswith('{"error'):
        return None
    try:
        content = json.loads(text)
    except ValueError:
        return None
    said = content.get("error_message")
    return str(said) if said and content.keys() <= {"error_message", "error_details"} else None


def _unknown(name: str) -> str:
    return (
        f"It is not known whether {name} was created: look for it with `trimtab status` or "
        "`trimtab schedule list` before you try again."
    )


# Answers by which nobody knows whether the request is still being carried out: none at all, or a gateway's.
_UNANSWERED = (0, 502, 504)
