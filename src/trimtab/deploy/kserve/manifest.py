"""An InferenceService as KServe takes it, and what of it a deployment changes.

The predictor is a container of its own: KServe takes a ``model`` without ``storageUri`` for a server of many
models, and copies what ``storageUri`` names once, so that it would not follow the champion.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.config.deploy import KServe
from trimtab.config.resources import Resources
from trimtab.errors import DeployError

_LISTEN = ("--host=0.0.0.0", "--port=8080")
CONTAINER = "kserve-container"
MODE, TAGS = "serving.kserve.io/deploymentMode", "serving.kserve.io/enable-tag-routing"
_GOOGLE = "/var/run/secrets/trimtab-gcp"
_CONFINED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def arguments(
    settings: KServe, target: str, version: int | None = None, others: Sequence[str] = _LISTEN
) -> list[str]:
    """Returns the server's arguments: it follows the champion, or serves one version."""
    pinned = [] if version is None else [f"--version={version}"]
    return ["serve", *others, f"--name={settings.name}", *pinned, target]


def _others(settings: KServe, given: Sequence[str]) -> list[str]:
    """Returns the options that people gave the server, such as who may ask it, without those set here.

    Raises:
        DeployError: If they cannot be told from the rest.
    """
    options = list(given[1:-1])
    if given[:1] != ["serve"] or not all(re.match("--[a-z-]+=", option) for option in options):
        raise DeployError(
            f"the server of {settings.name} has other arguments than `serve --option=value … TARGET`",
            field="deploy.kserve.name",
            hint="Write each option and its value as one argument.",
        )
    return [option for option in options if option.partition("=")[0] not in ("--name", "--version")]


def inference_service(settings: KServe, resources: Resources, target: str) -> dict[str, Any]:
    """Returns an InferenceService that follows the champion of a repository.

    Args:
        settings: The section ``deploy.kserve``.
        resources: What pods of runs get, and the server needs too: the volume, secrets, variables.
        target: The URI of the repository.

    Raises:
        DeployError: If no image is named.
    """
    if settings.image is None:
        raise DeployError(
            f"there is no InferenceService {settings.name}, and no image to make it of",
            field="deploy.kserve.image",
            hint="Name trimtab's image, as in `trimtab run --image`.",
        )
    labels = {"app.kubernetes.io/part-of": "trimtab", "app.kubernetes.io/name": "trimtab-server"}
    user = {"runAsUser": resources.run_as_user} if resources.run_as_user else {}
    environment, mounts, volumes = _access(resources)
    predictor: dict[str, Any] = {
        "labels": labels,
        "automountServiceAccountToken": False,
        "minReplicas": 1,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            **user,
            **({"fsGroup": resources.run_as_user} if resources.run_as_user else {}),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": CONTAINER,
                "image": settings.image,
                "command": ["trimtab"],
                "args": arguments(settings, target),
                "ports": [{"name": "http1", "containerPort": 8080, "protocol": "TCP"}],
                "readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": 8080}, "periodSeconds": 5},
                "livenessProbe": {"httpGet": {"path": "/v2/health/live", "port": 8080}, "periodSeconds": 10},
                "resources": {
                    "requests": {"cpu": "1", "memory": "512Mi"},
                    "limits": {"cpu": "1", "memory": "1Gi"},
                },
                "securityContext": {**_CONFINED, **user},
                "env": environment,
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, *mounts],
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}, *volumes],
    }
    if settings.service_account:
        predictor["serviceAccountName"] = settings.service_account
    if resources.image_pull_secrets:
        predictor["imagePullSecrets"] = [{"name": name} for name in resources.image_pull_secrets]
    annotations: dict[str, str] = {MODE: settings.mode}
    if settings.mode == "Serverless":
        annotations[TAGS] = "true"
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": settings.name, "labels": labels, "annotations": annotations},
        "spec": {"predictor": predictor},
    }


def serving(
    service: Mapping[str, Any],
    settings: KServe,
    target: str,
    version: int | None = None,
    canary: int | None = None,
) -> dict[str, Any]:
    """Returns an InferenceService with other arguments for the server; all else is as people have set it.

    Args:
        service: The InferenceService.
        settings: The section ``deploy.kserve``.
        target: The URI of the repository.
        version: The version that is served; None: the champion, whichever that is.
        canary: Percent of the requests that the revision with these arguments gets; None: all.

    Raises:
        DeployError: If it has no container of ours, or one with arguments that are not understood.
    """
    changed = copy.deepcopy(dict(service))
    predictor = changed["spec"]["predictor"]
    containers = predictor.get("containers") or []
    ours = next((container for container in containers if container["name"] == CONTAINER), None)
    if ours is None:
        raise DeployError(
            f"the InferenceService {settings.name} has no container {CONTAINER}, which would serve the model",
            field="deploy.kserve.name",
            hint="Name another one: it is made as it should be.",
        )
    ours["args"] = arguments(settings, target, version, _others(settings, ours.get("args") or []))
    if settings.image is not None:
        ours["image"] = settings.image
    predictor.pop("canaryTrafficPercent", None)
    if canary is not None:
        predictor["canaryTrafficPercent"] = canary
        changed["metadata"].setdefault("annotations", {})[TAGS] = "true"
    return changed


def trial(service: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns an InferenceService of another name with one pod, beside the one that is in service."""
    changed = copy.deepcopy(dict(service))
    changed.pop("status", None)
    known = changed["metadata"]
    changed["metadata"] = {
        "name": name,
        **{key: known[key] for key in ("labels", "annotations") if key in known},
    }
    changed["spec"]["predictor"] |= {"minReplicas": 1, "maxReplicas": 1}
    return changed


def _access(resources: Resources) -> tuple[list[Any], list[Any], list[Any]]:
    """Returns what a container needs to read the repository: variables, mounts and volumes."""
    environment: list[Any] = [{"name": name, "value": value} for name, value in resources.environment.items()]
    mounts, volumes = [], []
    if volume := resources.volume:
        mounts.append({"name": "models", "mountPath": volume.mount_path, "readOnly": True})
        claim = {"claimName": volume.claim, "readOnly": True}
        volumes.append({"name": "models", "persistentVolumeClaim": claim})
    if secret := resources.s3_credentials_secret:
        for variable, key in (("AWS_ACCESS_KEY_ID", "accesskey"), ("AWS_SECRET_ACCESS_KEY", "secretkey")):
            source = {"secretKeyRef": {"name": secret, "key": key}}
            environment.append({"name": variable, "valueFrom": source})
    if secret := resources.google_credentials_secret:
        environment.append({"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": f"{_GOOGLE}/key.json"})
        mounts.append({"name": "google", "mountPath": _GOOGLE, "readOnly": True})
        volumes.append({"name": "google", "secret": {"secretName": secret}})
    return environment, mounts, volumes
