"""A model's inputs and labels by name: ``data.inputs`` and ``data.labels``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from trimtab.config.base import Section
from trimtab.config.registered import Registered
from trimtab.registry import TASKS

Task = Annotated[str, Registered(TASKS)]
NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


class NamedInput(Section):
    """One of a model's inputs, and the columns that it is made of: one of the three."""

    columns: list[str] | None = Field(
        None, min_length=1, description="Numbers, categories and dates of a table, as one vector."
    )
    column: str | None = Field(None, description="One column by itself, such as a text.")
    files: str | None = Field(
        None, description="A column of paths of images, relative to the folder of the table."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(each is not None for each in (self.columns, self.column, self.files)) != 1:
            raise ValueError("expected one of columns, column and files, as in {columns: [age, sex]}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Returns its columns."""
        return tuple(self.columns or (str(self.column or self.files),))


class NamedLabel(Section):
    """One of several labels, each of which a model has an output for."""

    column: str | None = Field(None, description="Its column; null: that of its name.")
    task: Task | None = Field(None, description="Null: inferred from the column.")
    loss_weight: float = Field(
        1.0, gt=0, le=1e6, description="What its loss is multiplied by, in the sum that is trained for."
    )
