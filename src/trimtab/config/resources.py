"""The ``resources`` section: what each stage's pod gets on a cluster; a laptop ignores it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trimtab.config.base import Section

StageName = Literal[
    "check_data",
    "plan",
    "data_prep",
    "tune",
    "train",
    "prune",
    "shortlist",
    "quantize",
    "evaluate",
    "select",
    "compare",
    "deploy",
    "report",
]

_QUANTITY = r"^\d+(\.\d+)?(m|[kKMGTPE]i?)?$"


class Toleration(Section):
    """A taint that a pod tolerates, as in Kubernetes."""

    key: str | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class StageResources(Section):
    """What one stage's pod gets."""

    cpu: str | None = Field(None, pattern=_QUANTITY, description="Request and limit, such as `4` or `500m`.")
    memory: str | None = Field(None, pattern=_QUANTITY, description="Request and limit, such as `8Gi`.")
    accelerator_type: str = Field("nvidia.com/gpu", description="The accelerator's resource name.")
    accelerator_count: int = Field(0, ge=0, le=16)
    node_selector: dict[str, str] = Field({}, description="Labels of the nodes to run on.")
    tolerations: list[Toleration] = []
    shared_memory: str | None = Field(
        None, pattern=_QUANTITY, description="Size of `/dev/shm`, in memory; several GPUs need it."
    )
    timeout_s: int | None = Field(None, ge=1, description="Seconds after which the pod is stopped.")
    retries: int = Field(0, ge=0, le=10, description="Times a failed pod is started again; stages resume.")
    retry_backoff_s: int = Field(
        30, ge=0, description="Seconds before the first retry; each next waits twice as long."
    )


class Volume(Section):
    """A claim that every pod mounts; put the output directory on it where there is no object store."""

    claim: str = Field(description="Name of the PersistentVolumeClaim, in the run's namespace.")
    mount_path: str = Field("/trimtab", pattern=r"^/.+", description="Where pods see it.")


class Resources(Section):
    """What pods get: per stage, and in common."""

    stages: dict[StageName, StageResources] = Field(
        {}, description="By stage; others keep Kubeflow's defaults."
    )
    volume: Volume | None = None
    environment: dict[str, str] = Field(
        {}, description="Environment variables of every pod; no secrets here."
    )
    google_credentials_secret: str | None = Field(
        None,
        description="A Secret whose `key.json` is a service account's key; workload identity needs none.",
    )
    image_pull_secrets: list[str] = Field([], description="Secrets for a private image registry.")
    run_as_user: int | None = Field(
        1000,
        ge=1,
        description="Numeric user id of every pod's process, which the node checks not to be root; null: the "
        "image's own, without a check, for Kubeflow Pipelines before 2.16.",
    )
