"""Masks as a class for each pixel of the model's input."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from trimtab.errors import DataError
from trimtab.tasks.masks import IGNORED, MOST_CLASSES, decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trimtab.config.data import Data
    from trimtab.tasks.base import Input, LabelSummary, LabelValues, Target, YDtype


class Meaning:
    """See ``base.Meaning``; an image counts for each class that its mask has."""

    takes_several = False
    takes_masks = True
    trains_on_normal_rows = False
    is_numeric = False
    y_dtype: YDtype = "uint8"

    def y_shape(self, target: Target) -> tuple[int, ...]:
        """Returns a place a pixel, row by row."""
        return (math.prod(size_of(target.input)),)

    def is_likely(self, column: LabelSummary, config: Data) -> bool:  # noqa: ARG002
        """Returns whether the config says how masks are written."""
        return config.masks is not None

    def unlabelled(self, column: LabelSummary, rows: int) -> int:  # noqa: ARG002
        """See ``base.Meaning.unlabelled``."""
        return column.missing

    def counts(self, column: LabelSummary) -> Mapping[str, int]:
        """Returns the images that have a pixel of each class."""
        return column.frequent.counts

    def classes(self, column: LabelSummary, label: str, config: Data) -> list[str]:
        """Returns the names in the config, or the values from 0 to the largest one."""
        if config.masks is not None and config.masks.classes is not None:
            return list(config.masks.classes)
        found = sorted(int(name) for name in column.frequent.counts)
        if len(found) < 2:
            raise DataError(
                f"every pixel of the masks is {found[0] if found else 'ignored'}: there is nothing to learn",
                path=config.train,
                field=label,
                hint="Where masks are 0 and 255, set data.masks: {binary: true}; 255 is ignored else.",
            )
        return [str(value) for value in range(min(found[-1], MOST_CLASSES - 1) + 1)]

    def objection(self, columns: Mapping[str, LabelSummary], config: Data) -> tuple[str, str] | None:  # noqa: ARG002
        """See ``base.Meaning.objection``."""
        return None

    def scale(self, column: LabelSummary) -> tuple[float, float]:  # noqa: ARG002
        """See ``base.Meaning.scale``."""
        return 0.0, 1.0

    def outputs(self, target: Target) -> int:
        """Returns one a class for each pixel.

        Raises:
            DataError: If the input is no image.
        """
        return math.prod(size_of(target.input)) * len(target.classes)

    def encode(self, labels: LabelValues, target: Target) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Returns the class of each pixel, ``(n, pixels)``, ``IGNORED`` where it counts for nothing."""
        height, width = size_of(target.input)
        y = np.full((len(labels.masks), height * width), IGNORED, np.uint8)
        for row, content in enumerate(labels.masks.to_pylist()):
            if content is not None:
                y[row] = decoded(content, height, width).ravel()
        return y, pc.is_valid(labels.masks).to_numpy(zero_copy_only=False)

    def class_indices(self, y: NDArray[Any]) -> list[int]:
        """Returns the classes of every image, each once."""
        indices = (np.unique(mask) for mask in y)
        return [int(index) for found in indices for index in found if index != IGNORED]


def size_of(given: Input) -> tuple[int, int]:
    """Returns the height and the width of an image that is a model's input.

    Raises:
        DataError: If it is none.
    """
    if given.kind != "image":
        raise DataError(
            f"expected one image as the input of a segmentation, found {given.kind}",
            field="data.inputs",
            hint="Name the column of images alone: data.inputs: {image: {files: …}}.",
        )
    height, width, _ = given.shape
    return height, width
