"""The ``deploy`` section: where the chosen model goes, and who is told of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from trimtab.config.base import Location, Section

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+(/\S*)?$")]


class Registry(Section):
    """Registries of models, which are told of each champion."""

    kubeflow_hub: Url | None = Field(
        None,
        description="URL of a Kubeflow Hub (Model Registry), such as "
        "`http://model-registry-service.kubeflow.svc:8080`.",
    )


class Deploy(Section):
    """The versioned model repository."""

    target: Location | None = Field(
        None, description="The repository's directory; null: `deployed/<name>` in the output directory."
    )
    registry: Registry = Registry()
