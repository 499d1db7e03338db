"""The ``data.masks`` section."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from trimtab.config.base import Section


class Masks(Section):
    """How the masks of a segmentation are written: images of one channel, a number a pixel."""

    classes: Annotated[list[str], Field(min_length=2, max_length=255)] | None = Field(
        None,
        description="The names of the classes, in the order of the pixels' values from 0 on; null: the "
        "values themselves, from 0 to the largest one.",
    )
    ignore: int | None = Field(
        255, ge=0, le=65_535, description="The value of pixels that count for nothing; null: there are none."
    )
    binary: bool = Field(
        False, description="Every value but 0 is of the second class, as where masks are 0 and 255."
    )

    @model_validator(mode="after")
    def _two_classes(self) -> Self:
        if self.classes is not None and len(set(self.classes)) < len(self.classes):
            raise ValueError("classes: expected different names")
        if self.binary and self.classes is not None and len(self.classes) != 2:
            raise ValueError(f"binary: expected two classes, found {len(self.classes)}")
        return self
