"""From the config's `resources` section to the settings of a task's pod."""

from collections.abc import Mapping
from typing import Any

from kfp import dsl, kubernetes

CREDENTIALS = "/var/run/secrets/trimtab-gcp"
# Counted from the first attempt's start. At its end Argo tries no more, and stops an attempt that is running:
# KFP's default, an hour, would keep a longer training from going on.
RETRY_WINDOW = "30d"
RETRIES = "TRIMTAB_RETRIES"
# A pod whose image or secret is not there waits for ever, and a run that was stopped waits for its report's.
DEADLINE_S, REPORT_DEADLINE_S = 7 * 86_400, 3_600
CACHED = frozenset({"tune", "train", "prune", "quantize", "evaluate"})
# By this a pod knows the run's id, which is no argument of tasks that the cache may answer for.
RUN_ID, RUN_LABEL = "TRIMTAB_RUN_ID", "metadata.labels['pipeline/runid']"


def apply(task: dsl.PipelineTask, stage: str, resources: Mapping[str, Any]) -> dsl.PipelineTask:
    """Sets what one task's pod gets and may do.

    Args:
        task: The task to configure.
        stage: The stage that the task runs.
        resources: The `resources` section as plain values; missing keys leave KFP's defaults.

    Returns:
        The same task.
    """
    stage_resources = resources.get("stages", {}).get(stage, {})
    _compute(task, stage_resources)
    _patience(task, stage, stage_resources)
    _placement(task, stage_resources)
    _access(task, resources)
    # By these, network policies and people know the pods of trimtab from others in the namespace.
    kubernetes.add_pod_label(task, "app.kubernetes.io/part-of", "trimtab")
    kubernetes.add_pod_label(task, "app.kubernetes.io/component", stage.replace("_", "-"))
    # Kueue's labels, of which drivers get none: they take a moment, and no place.
    for label, name in (("queue-name", "queue"), ("priority-class", "priority")):
        if value := resources.get(name):
            kubernetes.add_pod_label(task, f"kueue.x-k8s.io/{label}", value)
    is_cached = resources.get("cache", True)
    if is_cached and (stage in CACHED or stage == "data_prep"):
        kubernetes.use_field_path_as_env(task, env_name=RUN_ID, field_path=RUN_LABEL)
    return task.set_caching_options(enable_caching=is_cached and stage in CACHED)


def _compute(task: dsl.PipelineTask, stage_resources: Mapping[str, Any]) -> None:
    # Requests equal limits: a pod that shares its cores measures latencies of its neighbours.
    if cpu := stage_resources.get("cpu"):
        task.set_cpu_request(cpu).set_cpu_limit(cpu)
    if memory := stage_resources.get("memory"):
        task.set_memory_request(memory).set_memory_limit(memory)
    if count := stage_resources.get("accelerator_count"):
        task.set_accelerator_type(stage_resources["accelerator_type"]).set_accelerator_limit(count)
    if size := stage_resources.get("shared_memory"):
        kubernetes.empty_dir_mount(
            task, volume_name="shared-memory", mount_path="/dev/shm", medium="Memory", size_limit=size
        )


def _patience(task: dsl.PipelineTask, stage: str, stage_resources: Mapping[str, Any]) -> None:
    if retries := stage_resources.get("retries"):
        # KFP 2.17.0 starts a pod again that was lost, and none whose process was killed: that is done inside.
        task.set_env_variable(RETRIES, str(retries))
        task.set_retry(
            num_retries=retries,
            backoff_duration=f"{stage_resources.get('retry_backoff_s', 30)}s",
            backoff_factor=2.0,
            backoff_max_duration=RETRY_WINDOW,
        )
    default = REPORT_DEADLINE_S if stage == "report" else DEADLINE_S
    kubernetes.set_timeout(task, seconds=stage_resources.get("timeout_s") or default)


def _placement(task: dsl.PipelineTask, stage_resources: Mapping[str, Any]) -> None:
    for label, value in stage_resources.get("node_selector", {}).items():
        kubernetes.add_node_selector(task, label_key=label, label_value=value)
    for toleration in stage_resources.get("tolerations", []):
        kubernetes.add_toleration(
            task, **{key: value for key, value in toleration.items() if value is not None}
        )


def _access(task: dsl.PipelineTask, resources: Mapping[str, Any]) -> None:
    # A backend before 2.16 fails to create the run: `cli/kubeflow/package.py` then leaves it out.
    if user := resources.get("run_as_user", 1000):
        kubernetes.set_security_context(task, run_as_user=user, run_as_non_root=True)
    if volume := resources.get("volume"):
        kubernetes.mount_pvc(task, pvc_name=volume["claim"], mount_path=volume["mount_path"])
    if secret := resources.get("google_credentials_secret"):
        kubernetes.use_secret_as_volume(task, secret_name=secret, mount_path=CREDENTIALS)
        task.set_env_variable("GOOGLE_APPLICATION_CREDENTIALS", f"{CREDENTIALS}/key.json")
    if secret := resources.get("s3_credentials_secret"):
        keys = {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}
        kubernetes.use_secret_as_env(task, secret_name=secret, secret_key_to_env=keys)
    for name, value in resources.get("environment", {}).items():
        task.set_env_variable(name, value)
    for name, secret in resources.get("secret_variables", {}).items():
        kubernetes.use_secret_as_env(task, secret_name=secret, secret_key_to_env={name: name})
    if secrets := resources.get("image_pull_secrets"):
        kubernetes.set_image_pull_secrets(task, secrets)
