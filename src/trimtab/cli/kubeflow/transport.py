"""How one request goes to the server: with a time limit, tried again where that is safe, with typed errors.

It stands where the generated client has its own REST client, so every call of ``kfp.Client`` passes here.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import urllib3
from kfp_server_api.exceptions import ApiException

from trimtab.cli.kubeflow.settings import Token
from trimtab.errors import ClusterError, LoginError

_PASSING = (408, 429, 500, 502, 503, 504)
_SAFE_METHODS = ("GET", "HEAD", "PUT", "DELETE")
_SAFE_ACTIONS = (":terminate", ":enable", ":disable", ":archive")
_LONGEST_REASON = 300
_NEVER_SENT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        connect: For a connection.
        read: For the server to send anything.
        first: How long after the first attempt the last one may begin, while it is not known whether there is
            a server at all.
        retry: The same for every later request.
        pause: Before the second attempt; each further pause is twice as long, 10 seconds at most.
        poll: Between looks at a run that is followed.
        look: Between looks at its whole workflow, which is much to send.
        login: For a token that has expired while a run is followed to be replaced in its file.
    """

    connect: float = 10.0
    read: float = 60.0
    first: float = 5.0
    retry: float = 60.0
    pause: float = 0.5
    poll: float = 2.0
    look: float = 10.0
    login: float = 60.0


class Transport:
    """Sends requests for one ``ApiClient``.

    Args:
        inner: The generated REST client, which makes one attempt.
        host: The server's URL, for messages.
        token: What the server is shown.
        patience: How long to wait.

    Attributes:
        retry: How long after a request's first attempt the last one may begin, in seconds.
    """

    def __init__(self, inner: Any, host: str, token: Token, patience: Patience) -> None:
        self._inner, self._host, self._token, self._patience = inner, host, token, patience
        self.retry = patience.first

    def __getattr__(self, name: str) -> Any:
        """Returns what the generated client calls: ``GET(url, …)``, ``POST(url, …)`` and so on."""
        if not name.isupper():
            raise AttributeError(name)
        return lambda url, **options: self.request(name, url, **options)

    def request(
        self, method: str, url: str, *, patient: bool = True, as_json: bool = True, **options: Any
    ) -> Any:
        """Returns the server's answer.

        A request that fails in a way that passes is sent again, unless it may have been carried out and must
        not be twice.

        Args:
            method: The HTTP method.
            url: The address.
            patient: Whether to try again at all.
            as_json: Whether an answer that is no JSON means that this is another server.
            options: What else the generated client gives.

        Raises:
            LoginError: If the server wants another login, or does not allow this.
            ClusterError: If the server cannot be reached, is too slow, refuses, keeps failing, or is no
                Kubeflow Pipelines server. Its ``status`` is the HTTP status, or 0 where no answer came.
        """
        safe = method in _SAFE_METHODS or url.endswith(_SAFE_ACTIONS)
        end, pause = time.monotonic() + (self.retry if patient else 0.0), self._patience.pause
        headers = dict(options.pop("headers", None) or {})
        options["_request_timeout"] = (self._patience.connect, self._patience.read)
        while True:
            try:
                # The generated client takes the content type out of the headers that it is given.
                answer = self._inner.request(method, url, headers=dict(headers), **options)
                if as_json:
                    self._check_json(answer)
                return answer
            except ApiException as error:
                if error.status == 401 and self._renew(headers):
                    continue
                again = error.status in _PASSING and (safe or error.status == 429)
                failure = self._refused(error)
            except urllib3.exceptions.HTTPError as error:
                again = safe or isinstance(error, _NEVER_SENT)
                failure = self._unreachable(error)
            if not again or time.monotonic() + pause > end:
                raise failure from None
            time.sleep(pause)
            pause = min(2 * pause, 10.0)

    def _renew(self, headers: dict[str, str]) -> bool:
        """Puts a token that was replaced meanwhile into the headers; returns whether there was one."""
        token = self._token.read()
        value = f"Bearer {token}" if token else None
        if value is None or headers.get("authorization") == value:
            return False
        headers["authorization"] = value
        return True

    def _check_json(self, answer: Any) -> None:
        try:
            content = json.loads(answer.data)
        except ValueError:
            content = None
        if not isinstance(content, dict):  # every answer of the API is an object
            raise self._no_server()

    def _refused(self, error: ApiException) -> ClusterError:
        status, said = int(error.status or 0), _said(error)
        reason = f": {said.splitlines()[0][:_LONGEST_REASON]}" if said else ""
        failure: ClusterError
        if status == 401:
            failure = LoginError(f"the login is missing or has expired{reason}", path=self._host, hint=_LOGIN)
        elif status == 403:
            failure = LoginError(f"this is not allowed{reason}", path=self._host, hint=_ROLE)
        elif 300 <= status < 400:
            failure = LoginError("it wants a login in the browser first", path=self._host, hint=_LOGIN)
        elif status == 404 and not reason:
            failure = self._no_server()
        elif status == 0:
            failure = ClusterError(
                f"no secure connection: {_last_line(error.reason)}", path=self._host, hint=_TLS
            )
        elif status in _PASSING:
            failure = ClusterError(
                f"the server keeps failing ({status}){reason}", path=self._host, hint="Try again later."
            )
        else:
            failure = ClusterError(f"the server refuses ({status}){reason}", path=self._host)
        failure.status, failure.said = status, said
        return failure

    def _unreachable(self, error: urllib3.exceptions.HTTPError) -> ClusterError:
        if isinstance(error, urllib3.exceptions.ReadTimeoutError):
            message = f"no answer within {self._patience.read:g} seconds"
        elif isinstance(error, urllib3.exceptions.NewConnectionError):  # in some versions also a timeout
            message = "cannot be reached: no such host, or nothing listens there"
        elif isinstance(error, urllib3.exceptions.ConnectTimeoutError):
            message = f"no connection within {self._patience.connect:g} seconds"
        else:
            message = f"the connection broke: {type(error).__name__}"
        return ClusterError(message, path=self._host, hint=_REACH)

    def _no_server(self) -> ClusterError:
        return ClusterError("this is no Kubeflow Pipelines server", path=self._host, hint=_ADDRESS)


def _said(error: ApiException) -> str:
    """Returns the server's own words, or nothing where it is not the API that speaks."""
    body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else error.body
    try:
        content = json.loads(body or "")
    except ValueError:
        return ""
    # Uploads and logs are not of the generated API, and word their errors differently.
    words = (
        [content.get(key) for key in ("message", "error_message", "error")]
        if isinstance(content, dict)
        else []
    )
    said = next((str(word) for word in words if word), "")
    return said.strip()


def _last_line(text: object) -> str:
    return (str(text or "").strip().splitlines() or ["unknown"])[-1][:_LONGEST_REASON]


_LOGIN = "Log in again: get a new token, and give it by --token-file or TRIMTAB_KFP_TOKEN."
_ROLE = "Check --namespace and the token, and that its account may use pipelines there."
_TLS = "For a certificate of your own, name its file in TRIMTAB_KFP_CA_FILE."
_REACH = "Check --host; for a port of the cluster: kubectl port-forward -n kubeflow svc/ml-pipeline 8888."
_ADDRESS = "Check --host; behind Kubeflow's dashboard it ends with /pipeline, and needs a token."
