"""The ``resources`` section: what each stage's pod gets on a cluster; a laptop heeds some of it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from trimtab.config.base import Section
from trimtab.config.kubernetes import (
    Cpu,
    LabelKey,
    LabelValue,
    Memory,
    MountPath,
    Name,
    QueueName,
    ResourceName,
    VariableName,
    VariableValue,
    VolumeName,
)
from trimtab.config.stages import StageName

DAY_S = 86_400
_MOST = 2**31 - 1  # seconds of a pod's deadline, and the highest user id


class Toleration(Section):
    """A taint that a pod tolerates, as in Kubernetes."""

    key: LabelKey | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None

    @model_validator(mode="after")
    def _fits_its_operator(self) -> Self:
        if self.operator == "Exists" and self.value:
            raise ValueError("operator Exists takes no value; expected operator: Equal, or no value")
        if self.operator == "Equal" and self.key is None:
            raise ValueError("operator Equal needs a key; operator: Exists without one tolerates every taint")
        return self


class StageResources(Section):
    """What one stage's pod gets."""

    cpu: Cpu | None = Field(None, description="Request and limit, such as `4` or `500m`.")
    memory: Memory | None = Field(None, description="Request and limit, such as `8Gi`.")
    accelerator_type: ResourceName = Field("nvidia.com/gpu", description="The accelerator's resource name.")
    accelerator_count: int = Field(0, ge=0, le=16)
    node_selector: dict[LabelKey, LabelValue] = Field({}, description="Labels of the nodes to run on.")
    tolerations: list[Toleration] = []
    shared_memory: Memory | None = Field(
        None, description="Size of `/dev/shm`, in memory; several GPUs need it."
    )
    timeout_s: int | None = Field(
        None,
        ge=1,
        le=_MOST,
        description="Seconds after its start when the pod is stopped; null: an hour for `report`, 7 days for "
        "others.",
    )
    entry_timeout_s: int | None = Field(
        None,
        ge=1,
        le=_MOST,
        description="Seconds that a stage may work on one model, file or evaluation, on a laptop too: what "
        "hangs costs its candidate; null: a day in `prune`, `quantize` and `evaluate`, no limit in others.",
    )
    retries: int = Field(
        0,
        ge=0,
        le=10,
        description="Times a failed pod, and a killed process in it, is started again; stages resume.",
    )
    retry_backoff_s: int = Field(
        30, ge=0, le=86_400, description="Seconds before the first retry; each next waits twice as long."
    )

    @model_validator(mode="after")
    def _has_as_many_as_it_names(self) -> Self:
        given = self.model_fields_set
        if "accelerator_type" in given and "accelerator_count" not in given:
            raise ValueError("accelerator_type without accelerator_count: expected how many, such as 1")
        return self


class Volume(Section):
    """A claim that every pod mounts; put the output directory on it where there is no object store."""

    claim: VolumeName = Field(description="Name of the PersistentVolumeClaim, in the run's namespace.")
    mount_path: MountPath = Field("/trimtab", description="Where pods see it.")


class Resources(Section):
    """What pods get: per stage, and in common; and how many tasks may run at once."""

    parallel: int | None = Field(
        None,
        ge=1,
        le=32,
        description="Shards that the recipes are shared out to, each a task; null: as many as this machine "
        "has cores, 2 on a cluster. Never more than there are recipes.",
    )
    stages: dict[StageName, StageResources] = Field(
        {}, description="By stage; others keep Kubeflow's defaults."
    )
    volume: Volume | None = None
    environment: dict[VariableName, VariableValue] = Field(
        {}, description="Environment variables of every pod; no secrets here."
    )
    google_credentials_secret: VolumeName | None = Field(
        None,
        description="A Secret whose `key.json` is a service account's key; workload identity needs none.",
    )
    s3_credentials_secret: Name | None = Field(
        None,
        description="A Secret whose `accesskey` and `secretkey` open an S3 store, as Kubeflow Pipelines' own "
        "`mlpipeline-minio-artifact`; a role of the pods' service account needs none.",
    )
    secret_variables: dict[VariableName, Name] = Field(
        {},
        description="Environment variables of every pod that Secrets have: by the variable, which is the key "
        "too, the Secret's name.",
    )
    queue: QueueName | None = Field(
        None,
        description="Name of Kueue's LocalQueue that pods wait in; null: Kubernetes schedules them at once.",
    )
    priority: QueueName | None = Field(
        None, description="Name of Kueue's WorkloadPriorityClass, by which a queue is ordered."
    )
    cache: bool = Field(
        True, description="Whether Kubeflow's cache may answer for tasks that were asked the same before."
    )
    image_pull_secrets: list[Name] = Field([], description="Secrets for a private image registry.")
    run_as_user: int | None = Field(
        1000,
        ge=1,
        le=_MOST,
        description="Numeric user id of every pod's process, which the node checks not to be root; null: the "
        "image's own, without a check, for Kubeflow Pipelines before 2.16.",
    )

    @model_validator(mode="after")
    def _has_a_queue_to_be_first_in(self) -> Self:
        if self.priority and not self.queue:
            raise ValueError("priority without queue: expected the queue that it orders")
        return self
