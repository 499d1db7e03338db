"""The select stage: latency side by side, the proof of every drop, the Pareto front, and the choice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from trimtab import progress
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts.evaluation import Evaluation, HeadlineValue, Latency, read_test
from trimtab.artifacts.proof import LimitTest, Reuse
from trimtab.artifacts.selection import CandidateResult, Selection, SelectSummary
from trimtab.batch import Batch
from trimtab.config.budget import Budget
from trimtab.config.chains import BASELINE, numbered
from trimtab.config.config import Config
from trimtab.cpus import processor
from trimtab.errors import ArtifactError, ModelError
from trimtab.evaluate import budget, latency, out_of_fold, pareto, significance
from trimtab.evaluate.demands import headline_limit
from trimtab.report.words import proof as words
from trimtab.report.words.doubts import doubts
from trimtab.stages import decided as decided_before
from trimtab.stages import evaluated, inside, proving, rare, reuse, settings, shipped, tokens, trial, uneven
from trimtab.stages.evaluated import Entry
from trimtab.stages.stage import Task, recorded

Scores = NDArray[np.float32]
_LATENCY_EXAMPLES = 64


def run(run_uri: str, dataset: str, model: str, evaluations: list[str]) -> bool:
    """Chooses the candidate to ship, and leaves it in ``selection/`` of the run's directory.

    Args:
        run_uri: The URI of the run's directory.
        dataset: The reference of the dataset.
        model: The reference of the trained model.
        evaluations: The references of all shards' evaluations, in any order.

    Returns:
        Whether a candidate is within the budget.
    """
    with recorded("select", run_uri) as task:
        tokens.recall(run_uri, task.record.stage, numbered(len(evaluations)))
        config = settings.decided(run_uri)
        data = datasets.read(task.store, dataset, proving.splits(config.budget))
        tested = datasets.pooled(task.store, dataset)
        entries, missing = evaluated.entries(task.store, evaluations)
        _check_origin(entries, model, dataset)
        refs = {name: entry.ref for name, entry in entries.items()}
        if (kept := decided_before.before(run_uri, dataset, refs, processor())) is not None:
            progress.say("select", "is there already")
            return _told(task, kept)
        x, _ = data.head("test", _LATENCY_EXAMPLES)
        entries, missing = _tried(entries, missing, x, config.budget)
        models = {name: entry.served(config.budget) for name, entry in entries.items()}
        latencies, runs = latency.measure(
            models, dict.fromkeys(models, x), config.budget.threads, config.seed
        )
        used = reuse.enter(config, run_uri, data) if len(entries) > 1 else None
        config = reuse.paid(config, used) if used else config
        judge = proving.Judge(
            config,
            tested,
            data,
            {name: entry.examples for name, entry in entries.items()},
            {name: entry.evaluation.thresholds for name, entry in entries.items()},
        )
        finalists = _finalists(entries, latencies, config, judge)
        decided = _decide(entries, finalists, config, judge, missing, used)
        if decided.chosen is not None:
            rows = judge.rows([BASELINE, decided.chosen])
            decided.parts = uneven.losses(decided.chosen, rows, data.schema, config.budget)
        lineage = shipped.write(
            run_uri, decided, entries, data, partial(shipped.claim, decided, config, judge)
        )
        shown = dict.fromkeys([BASELINE, *([decided.chosen] if decided.chosen else [])])
        looked = inside.look({name: models[name] for name in shown}, x, config.budget.threads)
        measured = {
            "latency_runs": runs,
            "threads": config.budget.threads,
            "cpu": processor(),
            "inside": looked,
        }
        refs = {name: entry.ref for name, entry in entries.items()}
        made_from = {"dataset": dataset, "evaluations": refs, "lineage": lineage}
        return _told(task, SelectSummary(**dict(decided), **measured, **made_from))


def _told(task: Task, summary: SelectSummary) -> bool:
    """Leaves word of the decision, and returns whether a candidate is within the budget."""
    task.summarize(summary)
    for doubt in doubts(summary.proof) if summary.proof else ():
        task.warn(doubt)
    progress.say("select", summary.verdict)
    return summary.chosen is not None


def _tried(
    entries: dict[str, Entry], missing: dict[str, str], examples: Batch, limits: Budget
) -> tuple[dict[str, Entry], dict[str, str]]:
    """Returns the candidates that run as they are to be timed, and why there is none of the others."""
    models = {name: entry.served(limits) for name, entry in entries.items()}
    failed = trial.failures(models, examples, limits.threads)
    if BASELINE in failed:
        raise ModelError(f"the baseline cannot be judged: {failed[BASELINE]}", field=BASELINE)
    for name, reason in failed.items():
        progress.say("select", f"{name} {reason}")
    return {name: entry for name, entry in entries.items() if name not in failed}, missing | failed


def _check_origin(entries: dict[str, Entry], model: str, dataset: str) -> None:
    """Refuses a baseline of another model, and answers to other rows than those that are judged by."""
    if entries[BASELINE].model_ref != model:
        raise ArtifactError(f"the baseline was made from another model than {model}", field=BASELINE)
    for name, entry in entries.items():
        if entry.dataset != dataset:
            raise ArtifactError(f"it was evaluated on {entry.dataset}, not on {dataset}", field=name)


def _finalists(
    entries: dict[str, Entry], latencies: dict[str, Latency], config: Config, judge: proving.Judge
) -> dict[str, budget.Finalist]:
    """Returns what the budget judges, for every candidate that works; the baseline has no drop."""
    before = read_test(entries[BASELINE].examples).scores
    finalists = {}
    for name, measured in latencies.items():
        if config.budget.needs_answers:
            progress.say("select", f"holds {name} to {len(judge.limits)} limits")
        entry, tests = entries[name], judge.tests(name, config.budget.confidence)
        if name == BASELINE:
            drop, needed = significance.no_drop(len(before), config.budget.confidence), None
        else:
            scores = read_test(entry.examples).scores
            drop = significance.drop(before, scores, config.budget.confidence, judge.task, judge.groups)
            drop = out_of_fold.drop(drop, judge.task, judge.folds)
            needed = _needed(before, scores, config, judge, tests)
        speedups = latency.speedup(latencies[BASELINE], measured)
        finalists[name] = budget.Finalist(
            name, drop, measured, _counted_bytes(entry.evaluation, config), needed, tests, *speedups
        )
    return finalists


def _counted_bytes(evaluation: Evaluation, config: Config) -> int:
    return evaluation.gzip_bytes if config.budget.size == "gzip" else evaluation.size_bytes


def _needed(
    before: Scores, scores: Scores, config: Config, judge: proving.Judge, tests: Sequence[LimitTest]
) -> int | None:
    """Returns how many test examples would prove what alone is not proven, if it is the task's own limit."""
    limit = headline_limit(config.budget, judge.task)
    broken = [test.limit for test in tests if not test.holds]
    if limit is None or broken != [limit.name]:
        return None
    sure = config.budget.confidence
    return significance.examples_needed(
        before, scores, limit.max_loss, sure, judge.task, judge.groups, judge.folds
    )


def _decide(
    entries: dict[str, Entry],
    finalists: dict[str, budget.Finalist],
    config: Config,
    judge: proving.Judge,
    missing: dict[str, str],
    used: Reuse | None,
) -> Selection:
    limits = config.budget
    proof = proving.prove(judge, finalists, config)
    proof = proof.model_copy(update={"reuse": used, "folds": judge.folds})
    reasons = proving.reasons(judge, proof, finalists, config)
    within = [finalist for name, finalist in finalists.items() if not reasons[name]]
    chosen = None
    if within:
        best, verdict = budget.choose(within, finalists[BASELINE], limits)
        chosen = best.name
    else:
        verdict = budget.nothing_passes(list(finalists.values()), reasons, limits, judge.limits)
    front = pareto.front({name: _axes(entries[name].evaluation, f) for name, f in finalists.items()})
    results = {
        name: _judged(name, config, entries[name], finalists[name], reasons[name])
        if name in entries
        else _not_made(name, config, missing.get(name) or "it was not made")
        for name in config.candidates()
    }
    for name in front:
        results[name].on_pareto_front = True
    evaluations = {name: entry.evaluation for name, entry in entries.items()}
    flags = rare.flags(limits, evaluations[BASELINE], evaluations)
    for name, flag in flags.items():
        results[name].flags.append(flag)
    if chosen in flags:
        verdict += f" But its {flags[chosen]}: no limit of the budget is about rare classes."
    return Selection(
        baseline=results[BASELINE],
        candidates=list(results.values()),
        chosen=chosen,
        verdict=" ".join(filter(None, [verdict, words.sentence(proof), words.reuse(proof.reuse)])),
        proof=proof,
    )


def _axes(evaluation: Evaluation, finalist: budget.Finalist) -> tuple[float, float, float]:
    headline = evaluation.headline
    return (
        headline.cost(evaluation.metrics[headline.metric]),
        finalist.latency.p50,
        float(finalist.size_bytes),
    )


def _judged(
    name: str, config: Config, entry: Entry, finalist: budget.Finalist, reasons: list[str]
) -> CandidateResult:
    evaluation = entry.evaluation
    return CandidateResult(
        id=name,
        recipe=config.candidates()[name].to_json(),
        runtime=evaluation.runtime,
        ok=True,
        metrics=evaluation.metrics,
        per_class=evaluation.per_class,
        confusion=evaluation.confusion,
        outputs=evaluation.outputs,
        thresholds=evaluation.thresholds,
        task=evaluation.task,
        headline=HeadlineValue.of(evaluation.headline, evaluation.metrics[evaluation.headline.metric]),
        drop=finalist.drop,
        limits=list(finalist.tests),
        latency_ms=finalist.latency,
        size_bytes=evaluation.size_bytes,
        gzip_bytes=evaluation.gzip_bytes,
        size_counts=config.budget.size,
        ranges=entry.summary.ranges,
        graph=entry.summary.graph,
        within_budget=not reasons,
        reasons=reasons,
        **evaluation.cost.model_dump(),
    )


def _not_made(name: str, config: Config, reason: str) -> CandidateResult:
    candidate = config.candidates()[name]
    return CandidateResult(
        id=name,
        recipe=candidate.to_json(),
        runtime=candidate.ending.runtime,
        ok=False,
        reasons=[reason],
    )
