"""The ``model`` section: a built-in architecture, the user's own builder, or a saved archive."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from trimtab.config.base import Location, Section
from trimtab.config.code import Code

Architecture = Literal["mlp", "cnn", "resnet8", "ds_cnn", "text_cnn"]
Scalar = bool | int | float | str


class Model(Section):
    """Exactly one of ``architecture``, ``builder`` and ``archive``."""

    architecture: Architecture | None = Field(None, description="A built-in architecture.")
    builder: str | None = Field(
        None,
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$",
        description="`module:function`, called as function(hp, spec).",
    )
    archive: Location | None = Field(None, description="A saved `.keras` or `.h5` file, also `gs://`.")
    params: dict[str, Scalar] = Field({}, description="Hyper-parameters fixed by hand, such as `width: 32`.")
    # Filled in when a config is loaded, and no field of the YAML file.
    code: SkipJsonSchema[Code | None] = Field(None, description="The files of the builder's module.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [n for n in ("architecture", "builder", "archive") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(
                f"expected exactly one of architecture, builder, archive; got {', '.join(given) or 'none'}"
            )
        return self
