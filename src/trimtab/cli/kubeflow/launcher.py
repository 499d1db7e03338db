"""Where Kubeflow Pipelines keeps its artifacts: the ConfigMap ``kfp-launcher`` of the runs' namespace.

A run in the same store needs the server, the region and the Secret that stand there; what the config says
itself goes before. https://www.kubeflow.org/docs/components/pipelines/operator-guides/configure-object-store/
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
import yaml

if TYPE_CHECKING:
    from trimtab.config.config import Config

NAMESPACE, NAME = "kubeflow", "kfp-launcher"
SECRET, KEYS = "mlpipeline-minio-artifact", ("accesskey", "secretkey")
_SECONDS = 10
_SCHEMES = ("s3", "minio")
_BELOW, _LEFT_OUT = "trimtab/runs", "runs"


@dataclass(frozen=True)
class Store:
    """How pods reach a bucket.

    Attributes:
        endpoint: The URL of the server; empty: Amazon's, or the one of the pod's namespace.
        region: The region that requests are signed for; empty: the default one.
        secret: The Secret with the key; empty: none is named.
        keys: The names of the key's id and of the key in it.
    """

    endpoint: str = ""
    region: str = ""
    secret: str = ""
    keys: tuple[str, str] = KEYS


def stored(config: Config, place: str, namespace: str | None) -> tuple[Config, str]:
    """Returns the config and where runs are kept, with what Kubeflow Pipelines says of its own store.

    Args:
        config: The config.
        place: The output directory that was asked for, or the one that a laptop has.
        namespace: Where runs are; see ``launcher``.
    """
    is_left_out = place == _LEFT_OUT and config.resources.volume is None
    if not (is_left_out or _is_known(place)):
        return config, place
    held = launcher(namespace)
    if is_left_out and (root := output(held)):
        place = root
        click.echo(f"runs are kept in {place}, below the root that {NAME} names", err=True)
    if not _is_known(place):
        return config, place
    config, taken = fitted(config, place, held)
    if taken:
        click.echo(f"for {place}, pods get {', '.join(taken)}", err=True)
    return config, place


def launcher(namespace: str | None) -> dict[str, str]:
    """Returns what the ConfigMap holds; nothing where there is none, or where it cannot be read from here.

    Args:
        namespace: Where runs are; None: what the environment says, else Kubeflow's own.
    """
    from kubernetes import client, config
    from urllib3.exceptions import HTTPError

    where = namespace or os.environ.get("TRIMTAB_KFP_NAMESPACE") or NAMESPACE
    try:
        try:
            config.load_incluster_config()
        except config.ConfigException:
            config.load_kube_config()
        api = client.CoreV1Api()
        config_map = api.read_namespaced_config_map(NAME, where, _request_timeout=_SECONDS)
    except (config.ConfigException, client.ApiException, HTTPError, OSError):
        return {}
    return dict(config_map.data or {})


def output(held: Mapping[str, str]) -> str | None:
    """Returns where runs are kept in Kubeflow Pipelines' own store; None where it names none."""
    root = held.get("defaultPipelineRoot", "").strip().partition("?")[0].rstrip("/")
    return f"{root}/{_BELOW}" if root else None


def store(held: Mapping[str, str], uri: str) -> Store:
    """Returns how a bucket is reached; as ``minio://`` without a word of it, by the Secret that KFP makes.

    Args:
        held: What the ConfigMap holds.
        uri: A URI in the bucket.
    """
    parts = urlsplit(uri)
    default = Store(secret=SECRET) if parts.scheme == "minio" else Store()
    try:
        provider = (yaml.safe_load(held.get("providers", "")) or {}).get(parts.scheme) or {}
        chosen = _chosen(provider, parts.netloc, parts.path.strip("/"))
        if chosen is None:
            return default
        named = (chosen.get("credentials") or {}).get("secretRef") or {}
        return Store(
            _endpoint(chosen),
            str(chosen.get("region") or ""),
            str(named.get("secretName") or ""),
            (str(named.get("accessKeyKey") or KEYS[0]), str(named.get("secretKeyKey") or KEYS[1])),
        )
    except (yaml.YAMLError, AttributeError, TypeError):
        return default


def fitted(config: Config, place: str, held: Mapping[str, str]) -> tuple[Config, list[str]]:
    """Returns the config with what its pods need to reach the store, and what was taken for it, in words.

    Args:
        config: The config; what it says of S3 itself is left as it is.
        place: Where runs are kept.
        held: What the ConfigMap holds.
    """
    resources = config.resources
    given_names = [*resources.environment, *resources.secret_variables]
    if resources.s3_credentials_secret or any(name.startswith("AWS_") for name in given_names):
        return config, []
    kfp_store = store(held, place)
    variables = {"AWS_ENDPOINT_URL_S3": kfp_store.endpoint, "AWS_REGION": kfp_store.region}
    environment = {name: value for name, value in variables.items() if value}
    said = [f"{name}={value}" for name, value in environment.items()]
    changed: dict[str, Any] = {"environment": {**resources.environment, **environment}}
    if kfp_store.secret and kfp_store.keys == KEYS:
        changed["s3_credentials_secret"] = kfp_store.secret
        said.append(f"the Secret {kfp_store.secret}")
    elif kfp_store.secret:
        said.append(f"not the Secret {kfp_store.secret}: its keys are not {' and '.join(KEYS)}")
    if not said:
        return config, []
    return config.model_copy(update={"resources": resources.model_copy(update=changed)}), said


def _is_known(place: str) -> bool:
    """Returns whether a place is in a store that Kubeflow Pipelines may know of."""
    return urlsplit(place).scheme in _SCHEMES


def _chosen(provider: Mapping[str, Any], bucket: str, key: str) -> Mapping[str, Any] | None:
    """Returns the entry for a bucket and a key: the longest prefix that fits, else the default."""

    def fitting() -> Iterator[Mapping[str, Any]]:
        for override in provider.get("overrides") or []:
            prefix = str(override.get("keyPrefix") or "").strip("/")
            if override.get("bucketName") == bucket and f"{key}/".startswith(f"{prefix}/" if prefix else ""):
                yield override

    longest = max(fitting(), key=lambda override: len(str(override.get("keyPrefix") or "")), default=None)
    return provider.get("default") if longest is None else longest


def _endpoint(chosen: Mapping[str, Any]) -> str:
    host = str(chosen.get("endpoint") or "").strip()
    if not host or host.endswith("amazonaws.com"):
        return ""
    if "://" in host:
        return host
    return f"{'http' if chosen.get('disableSSL') else 'https'}://{host}"
