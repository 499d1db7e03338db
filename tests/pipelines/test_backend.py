"""What Kubeflow's backend cannot do, although `kfp.local` can: docs/adr/0012-what-the-backend-does.md."""

import gzip
import json
import re
from importlib import import_module

import pytest
import yaml
from kfp.compiler import Compiler

from pipelines import resources
from trimtab.config.stages import STAGES
from trimtab.stages.tokens import RUN_ID

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


def test_every_task_of_a_stage_gets_the_runs_id_unless_the_cache_may_answer_for_it(compiled):
    """Which hits only if no argument is another one in each run."""
    stages = [
        task
        for task in _tasks(compiled)
        if "executorLabel" in compiled["components"][task["componentRef"]["name"]]
    ]
    assert stages
    for task in stages:
        given = task["inputs"]["parameters"]
        is_cached = task["cachingOptions"].get("enableCache", False)
        assert is_cached == STAGES[task["taskInfo"]["name"].replace("-", "_")].is_cached
        if is_cached:
            assert "{{" not in json.dumps(given)
            assert {"output", "run", "dataset"} <= given.keys()
        else:
            assert given["run_id"] == {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}


def test_the_pipelines_know_which_stages_are_cached():
    of_tasks = {name for name, stage in STAGES.items() if stage.is_cached and not stage.within}
    assert of_tasks == resources.CACHED
    assert resources.RUN_ID == RUN_ID


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pod_without_the_runs_id_among_its_arguments_has_it_from_its_label(name, root):
    _, platform = yaml.safe_load_all((root / "pipelines" / f"{name}.yaml").read_text())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    told = {key.removeprefix("exec-"): one.get("fieldPathAsEnv") for key, one in executors.items()}
    expected = [{"name": RUN_ID, "fieldPath": "metadata.labels['pipeline/runid']"}]
    for stage, given in told.items():
        may_be_told = STAGES[stage.replace("-", "_")].is_cached or stage == "data-prep"
        assert given == (expected if may_be_told else None)


@pytest.mark.parametrize(
    "recording", ["one-recipe-frozen", "scheduled-champion-stays", "pod-deleted-made-again"]
)
def test_the_label_is_what_a_real_server_gave_the_pods_of_tasks(recording, root):
    file = root.parent / "shared/cases/kubeflow" / f"{recording}.v1beta1.json.gz"
    if not file.is_file():
        pytest.skip("the recordings of a real server are not here: ../shared/cases/kubeflow")
    answer = json.loads(gzip.decompress(file.read_bytes()))
    templates = json.loads(answer["pipeline_runtime"]["workflow_manifest"])["spec"]["templates"]
    pods = [one["metadata"]["labels"] for one in templates if one["name"].endswith("container-impl")]
    assert pods
    assert {labels["pipeline/runid"] for labels in pods} == {answer["run"]["id"]}


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
        "fieldPathAsEnv",
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
    "fieldPathAsEnv": {"name", "fieldPath"},
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
