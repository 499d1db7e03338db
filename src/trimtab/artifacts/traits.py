"""The traits of a Keras model: what earlier steps made of it, and later ones have to keep."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

NAMES = ("zeros", "two_four", "clusters")
"""The traits that a model may have or not; every model has widths."""


class Traits(BaseModel):
    """The traits of a model, by the path of the kernel; see ``compress.traits`` for how they are told.

    Attributes:
        zeros: Share of zeros, where they are meant.
        two_four: Kernels with two zeros in every four weights along the input channels.
        clusters: Distinct values, where they are few, in the kernel or else in each of its channels.
        widths: Output channels.
    """

    model_config = ConfigDict(frozen=True)

    zeros: dict[str, float] = {}
    two_four: list[str] = []
    clusters: dict[str, int] = {}
    widths: dict[str, int] = {}

    @property
    def names(self) -> frozenset[str]:
        """Returns the names of those that a pass could destroy."""
        return frozenset(name for name in NAMES if getattr(self, name))
