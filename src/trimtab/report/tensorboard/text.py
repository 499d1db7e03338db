"""The texts of a run: its verdict, its model card, its config, and what it warns of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml
from tensorboard.plugins.text.summary_v2 import text_pb

from trimtab.events import file
from trimtab.report.card import model_card
from trimtab.report.result import Result


def write_texts(directory: Path, result: Result) -> None:
    """Writes every text, as Markdown.

    Args:
        directory: The directory of the review.
        result: The outcome of the run.
    """
    file.write(directory, ((text_pb(tag, text), 0, None) for tag, text in _texts(result)))


def _texts(result: Result) -> Iterator[tuple[str, str]]:
    yield "verdict", _verdict(result)
    yield "model_card", model_card(result)
    yield "config", _code(yaml.safe_dump(result.config, sort_keys=False, allow_unicode=True))
    yield "warnings", _listed(result.warnings) or "None."


def _verdict(result: Result) -> str:
    errors = _listed([f"{error.stage}: {error.message}" for error in result.errors])
    return "\n\n".join(filter(None, [f"**{result.verdict}**", result.why, errors]))


def _listed(lines: list[str]) -> str:
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def _code(text: str) -> str:
    """Returns text as it stands: indented, as a line of three back quotes in it could end a fence."""
    return "".join(f"    {line}\n" for line in text.splitlines())
