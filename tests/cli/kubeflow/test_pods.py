"""What is told of pods that cannot start, or were ended, and of attempts."""

import json
from datetime import UTC, datetime

import pytest
from cli.kubeflow.argo_workflow import Made, history

from trimtab.cli.kubeflow import argo, reading


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "Unschedulable: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu. no new claims.",
            "ask for less in resources.stages.train",
        ),
        (
            'Unschedulable: 0/1 nodes are available: persistentvolumeclaim "nowhere" not found.',
            "resources.volume.claim",
        ),
        ("Unschedulable: 1 node(s) didn't match Pod's node affinity/selector.", "train.node_selector"),
        ("SchedulingGated: Scheduling is blocked due to non-empty scheduling gates", "Kueue holds it"),
        ("Unschedulable: 1 node(s) had untolerated taint {gpu: true}", "train.tolerations"),
        ('ErrImagePull: failed to resolve "docker.io/library/trimtab:9.9.9"', "Check --image"),
        ('CreateContainerConfigError: secret "key" not found', "resources.google_credentials_secret"),
        (
            "CreateContainerConfigError: couldn't find key accesskey in Secret kubeflow/key",
            "s3_credentials_secret and secret_variables",
        ),
        (
            "CreateContainerConfigError: container has runAsNonRoot and image will run as root",
            "is run as root: check --image",
        ),
        (
            "Unschedulable: 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            "kubectl describe pvc says why",
        ),
        (
            "Unschedulable: 0/2 nodes are available: 2 node(s) had volume node affinity conflict.",
            "The claim's volume is of other nodes",
        ),
        (
            "Unschedulable: 0/1 nodes are available: 1 node(s) had untolerated taint "
            "{node.kubernetes.io/not-ready: }.",
            "see kubectl get nodes.",
        ),
        ("Unschedulable: 0/1 nodes are available: 1 node(s) were unschedulable.", "kubectl get nodes."),
        (
            "Unschedulable: 0/1 nodes are available: 1 Insufficient memory.",
            "stages.train, or let the cluster",
        ),
        ("Unschedulable: 0/1 nodes are available: 1 Too many pods.", "let the cluster grow"),
        (
            'pods "x" is forbidden: exceeded quota: team, requested: requests.cpu=4, limited: requests.cpu=2',
            "quota is used up",
        ),
        ("Something new", "kubectl describe pod -n kubeflow trimtab-optimize-x7k2p-metadata"),
        ("PodInitializing", "Only the pod's events say why"),
        ("", "Only the pod's events say why"),
    ],
)
@pytest.mark.parametrize("retries", [True, False])
def test_a_pod_that_cannot_start_is_told_with_what_to_do(trimtab, add, message, said, retries):
    made = Made(retries=retries)
    made.task("data-prep")
    made.task("train", "Pending", message=message)
    out = trimtab("status", add("RUNNING", made)["run_id"])[1]
    assert "train          waiting: its pod " in out
    assert said in out
    if ":" in message:
        assert message.removesuffix(".") in out


def test_of_nodes_that_lack_different_things_each_is_told(trimtab, add):
    made = Made()
    said = "0/5 nodes are available: 2 Insufficient memory, 3 node(s) had untolerated taint {gpu: true}."
    made.task("train", "Pending", message=f"Unschedulable: {said} preemption: No victims found.")
    out = trimtab("status", add("RUNNING", made)["run_id"])[1]
    assert "ask for less in resources.stages.train" in out
    assert "resources.stages.train.tolerations" in out
    assert "kubectl get nodes" not in out


@pytest.mark.parametrize(
    ("message", "host", "said"),
    [
        ("OOMKilled (exit code 137)", "node1", "raise resources.stages.train.memory"),
        (
            "Pod was active on the node longer than the specified deadline",
            "node1",
            "raise resources.stages.train.timeout_s",
        ),
        (
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 42Mi.",
            "node1",
            "ask for it in resources.stages.train.memory",
        ),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.", "node1", "TMPDIR"),
        (
            'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
            "",
            "its pod never started: pods",
        ),
        (
            'pods "x" is forbidden: error looking up service account a/b: serviceaccount "b" not found',
            "",
            "--service-account",
        ),
        ('admission webhook "policy.example.com" denied the request: no', "", "A policy of the cluster"),
    ],
)
def test_a_pod_that_was_ended_or_refused_is_told_with_what_to_do(trimtab, add, message, host, said):
    made = Made()
    made.task("train", "Error" if not host else "Failed", message=message, hostNodeName=host)
    made.task("select", "Omitted")
    out = trimtab("status", add("FAILED", made)["run_id"])[1]
    line = next(line for line in out.splitlines() if line.startswith("  train"))
    assert said in line
    assert message.rstrip(".") in line


def test_attempts_that_failed_are_told_while_the_next_goes_on(trimtab, add):
    made = Made(retries=False)
    place = "root.optimization.train"
    made._node(place, "DAG", "metadata-0-2-system-container-executor", "Running")
    for attempt in (0, 1):
        made._node(
            f"{place}.executor({attempt})", "Pod", "impl", "Failed", message="main: Error (exit code 1)"
        )
    made._node(f"{place}.executor(2)", "Pod", "impl", "Running")
    run = add("RUNNING", made)["run_id"]
    assert "started after 2 failed attempts (main: Error (exit code 1))" in trimtab("status", run)[1]
    (task,) = json.loads(trimtab("status", run, "--json")[1])["tasks"]
    assert task["failed_attempts"] == ["main: Error (exit code 1)"] * 2


def test_a_pod_that_was_only_just_made_is_no_trouble(trimtab, add):
    made = Made()
    made.task("train", "Pending", message="PodInitializing", startedAt=datetime.now(UTC).isoformat())
    assert trimtab("status", add("RUNNING", made)["run_id"])[1].endswith("train          waiting\n")


def test_a_driver_that_cannot_start_is_told_of_its_stage():
    made = Made(retries=False)
    made._node(
        "root.optimization.train-driver", "Pod", "system-container-driver", "Pending", message="ErrImagePull"
    )
    (task,) = reading.tasks(argo.parse(made.manifest()))
    assert (task.stage, task.state) == ("train", "PENDING")
    assert "ErrImagePull" in task.waits


def test_a_driver_that_failed_stands_for_its_stage():
    made = Made(retries=False)
    made._node(
        "root.optimization.train-driver", "Pod", "system-container-driver", "Failed", message="no such claim"
    )
    made._node("root.optimization.train", "Skipped", "metadata-0-2-system-container-executor", "Omitted")
    (task,) = reading.tasks(argo.parse(made.manifest()))
    assert (task.state, task.error) == ("FAILED", "no such claim")


def test_a_run_whose_pod_cannot_start_is_followed_with_the_reason(trimtab, add, server):
    made = Made()
    made.task("train", "Pending", message="ErrImagePull: no such image")
    run = add("RUNNING", made)
    server.script = [{}, {}, {"state": "FAILED", "state_history": history("RUNNING", "CANCELING", "FAILED")}]
    code, _, err = trimtab("status", run["run_id"], "--follow")
    assert code == 1
    assert "waiting: its pod cannot start: ErrImagePull: no such image. Check --image" in err
    assert "not reached" in err
