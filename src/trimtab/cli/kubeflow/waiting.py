"""Why a pod cannot start, or was ended, and what to do about it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from trimtab.cli.kubeflow.argo import Node

# A pod says at first that it waits for its containers to be made, which is no trouble yet.
_USUAL = ("", "PodInitializing", "ContainerCreating")
_LONGEST_USUAL_S = 45.0
_LONGEST_REASON = 300
# In the words of the scheduler, the kubelet, what admits pods, and Argo. Where one message has several, as of
# nodes that lack memory and others with a taint, each is said.
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
        r"unbound immediate PersistentVolumeClaims",
        "The claim has no volume: kubectl describe pvc says why, as where no class has ReadWriteMany.",
    ),
    (
        r"volume node affinity conflict",
        "The claim's volume is of other nodes or another zone: let the pods run there, or use a store (s3://, gs://).",
    ),
    (
        r"Insufficient |Too many pods",
        "No node has that much free: ask for less in resources.stages.{stage}, or let the cluster grow.",
    ),
    (
        r"node selector|Pod's node affinity",
        "No node has these labels: see resources.stages.{stage}.node_selector, and `kubectl get nodes "
        "--show-labels`.",
    ),
    (
        r"taint \{node\.kubernetes\.io/|node\(s\) were unschedulable",
        "Its nodes take no pods now, as those that are not ready or cordoned: see kubectl get nodes.",
    ),
    (
        r"taint \{(?!node\.kubernetes\.io/)",
        "Name what the nodes' taints need in resources.stages.{stage}.tolerations.",
    ),
    (
        r"ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|RegistryUnavailable|ImageInspectError",
        "Check --image, and that nodes can pull it: a private registry wants resources.image_pull_secrets.",
    ),
    (
        r"runAsNonRoot|non-numeric user",
        "Its image is no image of trimtab, or is run as root: check --image, and resources.run_as_user.",
    ),
    (
        r"(?i:(secret|configmap)\S* .*not found|(couldn't|could not) find key)",
        "Create what is missing in the run's namespace: see resources.google_credentials_secret, "
        "s3_credentials_secret and secret_variables.",
    ),
    (r"[Ee]xceeded quota", "Its namespace's quota is used up: ask for less, or wait."),
    (
        r"violates PodSecurity",
        "The namespace enforces that profile: set resources.run_as_user, on Kubeflow Pipelines from 2.16 on.",
    ),
    (
        r"(?i:service ?account \S+ not found)",
        "Create that account in the run's namespace, or name another: --service-account.",
    ),
    (r"admission webhook", "A policy of the cluster refuses it: ask who keeps the cluster."),
    (r"OOMKilled", "It used more memory than it may: raise resources.stages.{stage}.memory."),
    (
        r"low on resource: memory",
        "Its node ran out of memory: ask for it in resources.stages.{stage}.memory, which sets it aside.",
    ),
    (
        r"longer than the specified deadline|exceeded its deadline|DeadlineExceeded",
        "It took longer than it may: raise resources.stages.{stage}.timeout_s.",
    ),
    (
        r"local storage usage exceeds|[Uu]sage of EmptyDir|low on resource: ephemeral-storage",
        "It filled its node's disk: let TMPDIR in resources.environment be a place on the volume.",
    ),
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
    what = advice(node.message, stage) or f"See kubectl describe pod -n {namespace} {pod}"
    return f"its pod cannot start: {short(node.message)}. {what}".replace(".. ", ". ")


def advice(said: str, stage: str) -> str:
    """Returns what to do about what the cluster says of a stage's pod; empty: nothing is known."""
    words = " ".join(said.split())
    return " ".join(text.format(stage=stage) for pattern, text in _ADVICE if re.search(pattern, words))


def short(said: str) -> str:
    """Returns what the cluster says, in one line that is not too long."""
    return " ".join(said.split())[:_LONGEST_REASON]
