"""Why a pod cannot start, and what to do about it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from trimtab.cli.kubeflow.argo import Node

# A pod says at first that it waits for its containers to be made, which is no trouble yet.
_USUAL = ("", "PodInitializing", "ContainerCreating")
_LONGEST_USUAL_S = 45.0
_LONGEST_REASON = 300
_ADVICE = (
    (
        r"scheduling gates|SchedulingGated",
        "Kueue holds it until there is room in resources.queue: see kubectl get workloads.",
    ),
    (
        r"persistentvolumeclaim",
        "Create that claim in the run's namespace, or name another in resources.volume.claim.",
    ),
    (
        r"[Ii]nsufficient ",
        "No node has that much free: ask for less in resources.stages.{stage}, or let the cluster grow.",
    ),
    (
        r"node affinity|node selector|node\(s\) didn't match",
        "No node has these labels: see resources.stages.{stage}.node_selector, and `kubectl get nodes "
        "--show-labels`.",
    ),
    (r"untolerated taint", "Name what the nodes' taints need in resources.stages.{stage}.tolerations."),
    (
        r"ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull",
        "Check --image, and that nodes can pull it: a private registry wants resources.image_pull_secrets.",
    ),
    (
        r"CreateContainerConfigError|secret|configmap",
        "Create what is missing in the run's namespace: see resources.google_credentials_secret, and "
        "s3_credentials_secret.",
    ),
    (r"[Ee]xceeded quota|forbidden: exceeded", "Its namespace's quota is used up: ask for less, or wait."),
)


def reason(node: Node, pod: str, namespace: str, stage: str) -> str:
    """Returns why a pod that is to start does not, and what to do; empty: it has only just been made.

    Args:
        node: The pod's node.
        pod: The pod's name.
        namespace: Its namespace.
        stage: The stage that it is to run.
    """
    if node.message in _USUAL:
        waited = (datetime.now(UTC) - node.started).total_seconds() if node.started else 0.0
        if waited < _LONGEST_USUAL_S:
            return ""
        return (
            f"its pod does not start. Only the pod's events say why, as for a secret or a volume that is not "
            f"there: kubectl describe pod -n {namespace} {pod}"
        )
    said = " ".join(node.message.split())
    advice = next((text for pattern, text in _ADVICE if re.search(pattern, said)), None)
    what = advice.format(stage=stage) if advice else f"See kubectl describe pod -n {namespace} {pod}"
    return f"its pod cannot start: {said[:_LONGEST_REASON]}. {what}".replace(".. ", ". ")
