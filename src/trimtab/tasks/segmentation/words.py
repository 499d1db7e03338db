"""A mask, and how much of the image each class has."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from trimtab.tasks.masks import encoded
from trimtab.tasks.segmentation.meaning import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trimtab.tasks.base import Floats, Target


class Words:
    """See ``base.Words``."""

    output = "The output, a softmax probability of each class for each pixel, flat"

    def answers(self, outputs: Floats, target: Target) -> Iterator[dict[str, Any]]:
        """Yields ``mask``, a PNG of classes in the size of the model's input, and ``shares`` by class."""
        height, width = size_of(target.input)
        for output in outputs:
            mask = output.astype(np.uint8).reshape(height, width)
            counts = np.bincount(mask.ravel(), minlength=len(target.classes)).tolist()
            yield {
                "mask": {"b64": base64.b64encode(encoded(mask)).decode()},
                "shares": {
                    name: count / mask.size for name, count in zip(target.classes, counts, strict=True)
                },
            }
