"""The ``model`` section: a built-in architecture, a preset, the user's own builder, or a saved archive."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from trimtab.config.base import Location, Section
from trimtab.config.code import Code
from trimtab.config.registered import Registered
from trimtab.registry import ARCHITECTURES

Architecture = Annotated[str, Registered(ARCHITECTURES)]
Scalar = bool | int | float | str
ClassName = Annotated[str, BeforeValidator(lambda name: str(name) if type(name) is int else name)]
APPLICATIONS = "keras_applications/"
"""What the name of a preset of Keras Applications begins with."""

InputRange = Literal["standardized", "raw"] | tuple[float, float]


class ReadingLimits(Section):
    """What reading an archive may take: it is read by a child process, as nobody knows what comes out."""

    seconds: float = Field(
        60.0, gt=0, description="How long; 20 MB of the file take one second more, or 2 MB of a SavedModel."
    )
    memory_mb: int = Field(
        768,
        ge=64,
        description="Memory above what the process has at its start, beside twice the file's size.",
    )
    weights_mb: int = Field(
        1024, ge=1, description="What weights that are stored compressed may come to, or four times the file."
    )


class Model(Section):
    """One of ``architecture``, ``preset``, ``builder``, ``archive``; or a builder and its archive."""

    architecture: Architecture | None = Field(None, description="A built-in architecture.")
    preset: str | None = Field(
        None,
        min_length=1,
        description="A backbone for images or texts: the name of a preset of KerasHub, a directory of "
        "`save_to_preset` (here, `gs://`, `s3://`), or `keras_applications/` and the name of a model there.",
    )
    weights: str | None = Field(
        None,
        min_length=1,
        description="Of a model of Keras Applications: `imagenet`, or a file of its weights; null: random.",
    )
    builder: str | None = Field(
        None,
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$",
        description="`module:function`, called as function(hp, spec). Beside an archive: what it makes takes "
        "the archive's weights.",
    )
    archive: Location | None = Field(
        None,
        description="A saved `.keras` or `.h5` file, also `gs://`, `s3://`; of a builder also `.weights.h5`; "
        "in `trimtab compress` also a file of a runtime, or the directory of a SavedModel.",
    )
    input: InputRange | None = Field(
        None,
        description="What an archive takes: `standardized` (what trimtab's own models take), `raw` (pixels "
        "0..255, numbers of a table as they are), or for images and audio `[low, high]`; null: raw where the "
        "archive begins by rescaling or takes integers, else standardized.",
    )
    output: Literal["standardized", "raw"] | None = Field(
        None,
        description="What an archive of a regression answers: the label in its unit (`raw`), or standardized "
        "by its mean and deviation; null: standardized, and raw in `trimtab compress`.",
    )
    classes: list[ClassName] | None = Field(
        None,
        min_length=2,
        description="An archive's classes in the order of its outputs; null: those of the labels, sorted.",
    )
    params: dict[str, Scalar] = Field({}, description="Hyper-parameters fixed by hand, such as `width: 32`.")
    limits: ReadingLimits = Field(
        ReadingLimits(), description="What opening an archive may take; more is refused."
    )
    # Filled in when a config is loaded, and no field of the YAML file.
    code: SkipJsonSchema[Code | None] = Field(None, description="The files of the builder's module.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [n for n in ("architecture", "preset", "builder", "archive") if getattr(self, n) is not None]
        if len(given) != 1 and given != ["builder", "archive"]:
            raise ValueError(
                "expected exactly one of architecture, preset, builder, archive, or builder and archive; "
                f"got {', '.join(given) or 'none'}"
            )
        return self

    @model_validator(mode="after")
    def _of_an_application(self) -> Self:
        if self.weights is not None and not (self.preset or "").startswith(APPLICATIONS):
            raise ValueError(f"weights is for a preset of {APPLICATIONS}…; others bring their own")
        if self.preset is not None and self.params:
            raise ValueError("params: a preset has no hyper-parameters")
        return self

    @model_validator(mode="after")
    def _form_of_an_archive(self) -> Self:
        given = [name for name in ("input", "output", "classes") if getattr(self, name) is not None]
        if given and self.archive is None:
            raise ValueError(f"{given[0]} is for an archive; other models are made for the data")
        if self.classes and len(set(self.classes)) < len(self.classes):
            raise ValueError("classes: a name is there twice")
        if isinstance(self.input, tuple) and self.input[0] >= self.input[1]:
            raise ValueError(f"input: expected [low, high] with low < high; got {list(self.input)}")
        return self
