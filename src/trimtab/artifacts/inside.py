"""What is inside a candidate's files: its layers, what each costs, and how far each is from Keras."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

FILE = "inside.json"


class GraphSize(BaseModel):
    """How much there is to compute: in the Keras model, in the file, and as it runs."""

    operations: int | None = Field(
        None, description="Calls of layers in the Keras model; null where the model came as a file."
    )
    weights_bytes: int | None = Field(None, description="Of the Keras model's weights, in 32-bit floats.")
    operators: int = Field(
        description="In the file: batch normalizations and constants are folded, dropout is gone."
    )
    executed: int = Field(
        description="As they run, fused by the runtime; LiteRT's XNNPACK takes many as one."
    )


class LayerInside(BaseModel):
    """A layer, as a runtime's file has it; those that are computed in one operator are one."""

    name: str = Field(description="The Keras layers, in their order: `conv_1 + bn_1 + relu_1`.")
    kind: str = Field(description="The runtime's operators.")
    size_bytes: int = Field(description="Of its constants.")
    error: float | None = Field(
        None,
        description="How far its output is from that of the Keras model that the file was made from: the "
        "root mean square of the difference over that of the output. Null: there is nothing to compare with.",
    )
    loss: float | None = Field(
        None,
        description="What was lost on validation examples with this layer alone quantized, as the budget "
        "counts it. Null: it was not asked, as by `max_drop` of LiteRT's `int8`.",
    )


class LayersInside(BaseModel):
    """The layers of a candidate's files.

    Attributes:
        layers: In the order in which they run; none where the runtime cannot show them.
        examples: Training examples that the errors were measured on.
        why_not: Why there are no errors, or no layers.
    """

    layers: list[LayerInside] = []
    examples: int = 0
    why_not: str = ""


class OperatorTime(BaseModel):
    """How long an operator takes for one example, as it runs."""

    name: str = Field(description="As the file calls it.")
    kind: str = Field(description="As the runtime calls it.")
    milliseconds: float


class Inside(BaseModel):
    """What is inside a candidate's files.

    Attributes:
        layers: Its layers.
        times: Its operators as they run; none where the runtime cannot say.
        how_timed: How, or why not.
    """

    layers: LayersInside = LayersInside()
    times: list[OperatorTime] = []
    how_timed: str = ""


def write(directory: Path, layers: LayersInside) -> None:
    """Writes the layers beside a candidate's files."""
    (directory / FILE).write_text(layers.model_dump_json() + "\n")


def read(directory: Path) -> LayersInside:
    """Returns the layers of a candidate's files; of those that an earlier trimtab made, none are known."""
    try:
        return LayersInside.model_validate_json((directory / FILE).read_bytes())
    except FileNotFoundError:
        return LayersInside(why_not="they were not looked at when the file was made")
