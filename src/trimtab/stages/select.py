"""The select stage: latency side by side, the proof of every drop, the Pareto front, and the choice."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab import progress
from trimtab.artifacts.evaluation import Evaluation, Latency
from trimtab.artifacts.selection import CandidateResult, Selection
from trimtab.batch import INPUT
from trimtab.config.chains import BASELINE
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy import golden
from trimtab.errors import ArtifactError, ModelError
from trimtab.evaluate import budget, latency, pareto, significance
from trimtab.evaluate.turns import Served
from trimtab.runtimes import files
from trimtab.runtimes.registry import runtime
from trimtab.stages.evaluate import EVALUATION_FILE, OUTPUTS_FILE, SCORES_FILE
from trimtab.stages.stage import recorded, records
from trimtab.storage import artifact

SELECTION_FILE = "selection.json"
_LATENCY_EXAMPLES = 64
_GOLDEN_EXAMPLES = 16


@dataclass(frozen=True)
class _Entry:
    """A candidate with the artifacts that describe it."""

    directory: Path
    evidence: Path
    evaluation: Evaluation

    @property
    def served(self) -> Served:
        return Served(self.evaluation.runtime, self.directory)

    @property
    def scores(self) -> NDArray[np.float32]:
        return np.asarray(np.load(self.evidence / SCORES_FILE, allow_pickle=False))

    @property
    def outputs(self) -> NDArray[np.float32]:
        return np.asarray(np.load(self.evidence / OUTPUTS_FILE, allow_pickle=False))


def run(
    *, config: str, run: str, dataset: str, quantized: list[str], evaluations: list[str], selection: str
) -> bool:
    """Chooses the candidate to ship.

    Args:
        config: The resolved config, as JSON.
        run: The URI of the run's directory.
        dataset: The ``dataset`` artifact.
        quantized: The ``candidate`` artifacts, in any order.
        evaluations: Their ``evaluation`` artifacts, in any order.
        selection: Where the ``selection`` artifact goes.

    Returns:
        Whether a candidate is within the budget.
    """
    settings = Config.model_validate_json(config)
    with recorded("select", run) as record:
        data = Dataset.open(dataset)
        entries = _entries(quantized, evaluations, data)
        models = {name: entry.served for name, entry in entries.items() if entry.evaluation.ok}
        x, _ = data.head("test", _LATENCY_EXAMPLES)
        latencies, runs = latency.measure(
            models, {name: {INPUT: x} for name in models}, settings.budget.threads, settings.seed
        )
        finalists = _finalists(entries, latencies, settings, data.schema.task)
        decided = _decide(entries, finalists, settings, data.schema.task, _missing(run, settings))
        _write(selection, decided, entries, data)
        record.summary = {
            **decided.model_dump(mode="json"),
            "latency_runs": runs,
            "threads": settings.budget.threads,
            "cpu": _cpu(),
        }
        progress.say("select", decided.verdict)
    return decided.chosen is not None


def _entries(quantized: Sequence[str], evaluations: Sequence[str], data: Dataset) -> dict[str, _Entry]:
    """Returns every evaluated candidate by id, after checking that the artifacts belong together."""
    sources = {found.digest: found for found in (artifact.load(path, "candidate") for path in quantized)}
    entries: dict[str, _Entry] = {}
    for evidence in (artifact.load(path, "evaluation") for path in evaluations):
        source = sources.get(str(evidence.lineage["quantized"]))
        if source is None or evidence.lineage["dataset"] != data.fingerprint:
            raise ArtifactError("evaluates another candidate or other data", path=str(evidence.path))
        content = (evidence.path / EVALUATION_FILE).read_bytes()
        found = Evaluation.model_validate_json(content)
        entries[found.candidate] = _Entry(source.path, evidence.path, found)
    if BASELINE not in entries:
        raise ArtifactError("the baseline is missing among the evaluations", field=BASELINE)
    baseline = entries[BASELINE].evaluation
    if not baseline.ok:
        raise ModelError(f"the baseline cannot be judged: {baseline.reason}", field=BASELINE)
    return entries


def _finalists(
    entries: dict[str, _Entry], latencies: dict[str, Latency], settings: Config, task: str
) -> dict[str, budget.Finalist]:
    """Returns what the budget judges, for every candidate that works; the baseline has no drop."""
    limits, before = settings.budget, entries[BASELINE].scores
    limit = budget.accuracy_budget(limits, task)
    found = {}
    for name, measured in latencies.items():
        scores, needed = entries[name].scores, None
        if name == BASELINE:
            drop = significance.no_drop(len(before), limits.confidence)
        else:
            drop = significance.drop(before, scores, limits.confidence, task)
            if drop.upper_bound > limit:
                needed = significance.examples_needed(before, scores, limit, limits.confidence, task)
        size = entries[name].evaluation.size_bytes
        found[name] = budget.Finalist(name, drop, measured, size, needed)
    return found


def _decide(
    entries: dict[str, _Entry],
    finalists: dict[str, budget.Finalist],
    settings: Config,
    task: str,
    missing: dict[str, str],
) -> Selection:
    limits = settings.budget
    reasons = {name: budget.reasons(finalist, limits, task) for name, finalist in finalists.items()}
    within = [finalist for name, finalist in finalists.items() if not reasons[name]]
    chosen = None
    if within:
        best, verdict = budget.choose(within, finalists[BASELINE], limits)
        chosen = best.name
    else:
        verdict = budget.nothing_passes(list(finalists.values()), limits, task)
    front = pareto.front({name: _axes(entries[name].evaluation, f) for name, f in finalists.items()})
    results = {
        name: _result(name, settings, entries.get(name), finalists.get(name), reasons.get(name))
        for name in settings.candidates()
    }
    for name in front:
        results[name].on_pareto_front = True
    for name, reason in missing.items():
        if name not in entries:
            results[name].reasons = [reason]
    return Selection(
        baseline=results[BASELINE], candidates=list(results.values()), chosen=chosen, verdict=verdict
    )


def _axes(evaluation: Evaluation, finalist: budget.Finalist) -> tuple[float, float, float]:
    metrics = evaluation.metrics
    error = 1 - metrics["accuracy"] if "accuracy" in metrics else metrics["mae"]
    return error, finalist.latency.p50, float(finalist.size_bytes)


def _result(
    name: str,
    settings: Config,
    entry: _Entry | None,
    finalist: budget.Finalist | None,
    reasons: list[str] | None,
) -> CandidateResult:
    """Returns everything known of a candidate; one that could not be made is not ok, and has its reason."""
    recipe = settings.candidates()[name].to_json()
    if entry is None:
        return CandidateResult(id=name, recipe=recipe, ok=False, reasons=["it was not made"])
    found = entry.evaluation
    cost: dict[str, Any] = found.cost.model_dump() if found.cost else {}
    if finalist is None or reasons is None:
        return CandidateResult(id=name, recipe=recipe, ok=False, reasons=[found.reason], **cost)
    return CandidateResult(
        id=name,
        recipe=recipe,
        runtime=found.runtime,
        ok=True,
        metrics=found.metrics,
        per_class=found.per_class,
        confusion=found.confusion,
        drop=finalist.drop,
        latency_ms=finalist.latency,
        size_bytes=found.size_bytes,
        gzip_bytes=found.gzip_bytes,
        within_budget=not reasons,
        reasons=reasons,
        **cost,
    )


def _missing(run: str, settings: Config) -> dict[str, str]:
    """Returns why the shortlist left candidates out, by candidate, as far as its record says."""
    dropped: dict[str, Any] = {}
    for found in records(run):
        if found.stage == "shortlist":
            dropped = dict(found.summary.get("dropped", {}))
    ids = settings.candidates()
    return {name: str(dropped[c.branch.id]) for name, c in ids.items() if dropped.get(c.branch.id)}


def _write(selection: str, decided: Selection, entries: dict[str, _Entry], data: Dataset) -> None:
    with artifact.create(selection, "selection") as draft:
        (draft.path / SELECTION_FILE).write_text(decided.model_dump_json(indent=2) + "\n")
        draft.lineage = {"dataset": data.fingerprint, "candidate": decided.chosen}
        if decided.chosen is None:
            return
        entry = entries[decided.chosen]
        serving = runtime(entry.served.runtime)
        draft.lineage |= {"runtime": serving.name, "runtime_version": serving.version()}
        files.copy(serving, entry.directory, draft.path)
        _golden(entry, _recipe(decided), data).save(draft.path / golden.GOLDEN_FILE)


def _recipe(decided: Selection) -> list[dict[str, Any]]:
    return next(found.recipe for found in decided.candidates if found.id == decided.chosen)


def _golden(entry: _Entry, recipe: list[dict[str, Any]], data: Dataset) -> golden.Golden:
    x, _ = next(data.blocks("test"))
    x = x[:_GOLDEN_EXAMPLES]
    y = runtime(entry.served.runtime).load(entry.directory).predict({INPUT: data.model_input(x)})
    in_int8 = any(name in ("int8", "qat_int8") for step in recipe for name in step)
    return golden.Golden({INPUT: x}, y, golden.tolerance(entry.outputs, in_int8))


def _cpu() -> str:
    """Returns the name of the CPU that the latencies were measured on."""
    return next(_model_names(), platform.processor() or platform.machine())


def _model_names() -> Iterator[str]:
    """Yields the names in Linux's ``/proc/cpuinfo``; elsewhere there is no such file, and no name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            yield value.strip()
