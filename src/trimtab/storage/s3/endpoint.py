"""Where a bucket is: the server, the region, and how its name stands in a URL."""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from urllib.parse import urlsplit

from trimtab.errors import ConfigError

VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
IN_CLUSTER = ("MINIO_SERVICE", "SEAWEEDFS")
"""The services of Kubeflow Pipelines' own store, as the environment of pods beside them names them."""

_DEFAULT_REGION, _PORT = "us-east-1", 9000


def bucket_url(scheme: str, bucket: str) -> str:
    """Returns the URL that the names of a bucket's objects are appended to, without a slash at its end.

    A server that is named is asked in path style, Amazon S3 by the host that each bucket has.

    Args:
        scheme: ``s3``; or ``minio``, as Kubeflow Pipelines writes the store of its own namespace.
        bucket: The bucket's name.

    Raises:
        ConfigError: If the server is no URL, or if there is none for ``minio``.
    """
    url = _named() or (_in_cluster(bucket) if scheme == "minio" else "")
    if url:
        return f"{url.rstrip('/')}/{bucket}"
    host = f"s3.{region()}.amazonaws.com"
    return f"https://{host}/{bucket}" if "." in bucket else f"https://{bucket}.{host}"


def region() -> str:
    """Returns the region that requests are signed for; a server of one's own takes any."""
    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return named or _of_profile() or _DEFAULT_REGION


def _named() -> str:
    name = next((name for name in VARIABLES if os.environ.get(name)), "")
    url = os.environ.get(name, "")
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ConfigError(f"expected http://HOST:PORT or https://HOST, found {url!r}", field=name)
    return url


def _in_cluster(bucket: str) -> str:
    for name in IN_CLUSTER:
        if host := os.environ.get(f"{name}_SERVICE_HOST"):
            return f"http://{host}:{_PORT}"
    raise ConfigError(
        "no server is known for minio://",
        path=f"minio://{bucket}",
        hint=f"Name it in {VARIABLES[0]}, as http://seaweedfs.kubeflow:9000 or http://minio-service.kubeflow:9000.",
    )


def _of_profile() -> str:
    file = Path(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    profile, parser = os.environ.get("AWS_PROFILE", "default"), configparser.ConfigParser(interpolation=None)
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return ""
    section = profile if profile == "default" else f"profile {profile}"
    return parser.get(section, "region", fallback="")
