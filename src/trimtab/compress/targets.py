"""How small or fast a pass makes a whole model: by what can be counted, and by what only files can tell."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from trimtab.config.base import Section
from trimtab.config.parameters import among, between
from trimtab.registry import RUNTIMES, module

_Share = Annotated[float | None, Field(gt=0, lt=1, json_schema_extra=between(0.1, 0.9))]


def _known(runtime: str) -> str:
    if runtime not in RUNTIMES:
        raise ValueError(f"there is no runtime {runtime!r}, but {', '.join(RUNTIMES)}")
    return runtime


class Form(Section):
    """In what files a model is measured."""

    runtime: Annotated[str, AfterValidator(_known)] = Field(
        "litert",
        description="The runtime whose files are measured.",
        json_schema_extra=among("litert"),
    )
    quantization: str = Field(
        "none",
        description="The quantization in which they are measured, one of the runtime's own.",
        json_schema_extra=among("none"),
    )

    @model_validator(mode="after")
    def _can_be_measured(self) -> Form:
        known = module(RUNTIMES, self.runtime).RUNTIME.quantizers
        if self.quantization not in known:
            raise ValueError(
                f"{self.runtime} has no quantization {self.quantization!r} of its own, but {', '.join(known)}"
            )
        return self


class Shares(Section):
    """How small the whole model becomes."""

    macs: _Share = Field(None, description="Share of the multiply-accumulates that may stay.")
    parameters: _Share = Field(None, description="Share of the parameters that may stay.")

    @model_validator(mode="after")
    def _says_something(self) -> Shares:
        limits = self._limits()
        if all(getattr(self, name) is None for name in limits):
            raise ValueError(f"expected {', '.join(limits[:-1])} or {limits[-1]}")
        return self

    def _limits(self) -> list[str]:
        return ["macs", "parameters"]

    @property
    def shares(self) -> dict[str, float]:
        """Returns the share that may stay by its unit, of what can be counted."""
        given = {"macs": self.macs, "parameters": self.parameters}
        return {unit: share for unit, share in given.items() if share is not None}


class Target(Shares, Form):
    """How small, and how fast, the whole model becomes."""

    bytes_ratio: _Share = Field(
        None, description="Share of the bytes that may stay, of the files after gzip."
    )
    latency_ratio: _Share = Field(
        None, description="Share of the latency that may stay, as measured: one example on one thread."
    )
    latency_ms: float | None = Field(
        None, gt=0, description="The most milliseconds that an example may take."
    )

    def _limits(self) -> list[str]:
        return [*super()._limits(), "bytes_ratio", "latency_ratio", "latency_ms"]

    @property
    def is_timed(self) -> bool:
        """Returns whether latency has a limit."""
        return self.latency_ratio is not None or self.latency_ms is not None

    @property
    def is_measured(self) -> bool:
        """Returns whether something has a limit that only files can tell."""
        return self.is_timed or self.bytes_ratio is not None
