"""What Kubeflow's backend cannot do, although `kfp.local` can: docs/adr/0012-what-the-backend-does.md."""

import json
import re
from importlib import import_module

import pytest
import yaml
from kfp.compiler import Compiler

PIPELINES = ("optimize", "retrain", "compress")


@pytest.fixture(params=PIPELINES)
def compiled(request, root):
    return next(yaml.safe_load_all((root / "pipelines" / f"{request.param}.yaml").read_text()))


def _tasks(compiled):
    for component in (compiled["root"], *compiled["components"].values()):
        yield from component.get("dag", {}).get("tasks", {}).values()


def test_a_placeholder_is_a_whole_argument(compiled):
    """The driver replaces the run's id only where it is all of a constant."""
    constants = [
        value["runtimeValue"]["constant"]
        for task in _tasks(compiled)
        for value in task.get("inputs", {}).get("parameters", {}).values()
        if "runtimeValue" in value
    ]
    placeholders = [one for one in constants if "{{" in str(one)]
    assert placeholders
    assert set(placeholders) == {"{{$.pipeline_job_uuid}}"}


def test_every_task_of_a_stage_gets_the_runs_id(compiled):
    stages = [
        task
        for task in _tasks(compiled)
        if "executorLabel" in compiled["components"][task["componentRef"]["name"]]
    ]
    assert stages
    for task in stages:
        run_id = task["inputs"]["parameters"]["run_id"]
        assert run_id == {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}


def test_the_report_waits_for_one_task(compiled):
    """The backend runs it at the end of each task that it waits for, and fails on two tasks of one name."""
    waiting = [task for task in _tasks(compiled) if "strategy" in task.get("triggerPolicy", {})]
    (report,) = waiting
    assert report["taskInfo"]["name"] == "report"
    assert report["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
    assert len(report["dependentTasks"]) == 1
    assert set(compiled["root"]["dag"]["tasks"]) == {"report", *report["dependentTasks"]}
    # What it waits for may have made nothing.
    assert "taskOutput" not in json.dumps(report["inputs"])


def test_no_dag_gets_a_list_of_artifacts(compiled):
    """It would keep the last of the list only."""
    for component in compiled["components"].values():
        if "dag" in component:
            artifacts = component.get("inputDefinitions", {}).get("artifacts", {})
            assert not [name for name, one in artifacts.items() if one.get("isArtifactList")]


def test_no_dag_gets_an_artifact_twice(compiled):
    """It would keep one of the two names only."""
    for task in _tasks(compiled):
        given = [json.dumps(one) for one in task.get("inputs", {}).get("artifacts", {}).values()]
        assert len(given) == len(set(given))


def test_a_task_has_the_name_that_others_know_it_by(compiled):
    """Up to 2.16 the driver files an execution by the one, and looks for a loop's by the other."""
    for component in (compiled["root"], *compiled["components"].values()):
        tasks = component.get("dag", {}).get("tasks", {})
        assert {key: task["taskInfo"]["name"] for key, task in tasks.items()} == {key: key for key in tasks}


def test_a_components_code_holds_nothing_that_argo_replaces(compiled):
    for executor in compiled["deploymentSpec"]["executors"].values():
        container = executor["container"]
        text = " ".join([*container["command"], *container["args"]])
        assert set(re.findall(r"\{\{.*?\}\}", text)) == {"{{$}}"}


@pytest.mark.parametrize("name", PIPELINES)
def test_the_default_asks_for_nothing_but_the_context_that_older_releases_refuse(name, root):
    """Before 2.16 they fail on settings of pods that they do not know; there the CLI leaves it out."""
    _, platform = yaml.safe_load_all((root / "pipelines" / f"{name}.yaml").read_text())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors
    assert {key for one in executors.values() for key in one} == {
        "podMetadata",
        "securityContext",
        "activeDeadlineSeconds",
    }


@pytest.mark.parametrize("name", PIPELINES)
def test_no_pod_waits_for_ever_and_the_report_ends_first(name, root):
    """A run that was stopped ends when its report does: as for an image that nobody can pull."""
    _, platform = yaml.safe_load_all((root / "pipelines" / f"{name}.yaml").read_text())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    deadlines = {key: int(one["activeDeadlineSeconds"]) for key, one in executors.items()}
    assert deadlines.pop("exec-report") == 3600
    assert set(deadlines.values()) == {7 * 24 * 3600}


EVERYTHING = {
    "volume": {"claim": "runs", "mount_path": "/trimtab"},
    "google_credentials_secret": "google",
    "s3_credentials_secret": "mlpipeline-minio-artifact",
    "image_pull_secrets": ["registry"],
    "secret_variables": {"SLACK_URL": "notify"},
    "queue": "team",
    "priority": "low",
    "environment": {"NAME": "value"},
    "stages": {
        stage: {
            "cpu": "4",
            "memory": "8Gi",
            "accelerator_type": "nvidia.com/gpu",
            "accelerator_count": 1,
            "shared_memory": "1Gi",
            "retries": 2,
            "timeout_s": 3600,
            "node_selector": {"pool": "gpu"},
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        }
        for stage in ("check_data", "train", "prune", "report")
    },
}
# Of `KubernetesExecutorConfig` and its parts, as kfp-kubernetes 2.14.0 has them; the server refuses others.
KNOWN_SINCE_2_14 = {
    "activeDeadlineSeconds": None,
    "emptyDirMounts": {"volumeName", "mountPath", "medium", "sizeLimit"},
    "imagePullSecret": {"secretName", "secretNameParameter"},
    "nodeSelector": {"labels", "nodeSelectorJson"},
    "podMetadata": {"labels", "annotations"},
    "pvcMount": {"constant", "mountPath", "pvcNameParameter"},
    "secretAsEnv": {"secretName", "keyToEnv", "optional", "secretNameParameter"},
    "secretAsVolume": {"secretName", "mountPath", "optional", "secretNameParameter"},
    "tolerations": {"key", "operator", "value", "effect", "tolerationSeconds", "tolerationJson"},
}


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("user", [1000, None])
def test_every_setting_is_one_that_the_oldest_release_knows(name, user, tmp_path):
    built = import_module(f"pipelines.{name}").build({**EVERYTHING, "run_as_user": user})
    Compiler().compile(built, str(tmp_path / "pipeline.yaml"))
    _, platform = yaml.safe_load_all((tmp_path / "pipeline.yaml").read_text())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for executor in executors.values():
        assert executor.pop("securityContext", None) == (
            {"runAsUser": "1000", "runAsNonRoot": True} if user else None
        )
        for key, value in executor.items():
            for part in value if isinstance(value, list) else [value]:
                assert KNOWN_SINCE_2_14[key] is None or part.keys() <= KNOWN_SINCE_2_14[key]
    assert executors["exec-train"].keys() == KNOWN_SINCE_2_14.keys()


def test_logs_knows_the_pods_of_tasks_with_labels(root):
    """The backend names a pod's template by how many labels and annotations the pod is given."""
    from trimtab.cli.kubeflow import runs

    _, platform = yaml.safe_load_all((root / "pipelines" / "optimize.yaml").read_text())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    (count,) = {len(one["podMetadata"]["labels"]) for one in executors.values()}
    assert f"metadata-0-{count}-retry-system-container-impl" in runs._TEMPLATES
