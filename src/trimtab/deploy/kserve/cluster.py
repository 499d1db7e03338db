"""InferenceServices of a namespace, by Kubernetes' own client, which KFP brings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trimtab.errors import DeployError

_GROUP, _VERSION, _PLURAL = "serving.kserve.io", "v1beta1", "inferenceservices"
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_SECONDS = 30
_DENIED = "Bind the run's service account to the role of manifests/kserve: docs/serving.md says how."


class Cluster:
    """A namespace of a cluster: that of the pod, else the one that kubeconfig is set to.

    Args:
        namespace: Another one; None: that one.

    Raises:
        DeployError: If this is no pod, and kubeconfig names no cluster.
    """

    def __init__(self, namespace: str | None = None) -> None:
        from kubernetes import client, config

        try:
            config.load_incluster_config()
            current = _NAMESPACE.read_text().strip() if _NAMESPACE.is_file() else "default"
        except config.ConfigException:
            try:
                config.load_kube_config()
                current = config.list_kube_config_contexts()[1]["context"].get("namespace", "default")
            except config.ConfigException as error:
                raise DeployError(
                    f"no Kubernetes cluster is known here: {error}",
                    field="deploy.kserve",
                    hint="Run it on the cluster, or set KUBECONFIG.",
                ) from error
        self.namespace = namespace or current
        self._api = client.CustomObjectsApi()

    def get(self, name: str) -> dict[str, Any] | None:
        """Returns an InferenceService, or None where there is none.

        Raises:
            DeployError: If the cluster does not let one look, or does not answer; so do the others.
        """
        service = None
        with self._told(f"look at {name}", missing=True) as at:
            service = dict(self._api.get_namespaced_custom_object(*at, name, _request_timeout=_SECONDS))
        return service  # noqa: RET504

    def create(self, service: dict[str, Any]) -> None:
        """Creates an InferenceService."""
        with self._told(f"create {service['metadata']['name']}") as at:
            self._api.create_namespaced_custom_object(*at, service, _request_timeout=_SECONDS)

    def replace(self, service: dict[str, Any]) -> bool:
        """Replaces an InferenceService; returns whether nobody had changed it since it was read."""
        name, is_replaced = service["metadata"]["name"], False
        with self._told(f"update {name}", conflict=True) as at:
            self._api.replace_namespaced_custom_object(*at, name, service, _request_timeout=_SECONDS)
            is_replaced = True
        return is_replaced  # noqa: RET504

    def delete(self, name: str) -> None:
        """Deletes an InferenceService, if it is there."""
        with self._told(f"delete {name}", missing=True) as at:
            self._api.delete_namespaced_custom_object(*at, name, _request_timeout=_SECONDS)

    @contextmanager
    def _told(
        self, what: str, *, missing: bool = False, conflict: bool = False
    ) -> Iterator[tuple[str, str, str, str]]:
        """Yields where InferenceServices are; what the cluster refuses is told, unless it is expected."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            yield _GROUP, _VERSION, self.namespace, _PLURAL
        except ApiException as error:
            if (missing and error.status == 404) or (conflict and error.status == 409):
                return
            why = f"it answered {error.status} {error.reason}"
            hint = _DENIED if error.status in (401, 403) else "Is KServe installed there?"
            raise DeployError(
                f"the cluster did not {what} in {self.namespace}: {why}", field="deploy.kserve", hint=hint
            ) from error
        except HTTPError as error:
            raise DeployError(
                f"the cluster did not {what} in {self.namespace}: it does not answer",
                field="deploy.kserve",
            ) from error
