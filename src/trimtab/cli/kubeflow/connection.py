"""A ``kfp.Client`` whose every request has a time limit, is tried again, and fails with a typed error."""

from __future__ import annotations

import contextlib
import io
import json
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import kfp
from kfp_server_api.rest import RESTClientObject

from trimtab.cli.kubeflow.settings import Settings, Token
from trimtab.cli.kubeflow.transport import Patience, Transport
from trimtab.errors import ClusterError, ConfigError

PAGE = 100
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
        # Any namespace but the default keeps the client from asking the server for one, without a time limit.
        with quiet():
            client = kfp.Client(
                host=settings.host,
                namespace=settings.namespace or "-",
                credentials=_Credentials(settings.token) if settings.token.read() else None,
                ssl_ca_cert=settings.ca_file,
            )
        client._context_setting["namespace"] = None
        self._api = client._run_api.api_client
        self._api.cookie = None
        configuration = self._api.configuration
        configuration.retries = False  # also no redirects: a log-in page is not an answer
        self._transport = Transport(
            RESTClientObject(configuration), settings.host, settings.token, self.patience
        )
        self._api.rest_client = self._transport
        return client

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
        return bytes(answer.data).decode("utf-8", "replace")

    def pages(self, call: Callable[..., Any], field: str, **arguments: Any) -> Iterator[Any]:
        """Yields all items of a listing.

        Args:
            call: A ``list_…`` method of the client.
            field: The field of its answer that holds the items.
            arguments: Further arguments of the method.
        """
        token = ""
        while True:
            answer = call(page_token=token, page_size=PAGE, **arguments)
            yield from getattr(answer, field) or []
            token = answer.next_page_token or ""
            if not token:
                return

    def create_once(self, create: Callable[[], Any], find: Callable[[], Any | None]) -> Any:
        """Returns what is created once, also when an answer is lost: it is looked for before another attempt.

        Args:
            create: Creates it, under a name that is its own.
            find: Returns what is there under that name, or None.

        Raises:
            ClusterError: If it cannot be created.
        """
        end, pause = time.monotonic() + self.patience.retry, self.patience.pause
        while True:
            try:
                with quiet():
                    return create()
            except ClusterError as error:
                if 0 < error.status < 500 and error.status != 409:
                    raise
                if (found := find()) is not None:
                    return found
                if error.status == 409 or time.monotonic() + pause > end:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, 10.0)

    def link(self, run_id: str) -> str:
        """Returns the address of a run in the UI."""
        return f"{self.host}/#/runs/details/{run_id}"


def named(name: str) -> str:
    """Returns the filter of a listing that finds a display name."""
    return json.dumps({"predicates": [{"operation": 1, "key": "display_name", "stringValue": name}]})


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps the client's links and warnings off the terminal."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Credentials:
    """The client's hook for tokens that change."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def refresh_api_key_hook(self, configuration: Any) -> None:
        """Puts the token that holds now into the client's configuration."""
        configuration.api_key["authorization"] = self._token.read() or ""
