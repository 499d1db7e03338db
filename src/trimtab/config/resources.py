"""The ``resources`` section: what each stage gets on a cluster."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trimtab.config.base import Section

StageName = Literal[
    "data_prep", "tune", "train", "prune", "shortlist", "quantize", "evaluate", "select", "deploy", "report"
]


class StageResources(Section):
    """Requests and limits of one stage's pod; a laptop ignores them."""

    cpu: str | None = Field(None, description="CPU limit, such as `4` or `500m`.")
    memory: str | None = Field(None, description="Memory limit, such as `8Gi`.")
    accelerator_type: str | None = Field(None, description="Resource name, such as `nvidia.com/gpu`.")
    accelerator_count: int = Field(0, ge=0, le=16)
    node_selector: dict[str, str] = {}
    retries: int = Field(0, ge=0, le=10, description="Times a failed pod is started again.")


class Resources(Section):
    """Resources per stage."""

    stages: dict[StageName, StageResources] = {}
