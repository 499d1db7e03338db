"""Which server, which namespace, which token: from flags, environment, profile or pod, in this order."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from trimtab.errors import ConfigError
from trimtab.home import expanded

PROFILES = Path("~/.config/trimtab/kubeflow.yaml")
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PROJECTED_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")
IN_CLUSTER_HOST = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
_KEYS = ("host", "namespace", "token_file", "ca_file")
_HINT = (
    "Give --host, set TRIMTAB_KFP_HOST, or write a profile to ~/.config/trimtab/kubeflow.yaml: "
    "see docs/kubeflow.md."
)


@dataclass(frozen=True)
class Token:
    """A bearer token, which is read again for each request because a file of one is rotated."""

    value: str | None = field(default=None, repr=False)
    file: Path | None = None

    def read(self) -> str | None:
        """Returns the token now, or None where there is none.

        Raises:
            ConfigError: If its file cannot be read, or if it cannot be sent.
        """
        token = (self.value or "") if self.file is None else self._stored(expanded(self.file))
        if not re.fullmatch(r"[!-~]*", token.strip()):
            raise ConfigError(
                "the token cannot be sent: expected one word of ASCII",
                path=str(self.file) if self.file else "--token or TRIMTAB_KFP_TOKEN",
            )
        return token.strip() or None

    def _stored(self, file: Path) -> str:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise ConfigError(f"the token cannot be read: {reason}", path=str(self.file)) from None


@dataclass(frozen=True)
class Settings:
    """How to reach a server.

    Attributes:
        host: Its URL, without a slash at the end.
        namespace: Empty where the server has one user.
        ca_file: Certificates to trust instead of the public ones.
    """

    host: str
    namespace: str = ""
    token: Token = Token()
    ca_file: str | None = None


def resolve(
    *,
    host: str | None = None,
    namespace: str | None = None,
    token: str | None = None,
    token_file: Path | None = None,
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Returns the settings; every one comes from the first place that has it.

    Args:
        host: A flag, like the next three.
        namespace: The namespace.
        token: The token itself.
        token_file: A file that holds it.
        profile: The profile's name; None: `default`, where there is one.
        environment: The environment variables.

    Raises:
        ConfigError: If no place names a host, or if a given profile is not there or not usable.
    """
    stored = _profile(profile)
    in_cluster = (SERVICE_ACCOUNT / "namespace").is_file()
    default_host = IN_CLUSTER_HOST if in_cluster else None
    address = host or environment.get("TRIMTAB_KFP_HOST") or stored.get("host") or default_host
    if not address:
        raise ConfigError("no Kubeflow Pipelines server is named", hint=_HINT)
    address = _checked(address)
    # A token goes to the server that it was stored for, and to no other.
    server_profile = stored if not stored.get("host") or _checked(stored["host"]) == address else {}
    return Settings(
        host=address,
        namespace=namespace
        or environment.get("TRIMTAB_KFP_NAMESPACE")
        or stored.get("namespace")
        or _pod_namespace(),
        token=_token(token, token_file, environment, server_profile),
        ca_file=_certificates(environment.get("TRIMTAB_KFP_CA_FILE") or server_profile.get("ca_file")),
    )


def _checked(host: str) -> str:
    address = host.strip()
    if "://" not in address:
        address = f"https://{address}"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not match
        usable = False
    if not usable or re.search(r"[\s@?#]", address):
        raise ConfigError(
            "expected an http:// or https:// address, without a password, `?` or `#`",
            path=host.rpartition("@")[2],
            hint=_HINT,
        )
    return parts.geturl().rstrip("/")


def _token(
    token: str | None, file: Path | None, environment: Mapping[str, str], stored: Mapping[str, str]
) -> Token:
    if token or file:
        return Token(token) if token else Token(file=file)
    if value := environment.get("TRIMTAB_KFP_TOKEN"):
        return Token(value)
    path = environment.get("TRIMTAB_KFP_TOKEN_FILE") or stored.get("token_file")
    if path:
        return Token(file=Path(path))
    return Token(file=PROJECTED_TOKEN) if PROJECTED_TOKEN.is_file() else Token()


def _certificates(path: str | None) -> str | None:
    if path is None:
        return None
    file = expanded(path)
    if not file.is_file():
        raise ConfigError("there is no such file of certificates", path=str(file))
    return str(file)


def _pod_namespace() -> str:
    try:
        return (SERVICE_ACCOUNT / "namespace").read_text().strip()
    except OSError:
        return ""


def _profile(name: str | None) -> dict[str, str]:
    file = PROFILES.expanduser()
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        content = {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise ConfigError("the profiles cannot be read as YAML", path=str(file)) from None
    profiles = content or {}
    if not isinstance(profiles, dict):
        raise ConfigError("expected profiles by name", path=str(file), hint="See docs/kubeflow.md.")
    if name is not None and name not in profiles:
        known = ", ".join(map(str, profiles)) or "none"
        raise ConfigError("there is no such profile", path=str(file), field=name, hint=f"It has: {known}.")
    chosen = profiles.get(name or "default") or {}
    unknown = [key for key in chosen if key not in _KEYS] if isinstance(chosen, dict) else [name]
    if unknown or not all(isinstance(value, str) for value in chosen.values()):
        raise ConfigError(
            f"expected text for {', '.join(_KEYS)} and nothing else",
            path=str(file),
            field=name or "default",
            hint="A token is not kept here; token_file names its file.",
        )
    return chosen
