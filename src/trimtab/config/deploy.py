"""The ``deploy`` section: where the chosen model goes, and who is told of it."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from trimtab.config.base import Location, Section
from trimtab.config.kubernetes import Name, ServiceName, VolumeName


def _percent(value: object) -> object:
    match = re.fullmatch(r"\s*(\d+)\s*%\s*", value) if isinstance(value, str) else None
    return int(match[1]) if match else value


_PERCENT_SCHEMA = {
    "anyOf": [{"type": "integer", "minimum": 1, "maximum": 99}, {"type": "string", "pattern": "^[0-9]+ ?%$"}]
}
Percent = Annotated[int, Field(ge=1, le=99), BeforeValidator(_percent), WithJsonSchema(_PERCENT_SCHEMA)]

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+(/\S*)?$")]


class Registry(Section):
    """Registries of models, which are told of each champion."""

    kubeflow_hub: Url | None = Field(
        None,
        description="URL of a Kubeflow Hub (Model Registry), such as "
        "`http://model-registry-service.kubeflow.svc:8080`.",
    )


class KServe(Section):
    """An InferenceService that serves the champion; a version is tried out there before it becomes that."""

    name: ServiceName = Field(description="Name of the InferenceService, and of the model in paths.")
    namespace: VolumeName | None = Field(None, description="Null: the run's own.")
    mode: Literal["RawDeployment", "Serverless"] = Field(
        "RawDeployment",
        description="How KServe runs it, where it is not there yet: `Serverless` needs Knative.",
    )
    canary: Percent | None = Field(
        None,
        description="Share of the requests that a version gets while it is tried out, such as `10 %`; only "
        "with `mode: Serverless`. Null: it is tried out beside the service, without requests.",
    )
    image: str | None = Field(
        None, min_length=1, description="trimtab's image; null: what the InferenceService has."
    )
    service_account: Name | None = Field(
        None, description="Of the server's pods, where they are not there yet: it reads the repository."
    )
    timeout_s: int = Field(
        600, ge=1, le=86_400, description="Seconds until the service has to answer as the new version."
    )

    @model_validator(mode="after")
    def _can_share(self) -> Self:
        if self.canary is not None and self.mode != "Serverless":
            raise ValueError("canary only works with mode: Serverless; a RawDeployment cannot share requests")
        return self


class Deploy(Section):
    """The versioned model repository."""

    target: Location | None = Field(
        None, description="The repository's directory; null: `deployed/<name>` in the output directory."
    )
    registry: Registry = Registry()
    kserve: KServe | None = None
