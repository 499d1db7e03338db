"""Parameters of the passes that train a model while its weights become zero, or few values.

They are fields, and no class to inherit from: each pass names its own parameters before them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trimtab.config.parameters import among

SpareEnds = Annotated[
    bool,
    Field(
        description="Whether the first and the last layer stay whole where they are small.",
        json_schema_extra=among(True, False),
    ),
]
Epochs = Annotated[
    int,
    Field(
        ge=1,
        description="Epochs of pruning and fine-tuning together.",
        json_schema_extra=among(2, 5, 10, 20),
    ),
]
