"""The pipeline as YAML, and as a version on the server that is named by its content."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trimtab import progress
from trimtab.cli.kubeflow.connection import UNKNOWN_FIELD, Connection, named, quiet
from trimtab.cli.pipeline import Pipeline
from trimtab.errors import ClusterError

if TYPE_CHECKING:
    from trimtab.config.config import Config

Started = TypeVar("Started")

_REFUSED = f'{UNKNOWN_FIELD} "securityContext"'


@dataclass(frozen=True)
class Version:
    """A pipeline version on the server."""

    pipeline_id: str
    version_id: str
    name: str


def compiled(
    pipeline: Pipeline, config: Config | None, image: str | None = None, *, manifests: bool = False
) -> str:
    """Returns a pipeline as YAML.

    Args:
        pipeline: The pipeline.
        config: Its `resources` go to the pods; None: Kubeflow's defaults.
        image: The image of every component; None: the one that is built in, or `TRIMTAB_IMAGE`.
        manifests: Whether to write `Pipeline` and `PipelineVersion` resources for `kubectl apply`.
    """
    resources = config.resources.model_dump(mode="json") if config else {}
    built = pipeline.module.build(resources, image=image)
    package = _written(built)
    if not manifests:
        return package
    from kfp.compiler import KubernetesManifestOptions

    options = KubernetesManifestOptions(
        pipeline_version_name=f"{pipeline.module.NAME}-{version_name(package)}",
        include_pipeline_manifest=True,
    )
    return _written(built, kubernetes_manifest_format=True, kubernetes_manifest_options=options)


def start(
    connection: Connection,
    pipeline: Pipeline,
    config: Config,
    image: str | None,
    begin: Callable[[Version], Started],
) -> Started:
    """Makes sure that the pipeline is on the server, and starts something of it.

    A server before 2.16 refuses pods with a security context. There the pipeline goes without: the image's
    own user is not root either, but no node checks it.

    Args:
        connection: The server.
        pipeline: The pipeline.
        config: Its `resources` go to the pods.
        image: As for ``compiled``.
        begin: Creates a run or a schedule of the version.

    Returns:
        What ``begin`` returns.

    Raises:
        ClusterError: If the server fails.
    """
    try:
        return begin(ensure_version(connection, pipeline, compiled(pipeline, config, image)))
    except ClusterError as error:
        if config.resources.run_as_user is None or _REFUSED not in error.said:
            raise
    progress.say(
        "kubeflow", "the server is older than 2.16 and takes no security context: pods go without one"
    )
    unchecked = config.resources.model_copy(update={"run_as_user": None})
    text = compiled(pipeline, config.model_copy(update={"resources": unchecked}), image)
    return begin(ensure_version(connection, pipeline, text))


def version_name(package: str) -> str:
    """Returns the name of the version that a compiled pipeline is: a hash of its content."""
    return hashlib.sha256(package.encode()).hexdigest()[:16]


def _written(pipeline: Any, **options: Any) -> str:
    from kfp import compiler

    with tempfile.TemporaryDirectory() as directory, quiet():
        file = Path(directory, "pipeline.yaml")
        compiler.Compiler().compile(pipeline, str(file), **options)
        return file.read_text(encoding="utf-8")


def ensure_version(connection: Connection, pipeline: Pipeline, package: str) -> Version:
    """Uploads a compiled pipeline, or finds the version that is already there.

    Args:
        connection: The server.
        pipeline: The pipeline that it is.
        package: The YAML.

    Raises:
        ClusterError: If the server fails.
    """
    title, name = pipeline.module.NAME, version_name(package)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "pipeline.yaml")
        file.write_text(package, encoding="utf-8")
        uploaded = _pipeline(connection, title) or connection.create_once(
            f"the pipeline {title}",
            lambda: connection.client.upload_tagged(str(file), title, connection.namespace),
            lambda: _pipeline(connection, title),
            unique=True,
        )
        version = _version(connection, uploaded.pipeline_id, name) or connection.create_once(
            f"the version {name}",
            lambda: connection.client.upload_version_tagged(str(file), name, uploaded.pipeline_id),
            lambda: _version(connection, uploaded.pipeline_id, name),
            unique=True,
        )
    if not version.pipeline_version_id:
        raise ClusterError("the server did not name the uploaded version", path=connection.host)
    return Version(uploaded.pipeline_id, version.pipeline_version_id, name)


def _pipeline(connection: Connection, name: str) -> Any | None:
    pipelines = connection.pages(
        connection.client.list_pipelines, "pipelines", namespace=connection.namespace, filter=named(name)
    )
    return next((pipeline for pipeline in pipelines if pipeline.display_name == name), None)


def _version(connection: Connection, pipeline_id: str, name: str) -> Any | None:
    versions = connection.pages(
        connection.client.list_pipeline_versions,
        "pipeline_versions",
        pipeline_id=pipeline_id,
        filter=named(name),
    )
    return next((version for version in versions if version.display_name == name), None)
