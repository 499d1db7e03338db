"""Kubeflow Hub's model registry: the champion is registered there as live; what was one before, as archived.

A version says in its ``metadata.json`` which hub knows of it, so that promotions and rollbacks reach it too.
The API is https://www.kubeflow.org/docs/components/model-registry/reference/rest-api/, in its versions v1 and
v1alpha3, which are alike as far as it is used here. Why not by its own client: ADR 32.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from pydantic import BaseModel, ValidationError
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from trimtab.artifacts.claim import CLAIM_FILE
from trimtab.artifacts.selection import CandidateResult
from trimtab.config.deploy import Registry
from trimtab.deploy.moves import Champion
from trimtab.deploy.repository import METADATA_FILE, Repository
from trimtab.errors import TrackingError

TOKEN_FILE = "KF_PIPELINES_SA_TOKEN_PATH"
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
_VERSIONS = ("v1", "v1alpha3")
_SECONDS = (5.0, 30.0)
_PAGE = 100


class _Runtime(BaseModel):
    name: str
    version: str = ""


class _Names(BaseModel):
    """``metadata.json``, as far as it says who is told."""

    registry: Registry = Registry()


class _About(BaseModel):
    """``metadata.json``, as far as the hub is told of it."""

    name: str
    run: str = ""
    verdict: str = ""
    proof: str = ""
    candidate: CandidateResult
    runtime: _Runtime


def announce(target: str) -> str | None:
    """Tells the hub that the champion's metadata names which version is the champion, once it is.

    Returns:
        The URL of the hub; None where none is named, or there is no champion.

    Raises:
        TrackingError: If the hub could not be told; the champion is what it is all the same.
        DeployError: If the pointer is damaged.
        StorageError: If the repository cannot be read.
    """
    repository, told, hub = Repository(target), None, None
    # Of two that move the pointer at once, the last one to look tells what it points to.
    while (champion := repository.champion()) is not None and champion.version != told:
        told, content = champion.version, repository.metadata(champion.version) or b""
        if (hub := _named(content)) is None:
            return None
        try:
            _register(_Hub(hub), repository, champion, _About.model_validate_json(content))
        except (ValidationError, requests.RequestException, KeyError, TypeError) as error:
            raise TrackingError(
                f"the model registry was not told of version {told}: {_words(error)}",
                path=hub,
                hint=f"Tell it again: trimtab promote {repository.uri} {told}",
            ) from error
    return hub


def _named(content: bytes) -> str | None:
    """Returns the hub that a version's metadata names; None too where that cannot be read."""
    try:
        return _Names.model_validate_json(content).registry.kubeflow_hub
    except ValidationError:
        return None


def _register(hub: _Hub, repository: Repository, champion: Champion, about: _About) -> None:
    uri = repository.location(champion.version)
    model = hub.found_or_made("registered_model", {"name": about.name}, {"name": about.name})["id"]
    version = hub.found_or_made("model_version", {"externalId": uri}, _version(uri, model, champion, about))[
        "id"
    ]
    artifacts = f"model_versions/{version}/artifacts"
    if not any(each.get("uri") == uri for each in hub.listed(artifacts)):
        hub.ask("POST", artifacts, json=_artifact(uri, about))
    for each in hub.listed(f"registered_models/{model}/versions"):
        # Others may register versions of a model of that name: theirs are left alone.
        if not str(each.get("externalId", "")).startswith(f"{repository.uri.rstrip('/')}/"):
            continue
        state = "LIVE" if each["id"] == version else "ARCHIVED"
        if each.get("state") != state:
            hub.ask("PATCH", f"model_versions/{each['id']}", json={"state": state})


def _version(uri: str, model: str, champion: Champion, about: _About) -> dict[str, Any]:
    return {
        "name": uri.rpartition("/")[2],
        "registeredModelId": model,
        "externalId": uri,
        "author": champion.history[-1].by,
        "description": about.verdict,
        "state": "LIVE",
        "customProperties": dict(_properties(uri, about)),
    }


def _artifact(uri: str, about: _About) -> dict[str, Any]:
    return {
        "artifactType": "model-artifact",
        "name": f"{about.name}-{uri.rpartition('/')[2]}",
        "uri": uri,
        "modelFormatName": about.runtime.name,
        "modelFormatVersion": about.runtime.version,
        "state": "LIVE",
    }


def _properties(uri: str, about: _About) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields what the version is and how good, in the API's typed values."""
    candidate = about.candidate
    texts = {
        "candidate": candidate.id,
        "runtime": about.runtime.name,
        "run": about.run,
        "proof": about.proof or about.verdict,
        "proof_uri": f"{uri}/{CLAIM_FILE}",
    }
    for name, text in texts.items():
        yield name, {"metadataType": "MetadataStringValue", "string_value": text}
    if candidate.size_bytes is not None:
        size = {"metadataType": "MetadataIntValue", "int_value": str(candidate.size_bytes)}
        yield "size_bytes", size
    numbers = dict(candidate.metrics)
    if candidate.drop is not None:
        numbers |= {"drop_observed": candidate.drop.observed, "drop_upper_bound": candidate.drop.upper_bound}
    if candidate.latency_ms is not None:
        numbers["latency_p50_ms"] = candidate.latency_ms.p50
    for name, number in numbers.items():
        if math.isfinite(number):
            yield name, {"metadataType": "MetadataDoubleValue", "double_value": number}


class _Hub:
    """The REST API of a model registry."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        retries = Retry(
            total=3,
            backoff_factor=0.2,
            status_forcelist=(429, 502, 503, 504),
            allowed_methods=None,  # what is made twice is refused by its name, and found
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retries))
        if token := _token(url):
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._root = self._spoken()

    def _spoken(self) -> str:
        """Returns the root of the newest version of the API that the server has."""
        for version in _VERSIONS:
            root = f"{self._url}/api/model_registry/{version}"
            answer = self._session.get(f"{root}/registered_models", params={"pageSize": 1}, timeout=_SECONDS)
            if answer.status_code != 404:
                break
        _check(answer)
        return root

    def ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        """Returns the answer to a request."""
        answer = self._session.request(method, f"{self._root}/{path}", timeout=_SECONDS, **given)
        _check(answer)
        content = answer.json()
        if not isinstance(content, dict):
            raise TypeError("it answered with no object")
        return content

    def found_or_made(self, kind: str, key: dict[str, str], content: dict[str, Any]) -> dict[str, Any]:
        """Returns the one of a kind that has a key, which is made if there is none."""
        if (entry := self._existing(kind, key)) is not None:
            return entry
        try:
            return self.ask("POST", f"{kind}s", json=content)
        except requests.HTTPError as error:
            if error.response is None or error.response.status_code != 409:
                raise
            if (entry := self._existing(kind, key)) is None:
                raise
            return entry

    def _existing(self, kind: str, key: dict[str, str]) -> dict[str, Any] | None:
        try:
            return self.ask("GET", kind, params=key)
        except requests.HTTPError as error:
            if error.response is None or error.response.status_code != 404:
                raise
            return None

    def listed(self, path: str) -> Iterator[dict[str, Any]]:
        """Yields all of a listing."""
        token = ""
        while True:
            more = {"nextPageToken": token} if token else {}
            page = self.ask("GET", path, params={"pageSize": _PAGE, **more})
            yield from page.get("items") or []
            if not (token := page.get("nextPageToken") or ""):
                return


def _check(answer: requests.Response) -> None:
    if not answer.ok:
        said = " ".join(answer.text.split())[:200]
        raise requests.HTTPError(f"it answered {answer.status_code}: {said}", response=answer)


def _token(url: str) -> str:
    """Returns the token by which its own client logs in too; never for one that is not secure and far."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_near = "." not in host or host.endswith((".svc", ".svc.cluster.local"))
    if parts.scheme != "https" and not is_near:
        return ""
    try:
        return Path(os.environ.get(TOKEN_FILE, _TOKEN)).read_text().strip()
    except OSError:
        return ""


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return f"{METADATA_FILE} is damaged: {error.errors()[0]['msg']}"
    if isinstance(error, requests.HTTPError):
        return str(error)
    if isinstance(error, requests.RequestException):
        return {"ConnectTimeout": "it does not answer", "ReadTimeout": "it is too slow"}.get(
            type(error).__name__, "it cannot be reached, or answers no JSON"
        )
    return "it answered what its API does not say"
