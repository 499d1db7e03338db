"""What a model in service knows of its data: the reference that new data is held against."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from trimtab.config.data import Data
from trimtab.data.dataset.dataset import SCHEMA_FILE, STATISTICS_FILE
from trimtab.data.schema import DatasetSchema
from trimtab.data.statistics.summary import Summary
from trimtab.errors import ArtifactError


@dataclass(frozen=True)
class Reference:
    """The data of the champion.

    Attributes:
        schema: What it meant, and the fitted preprocessing.
        train: The summary of its training split; None where it was lost.
        settings: The config's data section then; None where it was lost.
    """

    schema: DatasetSchema
    train: Summary | None = None
    settings: Data | None = None

    @classmethod
    def load(cls, directory: Path, settings: Data | None) -> Self:
        """Returns the reference that a directory holds as ``schema.json`` and, if any, ``statistics.json``.

        Args:
            directory: The directory.
            settings: The config's data section then; None where it was lost.

        Raises:
            ArtifactError: If one of them cannot be used.
        """
        statistics = directory / STATISTICS_FILE
        try:
            schema = DatasetSchema.model_validate_json((directory / SCHEMA_FILE).read_bytes())
            train = json.loads(statistics.read_bytes())["train"] if statistics.is_file() else None
            return cls(schema, None if train is None else Summary.from_dict(train), settings)
        except (OSError, ValidationError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"no usable schema or statistics: {error}", path=str(directory)) from error
