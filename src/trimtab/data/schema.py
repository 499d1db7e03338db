"""The schema of a dataset: what its columns mean, and what tensors they become."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from trimtab.batch import INPUT, OUTPUT
from trimtab.config.columns import ColumnKind
from trimtab.config.named import Task
from trimtab.config.registered import Registered
from trimtab.data.values.notation import Notation, NumberNotation
from trimtab.registry import COMPOUNDS, INPUTS
from trimtab.tasks.of_labels import meant

SPLITS = ("train", "validation", "test")
InputName = Annotated[str, Registered(ChainMap(INPUTS, COMPOUNDS))]


class Column(BaseModel):
    """One input column of the source.

    Attributes:
        notation: How its cells are written, where they are more than plain numbers.
    """

    name: str
    kind: ColumnKind
    notation: Notation | None = None


class TensorSpec(BaseModel):
    """An input tensor of a model, as stored in the shards and as the model takes it.

    The model's input is ``stored * scale + offset`` in float32, along the last axis (empty lists: as stored).
    Images are stored as uint8 and scaled on the way to the model, which keeps shards small.

    Attributes:
        parts: The inputs by name where there are several: what is stored are their bytes, in this order, and
            nothing else of the specification counts for the model.
        vocabulary_size: Of a part: how many tokens there are, where it has tokens.
    """

    kind: InputName
    shape: tuple[int, ...]
    stored_dtype: Literal["uint8", "float32", "int32"]
    scale: list[float] = []
    offset: list[float] = []
    parts: dict[str, TensorSpec] = Field({}, exclude_if=lambda parts: not parts)
    vocabulary_size: int | None = Field(None, exclude_if=lambda size: size is None)

    @property
    def model_dtype(self) -> str:
        """Returns the dtype of the model's input: int32 for tokens, float32 for everything else."""
        return "int32" if self.is_tokens else "float32"

    @property
    def is_tokens(self) -> bool:
        """Returns whether it is whole numbers, each that of a token."""
        return self.stored_dtype == "int32"


def shapes(schema: DatasetSchema) -> dict[str, list[int]]:
    """Returns the shapes of one example by input, where there are several."""
    return {name: list(spec.shape) for name, spec in schema.input.parts.items()}


def shapes_told(shape: Sequence[int], inputs: Mapping[str, Sequence[int]]) -> str:
    """Returns in words what one example is, by its shape or, where there are several inputs, by theirs."""
    if not inputs:
        return " x ".join(map(str, shape))
    return ", ".join(f"{name} {' x '.join(map(str, each))}" for name, each in inputs.items())


class TimeCuts(BaseModel):
    """Where splits by time begin: in seconds since 1970-01-01 UTC for dates, else in the column's unit.

    Rows of ``gap`` before a cut are in no split. A split that was given has no cut.
    """

    column: str
    validation: float | None = None
    test: float | None = None
    gap: float = 0.0


class Strata(BaseModel):
    """Rows whose side is remembered, so that rare classes are in every split and no row ever changes sides.

    Rows are known by the first 64 bits of their digest in hexadecimal digits, sides by their split's name.
    ``unsettled`` are the classes that were not in every split yet: all their rows are remembered.
    """

    placed: dict[str, str] = {}
    unsettled: list[str] = []


class Label(BaseModel):
    """One of several labels: its fields are those of ``DatasetSchema``, of this label alone."""

    task: Task
    label: str
    classes: list[str] = []
    label_mean: float = 0.0
    label_std: float = 1.0
    label_notation: NumberNotation | None = None
    loss_weight: float = 1.0


class DatasetSchema(BaseModel):
    """Everything that serving and training need to know of the data, fitted on the training split alone.

    ``split_by`` and ``spelling`` say by what the rows' sides were decided: columns, and how values are
    written (``trimtab.data.values.hashing``). Schemas that name no spelling are of the first. ``cuts`` and
    ``strata`` say where the sides follow from something else than the rows' content. Where ``labels`` names
    several, what is here of one is of the first: by it rows are shared out, and its metric comes first.
    """

    task: Task
    label: str
    classes: list[str] = []
    columns: list[Column]
    input: TensorSpec
    vocabulary_size: int | None = None
    label_mean: float = 0.0
    label_std: float = 1.0
    label_notation: NumberNotation | None = None
    thresholds: list[float] = []
    normal: str = ""
    false_alarm_rate: float = 0.05
    preprocessing: dict[str, Any]
    split_by: list[str] = []
    spelling: int = 1
    cuts: TimeCuts | None = None
    strata: Strata = Strata()
    labels: dict[str, Label] = Field({}, exclude_if=lambda labels: not labels)
    loss_weight: float = Field(1.0, exclude_if=lambda weight: weight == 1.0)

    @property
    def parts(self) -> dict[str, DatasetSchema]:
        """Returns the schema of each of several labels, as if it were alone; of one label, nothing.

        Thresholds are those of all labels' answers, side by side.
        """
        found, at = dict[str, DatasetSchema](), 0
        for name, label in self.labels.items():
            own = {field: getattr(label, field) for field in type(label).model_fields}
            part = self.model_copy(update={**own, "labels": {}, "thresholds": []})
            end = at + part.outputs
            found[name] = part.with_thresholds(self.thresholds[at:end])
            at = end
        return found

    @property
    def each_label(self) -> dict[str, DatasetSchema]:
        """Returns the parts; of one label, the schema itself, as the config's data section has it."""
        return self.parts or {"": self}

    @property
    def split_columns(self) -> tuple[str, ...]:
        """Returns the columns that decide on the sides: those of the first schema, where more were added."""
        return tuple(self.split_by or (column.name for column in self.columns))

    @property
    def notations(self) -> dict[str, Notation]:
        """Returns how cells are written, by column, where they are more than plain numbers."""
        return {column.name: column.notation for column in self.columns if column.notation is not None}

    @property
    def inputs(self) -> dict[str, TensorSpec]:
        """Returns the model's inputs by name, as a ``Batch`` has them."""
        if self.input.parts:
            return self.input.parts
        return {INPUT: self.input}

    @property
    def output_names(self) -> list[str]:
        """Returns the names of the model's outputs, as a ``Batch`` has them, in the order of answers."""
        return list(self.labels) or [OUTPUT]

    @property
    def outputs(self) -> int:
        """Returns the width of the model's answer to an example."""
        return meant(self).meaning.outputs(self)

    def with_thresholds(self, thresholds: list[float]) -> Self:
        """Returns the schema of one model's answers: that of the data, with the model's own thresholds."""
        return self.model_copy(update={"thresholds": thresholds})
