"""The test examples that a model is most wrong about, with label and answer: pictures, or a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tensorboard.plugins.text.summary_v2 import text_pb

from trimtab.data.dataset.pooled import Pooled
from trimtab.data.kinds.registry import input_kind
from trimtab.events import file
from trimtab.events.drawing import pixels, tiles
from trimtab.events.image import image_pb
from trimtab.tasks.metrics.base import Form, View

MOST, _HALF = 24, 0.5


@dataclass(frozen=True)
class Mistake:
    """A test example that the model is wrong about.

    Attributes:
        row: Its place in the test split, from 0.
        label: What it is.
        answer: What the model says, and how sure it is.
    """

    row: int
    label: str
    answer: str


def write_most_wrong(directory: Path, form: Form, view: View, data: Pooled) -> None:
    """Writes the worst mistakes, as pictures where the inputs are images.

    Args:
        directory: The directory of the review.
        form: The form of the task.
        view: The labels and the model's answers on the test split, in that form.
        data: The rows that are tested.
    """
    mistakes = most_wrong(form, view, data.schema.classes)
    summaries = [(text_pb("most_wrong/table", _table(mistakes)), 0, None)]
    if mistakes and input_kind(data.schema.input.kind).is_pixels:
        images = rows_of(data, [mistake.row for mistake in mistakes])
        sheet = tiles(
            [(pixels(x), [f"is {m.label}", m.answer]) for x, m in zip(images, mistakes, strict=True)]
        )
        summaries.append(
            (image_pb("most_wrong/examples", sheet, "Of the test split, the worst first."), 0, None)
        )
    file.write(directory, summaries)


def most_wrong(form: Form, view: View, classes: Sequence[str]) -> list[Mistake]:
    """Returns the worst mistakes, the worst first; those of an example that is right are none.

    Args:
        form: The form of the task.
        view: Labels and answers in that form.
        classes: The names of the classes or labels, in order.
    """
    wrong = _wrongness(form, view)
    worst = np.argsort(-wrong, kind="stable")[:MOST]
    return [Mistake(int(row), *_told(form, view, int(row), classes)) for row in worst if wrong[row] > 0]


def rows_of(data: Pooled, rows: Sequence[int]) -> list[NDArray[np.generic]]:
    """Returns some tested rows as they are stored, in the order that is asked for."""
    wanted, first, by_row = set(rows), 0, dict[int, NDArray[np.generic]]()
    for fold in data.folds:
        for x, _ in fold.blocks("test"):
            by_row |= {row: x[row - first].copy() for row in wanted if first <= row < first + len(x)}
            first += len(x)
    return [by_row[row] for row in rows]


def _wrongness(form: Form, view: View) -> NDArray[np.float64]:
    """Returns how wrong each answer is, ``(n,)``; not over 0 where it is right."""
    labels, answers = view.labels, view.answers
    if form == "classes":
        right = answers[np.arange(len(labels)), labels]
        return np.asarray(answers.max(axis=1) - right)
    if form == "labels":
        known = labels.shape[1]
        apart = np.abs(answers[:, :known] - labels).max(axis=1)
        return np.where(((answers[:, :known] >= _HALF) != (labels > 0)).any(axis=1), apart, 0.0)
    if form == "numbers":
        return np.asarray(np.abs(answers - labels))
    return _misranked(labels > 0, answers)


def _misranked(is_one: NDArray[np.bool_], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the share of examples of the other side that each is on the wrong side of, ``(n,)``."""
    ones, others = np.sort(scores[is_one]), np.sort(scores[~is_one])
    below = np.searchsorted(others, scores) / max(len(others), 1)
    above = np.searchsorted(ones, scores) / max(len(ones), 1)
    return np.where(is_one, 1.0 - below if len(others) else 0.0, above)


def _told(form: Form, view: View, row: int, classes: Sequence[str]) -> tuple[str, str]:
    label, answer = view.labels[row], view.answers[row]
    if form == "classes":
        said = int(answer.argmax())
        name = classes[said] if said < len(classes) else "a class of its own"
        return classes[int(label)], f"says {name} ({answer[said]:.2f})"
    if form == "labels":
        is_label = [name for name, there in zip(classes, label, strict=False) if there > 0]
        said_labels = [name for name, p in zip(classes, answer, strict=False) if p >= _HALF]
        return " ".join(is_label) or "none", f"says {' '.join(said_labels) or 'none'}"
    if form == "numbers":
        return f"{label:.5g}", f"says {answer:.5g}"
    return "an anomaly" if label > 0 else "normal", f"score {answer:.4g}"


def _table(mistakes: Sequence[Mistake]) -> str:
    if not mistakes:
        return "The model is right about every test example."
    return "\n".join(["| test row | label | answer |", "| --- | --- | --- |", *_lines(mistakes)])


def _lines(mistakes: Sequence[Mistake]) -> Iterator[str]:
    for mistake in mistakes:
        cells = (str(mistake.row), mistake.label, mistake.answer)
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
