"""What a model builder is told about the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trimtab.batch import INPUT, OUTPUT


@dataclass(frozen=True)
class InputSpec:
    """One input of a model.

    Attributes:
        kind: The kind of input, a name of ``registry.INPUTS``.
        shape: Of one example.
        dtype: ``int32`` for tokens, else ``float32``.
        vocabulary_size: Token numbers are below it; None where the input is not tokens.
    """

    kind: str
    shape: tuple[int, ...]
    dtype: str
    vocabulary_size: int | None = None


@dataclass(frozen=True)
class AnswerSpec:
    """One output of a model.

    Attributes:
        task: A name of ``registry.TASKS``.
        outputs: Its width.
    """

    task: str
    outputs: int


@dataclass(frozen=True)
class ModelSpec:
    """The contract between data and model.

    A model takes one tensor of ``(batch, *input_shape)``, or the tensors that ``inputs`` names, and returns
    ``(batch, outputs)``, or the tensors that ``answers`` names: softmax probabilities for classification, one
    standardized value for regression; see the task's ``learning``.

    Attributes:
        kind: The kind of input, a name of ``registry.INPUTS``; ``named`` where there are several.
        like: Kinds whose architectures take these tensors, too.
        task: A name of ``registry.TASKS``.
        input_shape: Of one example; where there are several inputs, see ``inputs``.
        input_dtype: ``int32`` for tokens, else ``float32``.
        outputs: Width of the output; of several, all widths together.
        vocabulary_size: Token numbers are below it; None where the input is not tokens.
        inputs: The inputs by name, of which a model has a ``keras.Input`` each; the only one is ``input``.
        answers: The outputs by name, each of which is what the layer of its name gives; the only one is
            ``output``, whatever its layer is called.
    """

    kind: str
    task: str
    input_shape: tuple[int, ...]
    input_dtype: str
    outputs: int
    vocabulary_size: int | None = None
    like: tuple[str, ...] = ()
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    answers: Mapping[str, AnswerSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.answers:
            object.__setattr__(self, "answers", {OUTPUT: AnswerSpec(self.task, self.outputs)})
        if not self.inputs:
            only = InputSpec(self.kind, self.input_shape, self.input_dtype, self.vocabulary_size)
            object.__setattr__(self, "inputs", {INPUT: only})
