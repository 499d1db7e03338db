"""What the data tells a model builder."""

from __future__ import annotations

from trimtab.data.kinds.registry import input_kind
from trimtab.data.schema import DatasetSchema
from trimtab.models.spec import AnswerSpec, InputSpec, ModelSpec


def model_spec(schema: DatasetSchema) -> ModelSpec:
    """Returns the model's side of a dataset's schema."""
    return ModelSpec(
        kind=schema.input.kind,
        task=schema.task,
        input_shape=schema.input.shape,
        input_dtype=schema.input.model_dtype,
        outputs=schema.outputs,
        vocabulary_size=schema.vocabulary_size,
        inputs={
            name: InputSpec(each.kind, each.shape, each.model_dtype, each.vocabulary_size)
            for name, each in schema.input.parts.items()
        },
        answers={name: AnswerSpec(part.task, part.outputs) for name, part in schema.parts.items()},
        like=input_kind(schema.input.kind).like,
    )
