"""Who asks: the credentials that AWS's own clients would find, in their order.

1. ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and, of temporary ones, ``AWS_SESSION_TOKEN``. Kubeflow
   Pipelines' secret ``mlpipeline-minio-artifact`` reaches a pod by these.
2. A role by a token of the cluster: ``AWS_ROLE_ARN`` and ``AWS_WEB_IDENTITY_TOKEN_FILE`` (EKS, IRSA).
3. The profile ``AWS_PROFILE`` of ``~/.aws/credentials`` (``AWS_SHARED_CREDENTIALS_FILE``).
4. What the container's agent hands out: ``AWS_CONTAINER_CREDENTIALS_FULL_URI`` or ``…_RELATIVE_URI`` (EKS
   Pod Identity, ECS).

The metadata server of EC2 is not asked, nor single sign-on: export their credentials into the environment.
"""

from __future__ import annotations

import configparser
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

_REFRESH_BEFORE = timedelta(minutes=5)
_AGENT = "http://169.254.170.2"
_TIMEOUT_SECONDS = 10.0


class NoCredentialsError(Exception):
    """There are none, or none that can be used; its text says why, and holds no secret."""


@dataclass(frozen=True)
class Credentials:
    """A key, and until when it can be used; None: for good."""

    key_id: str
    secret: str
    token: str = ""
    until: datetime | None = None

    def __repr__(self) -> str:
        """Returns no secret: this may stand in a traceback."""
        return f"Credentials({self.key_id[:4]}…)"

    @property
    def is_fresh(self) -> bool:
        """Returns whether they can be used for some minutes more."""
        return self.until is None or datetime.now(UTC) < self.until - _REFRESH_BEFORE


_temporary: dict[str, Credentials] = {}
_one_at_a_time = threading.Lock()


def find(region: str) -> Credentials:
    """Returns the credentials to sign with.

    Args:
        region: Where to ask for those of a role.

    Raises:
        NoCredentialsError: If there are none.
        requests.RequestException: If whoever hands them out cannot be reached.
    """
    credentials = _of_environment()
    if credentials is not None:
        return credentials
    role, agent = os.environ.get("AWS_ROLE_ARN", ""), _agent_uri()
    if role and os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return _fresh(role, lambda: _of_role(role, region))
    credentials = _of_file()
    if credentials is not None:
        return credentials
    if agent:
        return _fresh(agent, lambda: _of_agent(agent))
    raise NoCredentialsError("")


def _of_environment() -> Credentials | None:
    key_id, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not key_id or not secret:
        return None
    return Credentials(key_id, secret, os.environ.get("AWS_SESSION_TOKEN", ""))


def _of_file() -> Credentials | None:
    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    profile, parser = os.environ.get("AWS_PROFILE", "default"), configparser.ConfigParser(interpolation=None)
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):  # its text may quote a secret
        raise NoCredentialsError(f": {file} cannot be read as profiles") from None
    section = parser[profile] if parser.has_section(profile) else {}
    key_id, secret = section.get("aws_access_key_id"), section.get("aws_secret_access_key")
    if not key_id or not secret:
        return None
    return Credentials(key_id, secret, section.get("aws_session_token", ""))


def _fresh(name: str, make: Callable[[], Credentials]) -> Credentials:
    """Returns temporary credentials, new ones where the last ones end soon."""
    with _one_at_a_time:
        if name not in _temporary or not _temporary[name].is_fresh:
            _temporary[name] = make()
        return _temporary[name]


def _of_role(role: str, region: str) -> Credentials:
    import requests

    file = Path(os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"])
    try:
        token = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise NoCredentialsError(f": {file}, with the token for {role}, cannot be read") from None
    asked = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": role,
        "RoleSessionName": os.environ.get("AWS_ROLE_SESSION_NAME", "trimtab"),
        "WebIdentityToken": token,
    }
    url = os.environ.get("AWS_ENDPOINT_URL_STS") or f"https://sts.{region}.amazonaws.com"
    response = requests.post(url, data=asked, timeout=_TIMEOUT_SECONDS)
    _check(response, f"the role {role}")
    try:
        tree = ElementTree.fromstring(response.content)
    except ElementTree.ParseError:
        raise requests.ConnectionError("expected an answer of AWS STS: is a proxy in between?") from None
    told = {element.tag.rpartition("}")[2]: element.text or "" for element in tree.iter()}
    return _parsed(told, "SessionToken")


def _agent_uri() -> str:
    relative = os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    return _AGENT + relative if relative else os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")


def _of_agent(url: str) -> Credentials:
    import requests

    token, file = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"), None
    if named := os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        file = Path(named)
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise NoCredentialsError(f": {file}, with the token for {url}, cannot be read") from None
    headers = {"Authorization": token} if token else {}
    response = requests.get(url, headers=headers, timeout=_TIMEOUT_SECONDS)
    _check(response, url)
    return _parsed(response.json(), "Token")


def _check(response: Any, who: str) -> None:
    """Tells a refusal, which lasts, from a failure, which may pass."""
    if 400 <= response.status_code < 500 and response.status_code != 429:
        raise NoCredentialsError(f": {who} was refused ({response.status_code})")
    response.raise_for_status()


def _parsed(told: dict[str, str], token: str) -> Credentials:
    try:
        until = datetime.fromisoformat(told["Expiration"])
        return Credentials(told["AccessKeyId"], told["SecretAccessKey"], told[token], until)
    except (KeyError, ValueError, TypeError):
        raise NoCredentialsError(": what was handed out are no credentials") from None
