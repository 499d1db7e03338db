"""The `resources` section: what no cluster would take is refused before anything is sent to one."""

import pytest
from pydantic import ValidationError

from trimtab.config.resources import Resources


def stage(**fields):
    return {"stages": {"train": fields}}


@pytest.mark.parametrize(
    "given",
    [
        stage(cpu="500m", memory="8Gi", shared_memory="2G", timeout_s=2**31 - 1, retries=10),
        stage(cpu="0.5", memory="1024"),
        stage(cpu=4, memory=8589934592),
        stage(cpu=0.5),
        stage(accelerator_count=1),
        stage(accelerator_type="nvidia.com/mig-1g.5gb", accelerator_count=2),
        stage(accelerator_type="google.com/tpu", accelerator_count=4),
        stage(accelerator_type="google.com/tpu", accelerator_count=0),
        stage(node_selector={"cloud.google.com/gke-accelerator": "nvidia-l4", "spot": ""}),
        stage(tolerations=[{"operator": "Exists"}, {"key": "nvidia.com/gpu", "value": "present"}]),
        {"volume": {"claim": "trimtab-runs", "mount_path": "/mnt/trimtab"}},
        {"environment": {"STORAGE_EMULATOR_HOST": "http://a:1", "EMPTY": "", "_X1": "{a}\n"}},
        {"run_as_user": None},
    ],
)
def test_what_a_cluster_takes(given):
    found = Resources.model_validate(given)
    assert Resources.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        (stage(cpu="1Gi"), "cpu", "a number of cores above 0"),
        (stage(cpu="0"), "cpu", "above 0"),
        (stage(cpu=0), "cpu", "above 0"),
        (stage(cpu=True), "cpu", "string"),
        (stage(memory=1.5), "memory", "a whole number of bytes"),
        (stage(cpu="٤"), "cpu", "a number of cores"),
        (stage(memory="1GB"), "memory", "a whole number of bytes above 0"),
        (stage(memory="1.5Gi"), "memory", "whole number"),
        (stage(memory="500m"), "memory", "bytes"),
        (stage(memory="1K"), "memory", "bytes"),
        (stage(memory="0Gi"), "memory", "above 0"),
        (stage(shared_memory="0"), "shared_memory", "above 0"),
        (stage(accelerator_type="gpu", accelerator_count=1), "accelerator_type", "extended resource"),
        (stage(accelerator_type="google.com/tpu"), "train", "without accelerator_count"),
        (stage(node_selector={"a b": "c"}), "a b", "the key of a label"),
        (stage(node_selector={"a": "b c"}), "a", "the value of a label"),
        (stage(node_selector={"a": "b" * 64}), "a", "the value of a label"),
        (stage(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]), 0, "takes no value"),
        (stage(tolerations=[{"value": "b"}]), 0, "needs a key"),
        (stage(timeout_s=0), "timeout_s", "greater than or equal to 1"),
        (stage(timeout_s=2**31), "timeout_s", "less than"),
        (stage(retries=-1), "retries", "greater than or equal to 0"),
        ({"volume": {"claim": "My_Claim"}}, "claim", "lower-case letters, digits"),
        ({"volume": {"claim": "a", "mount_path": "/a/../b"}}, "mount_path", "an absolute path"),
        ({"volume": {"claim": "a", "mount_path": "/a:b"}}, "mount_path", "an absolute path"),
        ({"environment": {"A B": "x"}}, "A B", "letters, digits"),
        ({"environment": {"A": "{{workflow.name}}"}}, "A", "which Argo would expand"),
        ({"image_pull_secrets": ["a", ""]}, 1, "the name of a Kubernetes object"),
        ({"queue": "a" * 64}, "queue", "63 of them at most"),
        ({"queue": "Team_A"}, "queue", "lower-case letters"),
        ({"queue": "team", "priority": "Low!"}, "priority", "lower-case letters"),
        ({"run_as_user": 0}, "run_as_user", "greater than or equal to 1"),
    ],
)
def test_what_a_cluster_refuses(given, field, words):
    with pytest.raises(ValidationError, match=words) as caught:
        Resources.model_validate(given)
    (error,) = caught.value.errors()
    assert field in error["loc"]


def test_a_priority_wants_a_queue():
    with pytest.raises(ValidationError, match="priority without queue"):
        Resources(priority="low")


def test_a_stage_without_tasks_of_its_own_has_no_resources():
    with pytest.raises(ValidationError, match="select"):
        Resources.model_validate({"stages": {"compare": {"cpu": "1"}}})
