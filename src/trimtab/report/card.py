"""The model card: what was deployed, what it can do, and what is known of it, as Markdown.

The head is that of the Hugging Face Hub: https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import yaml

from trimtab.artifacts.selection import CandidateResult
from trimtab.report.result import Result
from trimtab.report.words import numbers, parts
from trimtab.report.words import proof as words
from trimtab.report.words.commands import commands
from trimtab.report.words.ranges import ranges as ranges_words
from trimtab.report.words.verdict import find_candidate

_PIPELINES = {
    "classification": {
        "tabular": "tabular-classification",
        "text": "text-classification",
        "image": "image-classification",
        "audio": "audio-classification",
    },
    "multilabel": {"text": "text-classification", "image": "image-classification"},
    "regression": {"tabular": "tabular-regression"},
}
"""The Hub's names of what models do, by task and by what they take; for other pairs it has none."""


def model_card(result: Result) -> str:
    """Returns the model card of a run's outcome; of a run that chose nothing, it says that and why.

    Args:
        result: The outcome of the run.
    """
    chosen = find_candidate(result, result.chosen)
    sections = [f"# {result.config.get('name', result.run_id)}", "\n\n".join(_outcome(result))]
    if chosen is not None:
        sections += [_use(result), _quality(result, chosen), _proof(result), _making(result, chosen)]
    sections += [_data(result), _limits(result)]
    return "\n\n".join(section for section in sections if section) + "\n"


def with_head(result: Result) -> str:
    """Returns the model card with the head by which the Hub files and compares models."""
    head = yaml.safe_dump(_head(result), sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n{model_card(result)}"


def _head(result: Result) -> dict[str, Any]:
    chosen = find_candidate(result, result.chosen)
    head: dict[str, Any] = {"tags": ["trimtab", "model-compression"]}
    if chosen is None:
        return head
    kind = result.task or "other"
    name = result.config.get("name", result.run_id)
    measured = [{"type": metric, "value": value} for metric, value in chosen.all_metrics.items()]
    data = {"type": "own", "name": name, "split": "test" if _folds(result) == 1 else "out of fold"}
    pipeline = _PIPELINES.get(kind, {}).get(result.data.input_kind if result.data else "")
    does = {"pipeline_tag": pipeline} if pipeline else {}
    task = {"type": pipeline or kind}
    index = {"name": name, "results": [{"task": task, "dataset": data, "metrics": measured}]}
    return {"library_name": chosen.runtime, **does, **head, "model-index": [index]}


def _outcome(result: Result) -> Iterator[str]:
    yield from filter(None, (result.verdict, result.why))
    for label, uri in (("Deployed at", result.deployed), ("Report", result.report)):
        if uri:
            yield f"{label}: `{uri}`"


def _use(result: Result) -> str:
    """Returns how to use it, where it was deployed."""
    if not result.deployed:
        return ""
    target, _, version = result.deployed.rstrip("/").rpartition("/")
    lines = [
        shlex.join(["trimtab", "predict", target, "--version", version, "--input", "rows.csv"]),
        shlex.join(["trimtab", "serve", target]),
    ]
    return "## How to use it\n\n```sh\n" + "\n".join(lines) + "\n```"


def _quality(result: Result, chosen: CandidateResult) -> str:
    columns = {"baseline": result.baseline, chosen.id: chosen}
    measured = [(candidate.all_metrics if candidate else {}) for candidate in columns.values()]
    rows = {
        name: [f"{metrics[name]:.4g}" if name in metrics else "" for metrics in measured]
        for name in chosen.all_metrics
    }
    rows["bytes"] = [
        numbers.size(candidate.size_bytes if candidate else None) for candidate in columns.values()
    ]
    rows["median latency, ms"] = [
        numbers.within(candidate.latency_ms.p50, candidate.latency_ms.p50_interval)
        if candidate and candidate.latency_ms
        else numbers.ABSENT
        for candidate in columns.values()
    ]
    where = "On the test split" if (count := _folds(result)) == 1 else f"Out of fold, by {count} models"
    table = _table(["", *columns], [[name, *cells] for name, cells in rows.items()])
    worst = parts.sentence(result.parts, chosen.quality)
    return "\n\n".join(filter(None, [f"## {where}", table, worst]))


def _folds(result: Result) -> int:
    return result.proof.folds if result.proof else 1


def _proof(result: Result) -> str:
    if result.proof is None:
        return ""
    told = [words.claim(result.proof), words.sentence(result.proof)]
    return "## How sure that is\n\n" + "\n\n".join(_sentence(text) for text in told if text)


def _making(result: Result, chosen: CandidateResult) -> str:
    chain = json.dumps(chosen.recipe, indent=2, ensure_ascii=False)
    told = ["## How it was made", f"`{chosen.id}`, for {chosen.runtime}:", f"```json\n{chain}\n```"]
    if ranges := ranges_words(chosen.ranges):
        told.append(_sentence(ranges))
    told += [f"{command.meaning}:\n\n```sh\n{command.line}\n```" for command in commands(result)]
    return "\n\n".join(told)


def _data(result: Result) -> str:
    if result.data is None:
        return ""
    splits = ", ".join(f"{numbers.count(rows)} for {split}" for split, rows in result.data.rows.items())
    if result.data.folds > 1:
        splits = (
            f"{numbers.count(result.data.tested)}, tested in {result.data.folds} folds; in the first {splits}"
        )
    lines = [f"Rows: {splits}.", f"Fingerprint of the content: `{result.data.fingerprint}`."]
    if classes := result.data.classes:
        lines.insert(1, f"Classes: {', '.join(f'`{name}`' for name in classes)}.")
    return "## Data\n\n" + "\n\n".join(lines)


def _limits(result: Result) -> str:
    known = [
        "What is said here holds of rows like those of the test split. Of others, and of what the model is "
        "used for, nothing was tested."
    ]
    known += [f"- {_sentence(text)}" for text in (result.data.warnings if result.data else [])]
    return "## Limits\n\n" + "\n".join(known)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _sentence(text: str) -> str:
    said = text[:1].upper() + text[1:]
    return said if said.endswith((".", "!", "?")) else f"{said}."
