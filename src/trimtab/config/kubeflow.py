"""The ``kubeflow`` section: what becomes of a run on a cluster that was cut off."""

from __future__ import annotations

from pydantic import Field

from trimtab.config.base import Section


class Kubeflow(Section):
    """How a run on Kubeflow goes on."""

    restarts: int = Field(
        0,
        ge=0,
        le=10,
        description="Times that `trimtab run` starts a run again of which a pod was killed, while it follows "
        "it. What was done is used again, and a training goes on from its last checkpoint.",
    )
    resume: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Id of a run in the same output directory whose checkpoints this one goes on from; "
        "`--resume` sets it.",
    )
