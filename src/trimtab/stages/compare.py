"""The compare stage: champion and challenger, judged on the same fresh test data, in one process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab import progress
from trimtab.artifacts import comparison, selection
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts.comparison import Comparison, ComparisonLineage, Forced, Rival
from trimtab.artifacts.evaluation import Examples, HeadlineValue, Latency
from trimtab.artifacts.selection import Selection
from trimtab.batch import Batch, answered, fed, take
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.schema import DatasetSchema
from trimtab.deploy import champion as champions
from trimtab.deploy.answers import schema_of
from trimtab.deploy.champion import Snapshot
from trimtab.deploy.runtime import runtime_of, streams_of
from trimtab.errors import ArtifactError, ConfigError, ModelError
from trimtab.evaluate import challenger as rule
from trimtab.evaluate import latency, significance
from trimtab.evaluate.demands import demands, headline_limit
from trimtab.evaluate.turns import Served
from trimtab.report.words import comparison as words
from trimtab.runtimes import files
from trimtab.runtimes.base import width
from trimtab.runtimes.registry import runtime
from trimtab.stages import reuse, rivals, settings, trial
from trimtab.stages import snapshot as snapshots
from trimtab.stages.judged import remember
from trimtab.stages.proving import split_of
from trimtab.stages.stage import recorded
from trimtab.storage import artifact
from trimtab.tasks import registry as tasks
from trimtab.tasks.of_labels import meant

_BATCH, _LATENCY_EXAMPLES = 256, 64
_Batches = Iterable[tuple[Batch, NDArray[Any]]]


@dataclass(frozen=True)
class _Judged:
    """A model's answers to the fresh test examples.

    Attributes:
        examples: Scores as the task judges them, and answers.
        inputs: The first examples as the model takes them, for its latency.
    """

    model: Served
    examples: Examples
    inputs: Batch

    def rival(self, task: str, measured: Latency) -> Rival:
        """Returns what the report shows of it."""
        headline = HeadlineValue.of(tasks.task(task).judging.headline, float(self.examples.scores.mean()))
        size = files.size_bytes(runtime(self.model.runtime), self.model.directory)
        metrics = {headline.metric: headline.value}
        return Rival(metrics=metrics, headline=headline, size_bytes=size, latency_ms=measured)


def run(run_uri: str, dataset: str, forced_by: str = "", forced_reason: str = "") -> bool:
    """Decides whether the challenger replaces the champion, and leaves the reasons in ``comparison/``.

    Args:
        run_uri: The URI of the run's directory, with its selection. It has a snapshot of the champion, which
            a retraining began with; else one is taken now.
        dataset: The reference of the dataset.
        forced_by: Who wants the promotion whatever comes out; empty: nobody.
        forced_reason: Why.

    Returns:
        Whether it does.
    """
    with recorded("compare", run_uri) as task:
        config = settings.of(run_uri)
        snapshot = champions.snapshot(run_uri) or snapshots.take(run_uri, config)
        data, (challenger, decided) = datasets.read(task.store, dataset, ["test"]), selection.read(run_uri)
        if challenger.lineage["dataset"] != data.fingerprint:
            raise ArtifactError("the selection was made on other data", path=str(challenger.path))
        outcome = _compared(run_uri, config, data, snapshot, challenger, decided)
        if forced_by:
            outcome.forced = Forced(by=forced_by, reason=forced_reason)
            outcome.promote = outcome.finding != "over_budget"
        lineage = ComparisonLineage(selection=challenger.digest, dataset=data.fingerprint)
        comparison.write(run_uri, outcome, lineage)
        for warning in outcome.warnings:
            task.warn(warning)
        if not outcome.promote and not outcome.crashed and settings.is_retraining(run_uri):
            remember(config, snapshot, data, outcome, run_uri=run_uri, warn=task.warn)
        task.summarize(outcome)
        progress.say("compare", f"the challenger is {_decision(outcome)}: {outcome.why}")
    return outcome.promote


def _decision(outcome: Comparison) -> str:
    if not outcome.promote:
        return "not promoted"
    return "promoted, as it is forced" if outcome.forced else "promoted"


def _compared(
    run_uri: str,
    config: Config,
    data: Dataset,
    snapshot: Snapshot,
    challenger: artifact.Artifact,
    decided: Selection,
) -> Comparison:
    version = snapshot.plan.version
    if challenger.lineage.get("candidate") is None:
        why = "no candidate is within the budget, so there is no challenger"
        return Comparison(promote=False, finding="over_budget", why=why, version=version)
    if snapshot.deployment is None or version is None:
        why = words.no_champion(snapshot.plan.reasons)
        return Comparison(promote=True, finding="no_champion", why=why, version=version)
    served = artifact.load(snapshot.deployment, "deployment")
    own_schema = _own_schema(data, decided)
    if _is_same(served, challenger, own_schema):
        why = f"it is champion v{version}, byte for byte"
        return Comparison(promote=False, finding="identical", why=why, version=version)
    is_retraining = settings.is_retraining(run_uri)
    with contextlib.ExitStack() as stack:
        try:
            rows = stack.enter_context(rivals.asked(config, data, snapshot, is_retraining=is_retraining))
            champion = _champion(served, rows, config.budget.threads)
        except (ModelError, ConfigError) as error:
            return Comparison(
                promote=False,
                finding="no_answer",
                why=f"champion v{version} cannot answer the new data: {error.message}",
                crashed=isinstance(error, _CrashError),
                version=version,
            )
        answers = _judged(_served(challenger), rows.batches("test", _BATCH), own_schema, data.schema)
        used = reuse.enter(config, run_uri, data)
        outcome = _decided(reuse.paid(config, used), rows, version, champion, answers)
    warnings = [] if is_retraining else rivals.sides_changed(config, data, snapshot)
    return outcome.model_copy(update={"reuse": used, "warnings": warnings})


def _own_schema(data: Dataset, decided: Selection) -> DatasetSchema:
    """Returns what the challenger's outputs mean."""
    thresholds = next(
        candidate.thresholds for candidate in decided.candidates if candidate.id == decided.chosen
    )
    return data.schema.with_thresholds(thresholds)


def _is_same(served: artifact.Artifact, challenger: artifact.Artifact, own_schema: DatasetSchema) -> bool:
    """Returns whether the challenger would answer every row as the champion does: it is the same file."""
    theirs = schema_of(served, str(served.path))
    before, after = (runtime_of(version) for version in (served, challenger))
    if theirs != own_schema or before.name != after.name:
        return False
    paths = zip(files.paths(before, served.path), files.paths(after, challenger.path), strict=True)
    return all(path.read_bytes() == other.read_bytes() for path, other in paths)


def _decided(
    config: Config, data: Dataset, version: int, champion: _Judged, challenger: _Judged
) -> Comparison:
    task, groups = data.schema.task, data.groups("test")
    both = {"champion": champion, "challenger": challenger}
    threads = config.budget.threads
    times = latency.sample(
        {name: judged.model for name, judged in both.items()},
        {name: judged.inputs for name, judged in both.items()},
        threads,
        config.seed,
    )
    before, after = (
        judged.rival(task, latency.summary(times[name], threads)) for name, judged in both.items()
    )
    confidence, asked = config.retrain.confidence, rule.limits_of(config.retrain, config.budget)
    scores = champion.examples.scores, challenger.examples.scores
    loss = significance.drop(*scores, confidence, task, groups)
    gain = significance.drop(*scores[::-1], confidence, task, groups)
    split = split_of(data, "test", asked.columns, groups)
    found = demands(asked, split)
    tests = [demand.test(split, champion.examples, challenger.examples, confidence) for demand in found]
    ratio = rule.latency_limit(times["champion"].ravel(), times["challenger"].ravel(), confidence)
    smaller, share = after.size_bytes / before.size_bytes, config.retrain.cheaper_by
    is_cheaper = rule.cheaper(smaller, ratio, share, config.budget.objective)
    finding = rule.judge(loss, gain, tests, is_cheaper=is_cheaper)
    headline = headline_limit(asked, task)
    outcome = Comparison(
        promote=finding in ("better", "cheaper"),
        finding=finding,
        why="",
        version=version,
        champion=before,
        challenger=after,
        loss=loss,
        gain=gain,
        tolerated=headline.max_loss if headline else None,
        limits=[demand.limit for demand in found],
        tests=tests,
        latency_ratio=ratio,
    )
    outcome.why = words.finding(outcome)
    broken = [test.limit for test in tests if not test.holds]
    if finding == "unproven" and headline and broken == [headline.name]:
        needed = significance.examples_needed(*scores, headline.max_loss, confidence, task, groups)
        outcome.why += words.more_examples(needed)
    return outcome


def _served(version: artifact.Artifact) -> Served:
    """Returns the model of a selection or of a deployment.

    Raises:
        ConfigError: If its runtime is not installed.
    """
    return Served(runtime_of(version).name, version.path, streams_of(version))


class _CrashError(ModelError):
    """The champion ends the process that loads it."""


def _champion(deployed: artifact.Artifact, data: Dataset, threads: int) -> _Judged:
    """Returns the champion's answers to the fresh test examples, by the thresholds that it is served with.

    Raises:
        ModelError: If it cannot answer: the data has no longer what it takes.
    """
    batches = data.champion_test(_BATCH)
    if batches is None or data.champion is None:
        raise ModelError("; ".join(data.schema_changes) or "its schema is lost")
    own_schema = data.champion.with_thresholds(schema_of(deployed, str(deployed.path)).thresholds)
    served, example = _served(deployed), next(iter(data.champion_test(1) or ()), None)
    crash = trial.crash_of(served, example[0], threads) if example is not None else None
    if crash is not None and crash.was_killed:
        raise _CrashError(crash.reason)
    return _judged(served, batches, own_schema, data.schema)


def _judged(model: Served, batches: _Batches, own_schema: DatasetSchema, asked: DatasetSchema) -> _Judged:
    """Returns a model's answers.

    Args:
        model: The model.
        batches: Examples as the model takes them, with labels of the schema ``asked``.
        own_schema: What the model's outputs mean.
        asked: What the labels mean.
    """
    loaded, inputs = runtime(model.runtime).load(model.directory), None
    judging = meant(asked).judging
    if width(loaded) != own_schema.outputs:
        raise ModelError(f"expected {own_schema.outputs} outputs, found {width(loaded)}")
    answers = []
    for x, y in batches:
        inputs = take(x, 0, _LATENCY_EXAMPLES) if inputs is None else inputs
        outputs = judging.answers(fed(x), answered(loaded.predict(x), own_schema.output_names)).astype(
            np.float64
        )
        if not np.isfinite(outputs).all():
            raise ModelError("its outputs are not finite numbers")
        answers.append((outputs, y))
    if inputs is None:
        raise ModelError("there are no test examples")
    outputs, labels = (np.concatenate(column) for column in zip(*answers, strict=True))
    scores = judging.scores(outputs, labels, asked, own_schema)
    return _Judged(model, Examples(scores.astype(np.float32), outputs.astype(np.float32), own_schema), inputs)
