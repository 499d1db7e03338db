"""What reading data may take: a small file can hold far more than anybody has room for."""

from __future__ import annotations

from pydantic import Field

from trimtab.config.base import Section


class DataLimits(Section):
    """What reading data may take; more is refused, by an error that names the limit."""

    file_mb: int = Field(256, ge=1, description="An image, a clip, or another file of a folder or a .zip.")
    image_pixels: int = Field(2**26, ge=1, description="Pixels of an image: 8,192 x 8,192.")
    clip_seconds: float = Field(600.0, gt=0, description="Length of a clip.")
    clip_samples: int = Field(
        2**26, ge=1, description="Samples of a clip, all channels: ten minutes of stereo at 48 kHz."
    )
    record_mb: int = Field(64, ge=1, le=1024, description="CSV: a record, and the header.")
    row_mb: int = Field(256, ge=1, description="npz: a row of an array.")
    array_mb: int = Field(
        512, ge=1, description="npz: an array stored column by column, which is read as a whole."
    )
    expansion: int = Field(
        100, ge=1, description=".zip and Parquet: what comes out of a file, as a multiple of what is stored."
    )
    expanded_mb: int = Field(
        1024, ge=1, description="Parquet: what may come out of a column whatever its expansion."
    )

    @property
    def changed(self) -> dict[str, int | float]:
        """Returns those that are not the usual ones, by name."""
        return {
            name: value for name in type(self).model_fields if (value := getattr(self, name)) != _USUAL[name]
        }


_USUAL = {name: field.default for name, field in DataLimits.model_fields.items()}
DEFAULT = DataLimits()


def named(limit: str) -> str:
    """Returns the setting that a message names, ``data.limits.<limit>``."""
    assert limit in _USUAL
    return f"data.limits.{limit}"
