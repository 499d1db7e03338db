"""Resources of a stage's pod, from the config's `resources` section to KFP's settings."""

from collections.abc import Mapping
from typing import Any

from kfp import dsl, kubernetes


def apply(task: dsl.PipelineTask, resources: Mapping[str, Any]) -> dsl.PipelineTask:
    """Sets one task's CPU, memory, accelerator, node selector and retries.

    Args:
        task: The task to configure.
        resources: The entry of `resources.stages` for the task's stage; missing keys leave KFP's default.

    Returns:
        The same task.
    """
    if cpu := resources.get("cpu"):
        task.set_cpu_limit(cpu)
    if memory := resources.get("memory"):
        task.set_memory_limit(memory)
    if count := resources.get("accelerator_count"):
        task.set_accelerator_type(
            resources.get("accelerator_type") or "nvidia.com/gpu"
        ).set_accelerator_limit(count)
    for label, value in resources.get("node_selector", {}).items():
        kubernetes.add_node_selector(task, label_key=label, label_value=value)
    if retries := resources.get("retries"):
        task.set_retry(num_retries=retries, backoff_duration="30s", backoff_factor=2.0)
    # The backend keys its cache on an artifact's name, not its content, and every run has a directory.
    return task.set_caching_options(enable_caching=False)
