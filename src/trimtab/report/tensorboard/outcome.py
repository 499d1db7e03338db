"""Pictures of the outcome: confusion matrices and Pareto plots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from PIL.Image import Image

from trimtab.events import file
from trimtab.events.image import image_pb
from trimtab.report.charts.tradeoff import Cost
from trimtab.report.result import Result
from trimtab.report.tensorboard.confusion import confusion_picture
from trimtab.report.tensorboard.pareto import pareto_picture
from trimtab.report.words.verdict import find_candidate


def write_pictures(directory: Path, result: Result) -> None:
    """Writes every picture that the outcome has.

    Args:
        directory: The directory of the review.
        result: The outcome of the run.
    """
    pictures = [(tag, picture) for tag, picture in _pictures(result) if picture is not None]
    if pictures:
        file.write(directory, ((image_pb(tag, picture), 0, None) for tag, picture in pictures))


def _pictures(result: Result) -> Iterator[tuple[str, Image | None]]:
    for cost in get_args(Cost):
        yield f"pareto/{cost}", pareto_picture(result, cost)
    classes = result.data.classes if result.data else []
    for name, candidate in (("baseline", result.baseline), ("chosen", find_candidate(result, result.chosen))):
        if candidate is not None:
            yield f"confusion/{name}", confusion_picture(candidate, classes)
