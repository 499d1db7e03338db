"""Pod Security Standards, profile "restricted": https://kubernetes.io/docs/concepts/security/pod-security-standards/."""

import gzip
import json
import re

import click
import kubernetes_validate
import pytest
import yaml

from trimtab.cli import cli
from trimtab.cli.kubeflow.settings import PROJECTED_TOKEN

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
HANDLERS = ("livenessProbe", "readinessProbe", "startupProbe")


def violations(pod):
    """Returns what a pod's spec has that the profile forbids, or lacks that it demands."""
    found = [f"{name} is set" for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if pod.get(name)]
    context = pod.get("securityContext", {})
    found += [f"sysctl {one['name']}" for one in context.get("sysctls", [])]
    for volume in pod.get("volumes", []):
        found += [f"volume type {kind}" for kind in volume.keys() - {"name"} - VOLUMES]
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for container in pod.get(kind, []):
            found += [f"{container['name']}: {text}" for text in _violations(container, context)]
    return found


def _violations(container, pod_context):
    own = container.get("securityContext", {})
    merged = {**pod_context, **own}
    capabilities = own.get("capabilities", {})
    checks = {
        "privileged": own.get("privileged"),
        "may escalate privileges": own.get("allowPrivilegeEscalation") is not False,
        "may be root": merged.get("runAsNonRoot") is not True,
        "is root": merged.get("runAsUser") == 0,
        "keeps capabilities": "ALL" not in capabilities.get("drop", []),
        "adds capabilities": set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"},
        "no seccomp profile": merged.get("seccompProfile", {}).get("type")
        not in ("RuntimeDefault", "Localhost"),
        "/proc is unmasked": own.get("procMount", "Default") != "Default",
        "host port": any(port.get("hostPort") for port in container.get("ports", [])),
        "AppArmor is off": merged.get("appArmorProfile", {}).get("type") == "Unconfined",
        "SELinux user or role": {"user", "role"} & merged.get("seLinuxOptions", {}).keys(),
        "probes another host": any(
            container.get(name, {}).get(kind, {}).get("host")
            for name in HANDLERS
            for kind in ("httpGet", "tcpSocket")
        ),
    }
    return [text for text, violated in checks.items() if violated]


def pods(items):
    """Returns the pods that a build's objects lead to, by name."""
    for item in items:
        name, spec = item["metadata"]["name"], item.get("spec", {})
        if item["kind"] == "Deployment":
            yield name, spec["template"]["spec"]
        elif item["kind"] == "InferenceService":
            yield name, spec["predictor"]  # KServe takes the pod of a custom predictor as it is


def test_every_pod_is_restricted(build):
    found = dict(pods(build))
    assert found or {item["kind"] for item in build} == {"Role", "RoleBinding"}
    for name, pod in found.items():
        assert violations(pod) == [], name


def test_every_pod_has_a_read_only_root_and_limits(build):
    for name, pod in pods(build):
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"]["readOnlyRootFilesystem"], name
            assert "memory" in container["resources"]["limits"], name
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert mounted <= {volume["name"] for volume in pod["volumes"]}, name


def test_pods_that_ask_nothing_of_the_cluster_get_no_token(build):
    for item in build:
        if item["kind"] == "Deployment":
            assert item["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
        if item["kind"] == "InferenceService":
            assert item["spec"]["predictor"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}, "hostPath"),
        ({"securityContext": {}}, "may be root"),
        ({"containers": [{"name": "a", "securityContext": {"privileged": True}}]}, "privileged"),
    ],
)
def test_the_check_finds_what_is_forbidden(built, change, found):
    pod = next(pod for name, pod in pods(built["base"]) if name == "trimtab-tensorboard")
    assert any(found in text for text in violations({**pod, **change}))


@pytest.fixture(scope="module")
def recorded(root):
    """Returns a workflow as a real Kubeflow Pipelines 2.17.0 made it."""
    file = root.parent / "shared/cases/kubeflow/stopped-healthy.v1beta1.json.gz"
    if not file.is_file():
        pytest.skip("the recordings of a real server are not here: ../shared/cases/kubeflow")
    answer = json.loads(gzip.decompress(file.read_bytes()))
    return json.loads(answer["pipeline_runtime"]["workflow_manifest"])


def pods_of_runs(workflow, context):
    """Yields the pods of a workflow by their templates, with what its driver makes of a task's context."""
    for template in workflow["spec"]["templates"]:
        if "container" not in template:
            continue
        main = dict(template["container"]["securityContext"])
        if "podSpecPatch" in template:
            main |= {"capabilities": {"drop": ["ALL"]}, **context}
        yield (
            template["name"],
            {
                "securityContext": template.get("securityContext", workflow["spec"]["securityContext"]),
                "containers": [{"name": "main", "securityContext": main}],
                "initContainers": template.get("initContainers", []),
                "volumes": template.get("volumes", []),
            },
        )


@pytest.mark.parametrize("name", ["optimize", "retrain", "compress"])
def test_pods_of_runs_are_restricted_as_a_real_server_makes_them(root, recorded, name):
    _, platform = yaml.safe_load_all((root / "pipelines" / f"{name}.yaml").read_text())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for one in executors.values():
        context = {**one["securityContext"], "runAsUser": int(one["securityContext"]["runAsUser"])}
        found = dict(pods_of_runs(recorded, context))
        assert {text for pod in found.values() for text in violations(pod)} == set()
    assert set(found) >= {"system-container-driver", "system-dag-driver"}
    without = [text for _, pod in pods_of_runs(recorded, {}) for text in violations(pod)]
    assert without == ["main: may be root"]


def test_a_real_driver_made_that_of_the_context(recorded):
    (patch,) = {
        parameter["value"]
        for node in recorded["status"]["nodes"].values()
        if node["displayName"] == "executor" and "train" in node["name"] and node["type"] == "Pod"
        for parameter in node["inputs"]["parameters"]
        if parameter["name"] == "pod-spec-patch"
    }
    (container,) = json.loads(patch)["containers"]
    expected = {"capabilities": {"drop": ["ALL"]}, "runAsUser": 1000, "runAsNonRoot": True}
    assert container["securityContext"] == expected


def test_the_cron_job_of_the_documentation(root):
    text = (root / "docs" / "kubeflow.md").read_text()
    (block,) = re.findall(r"```yaml\n(apiVersion: batch.*?)```", text, re.DOTALL)
    job = yaml.safe_load(block)
    kubernetes_validate.validate(job, "1.31", strict=True)
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert violations(pod) == []
    (container,) = pod["containers"]
    assert cli.get_command(click.Context(cli), container["args"][0]).commands[container["args"][1]]
    assert container["volumeMounts"][0]["mountPath"] == str(PROJECTED_TOKEN.parent)
