"""The stage that turns the user's files into a verified dataset.

The same files, told by their checksums, give the same dataset: one that is there already is used, and no row
is read. What changes while it is read is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

from trimtab import progress
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts.dataset import KIND, DatasetLineage, DatasetSummary
from trimtab.artifacts.record import EntryRecord, of_fold
from trimtab.artifacts.store import reference
from trimtab.config.config import Config
from trimtab.config.data import Data
from trimtab.data.champion.drift import DriftReport, measure
from trimtab.data.champion.reference import Reference
from trimtab.data.dataset.pooled import Pooled
from trimtab.data.encoders.form import Form
from trimtab.data.kinds.brief import brief_statistics
from trimtab.data.kinds.histograms import histograms
from trimtab.data.prepare.prepare import PreparedSummary, prepare
from trimtab.data.prepare.sources import checksums
from trimtab.data.readers.sklearn import SCHEME
from trimtab.data.schema import shapes, shapes_told
from trimtab.deploy.champion import Snapshot
from trimtab.errors import ConfigError, DataError
from trimtab.evaluate.bounds.proportions import Sizes
from trimtab.report.words import drift as drift_words
from trimtab.report.words import reach as words
from trimtab.stages import rare, reach, reuse, settings, tokens
from trimtab.stages.begin import begin, check_needs
from trimtab.stages.model_form import form_of
from trimtab.stages.proving import check_limits
from trimtab.stages.stage import Task, recorded
from trimtab.tasks import registry as tasks

STAGE = "data_prep"
Sources = dict[str, dict[str, str]]
_TRIES = 3
_NO_MEANING = {"train", "validation", "test", "workers"}
"""Fields of the ``data`` section that have no part in the dataset: its files are told by their checksums."""


def run(run_uri: str, config: str = "", retrain: bool = False) -> str:
    """Prepares the dataset, unless it is there.

    In a retraining, new rows are held against the champion's data: its schema is kept where it still holds,
    and drift is measured.

    Args:
        run_uri: The URI of the run's directory.
        config: Where this is the run's first task, the resolved config: as JSON, or the URI of a file.
        retrain: Whether the run's directory has a snapshot of the champion.

    Returns:
        The reference of the dataset.

    Raises:
        SystemExit: With code 2 if the data cannot be used, with 4 if no candidate can meet the budget on so
            few test rows; the reason is in the stage's record.
    """
    with recorded(STAGE, run_uri) as task:
        resolved = begin(config, run_uri) if config else settings.of(run_uri)
        check_needs(resolved, retraining=retrain)
        form, notes = form_of(resolved.model)
        asked = _Asked(resolved, form, Snapshot.open(run_uri) if retrain else None)
        ref, summary = _prepared(task, asked)
        tested = datasets.pooled(task.store, ref)
        summary.warnings.extend([*notes, *_one_fold(resolved.data, tested)])
        before = reuse.before(resolved, run_uri, tested.first)
        groups = tested.groups()
        others = check_limits(resolved, tested, groups)
        if warning := rare.warning(resolved.budget, summary):
            summary.warnings.append(warning)
        more = 0 if retrain else reach.in_folds(resolved, summary.rows)
        rows = reach.Rows(Sizes.of(len(tested), groups), more, len(tested.folds))
        summary.reach = reach.known(resolved, summary.task, rows, before, others)
        task.summarize(summary)
        _tell(task, summary)
        reach.check(summary.reach, resolved)
        tokens.draw(task, resolved, ref, asked.snapshot)
    return ref


@dataclass(frozen=True)
class _Asked:
    """What is to be prepared.

    Attributes:
        config: The resolved config.
        form: What the model takes and answers.
        snapshot: The model in service, in a retraining.
    """

    config: Config
    form: Form
    snapshot: Snapshot | None

    @cached_property
    def champion(self) -> Reference | None:
        """Returns the data of the model in service, in a retraining."""
        return _reference(self.snapshot) if self.snapshot else None

    @property
    def folds(self) -> int:
        """Returns how many datasets are made; 1: there are no folds, as beside a model in service."""
        return 1 if self.champion else self.config.data.folds


def _prepared(task: Task, asked: _Asked) -> tuple[str, DatasetSummary]:
    """Returns the reference of the dataset, or of the first fold's, which names the others."""
    config = asked.config
    for _ in range(_TRIES):
        # Before the rows are read: what changes meanwhile is another dataset.
        sources = checksums(config.data)
        refs = [reference(KIND, **_question(asked, sources, fold)) for fold in range(asked.folds)]
        summaries = []
        for fold in range(len(refs)):
            entry = _fold(task, asked, sources, fold, refs)
            if entry is None:
                break
            summaries.append(DatasetSummary.model_validate(entry.summary))
            task.add(entry)
            _check_task(summaries[0].task, len(refs))
        else:
            return refs[0], _of_all(summaries)
    raise DataError(
        "it changed again and again while it was read",
        path=config.data.train,
        hint="Run this again when nothing writes there.",
    )


def _fold(task: Task, asked: _Asked, sources: Sources, fold: int, refs: Sequence[str]) -> EntryRecord | None:
    """Returns what is known of a dataset, which is made unless it is there; None: the sources changed."""
    stored = task.store.find(refs[fold])
    if stored is None:
        if len(refs) > 1:
            progress.say(STAGE, f"fold {fold + 1} of {len(refs)}")
        if not _make(task, refs[fold], asked, sources, fold, refs[1:] if fold == 0 else []):
            return None
    entry = stored or task.store.find(refs[fold])
    assert entry is not None
    return EntryRecord(
        name=of_fold("", fold) if fold else "", reused=stored is not None, summary=entry.summary
    )


def _check_task(name: str, count: int) -> None:
    """Refuses folds where each one's model would decide by a threshold of its own."""
    meaning = tasks.task(name).meaning
    if count > 1 and (meaning.takes_several or meaning.trains_on_normal_rows):
        raise ConfigError(
            f"folds are not for {name}: each fold's model would have thresholds of its own, and only one "
            "model's are deployed",
            field="data.test.folds",
            hint="Give test rows (data.test), or have a share of the rows tested (data.split.test).",
        )


def _of_all(summaries: Sequence[DatasetSummary]) -> DatasetSummary:
    """Returns the first fold's summary, with what all of them test, and what is to be said of the others."""
    first = summaries[0]
    first.folds, first.tested = len(summaries), sum(summary.rows["test"] for summary in summaries)
    for summary in summaries:
        for name, rows in summary.class_counts.get("test", {}).items():
            first.tested_by_class[name] = first.tested_by_class.get(name, 0) + rows
    for place, other in enumerate(summaries[1:], start=2):
        new = [text for text in other.warnings if text not in first.warnings]
        first.warnings.extend(f"fold {place} of {len(summaries)}: {text}" for text in new)
    return first


def _one_fold(data: Data, tested: Pooled) -> list[str]:
    """Returns a warning where folds are asked for, and there is one test split."""
    if data.folds == len(tested.folds):
        return []
    return [
        f"data.test.folds: a retraining has one test split, the first fold's {len(tested):,} rows: the model "
        "in service, whose encoder and weights it starts with, has learnt from the rows that other folds test"
    ]


def _question(asked: _Asked, sources: Sources, fold: int) -> dict[str, Any]:
    """Returns all that a dataset depends on."""
    config, data, snapshot = asked.config, asked.config.data, asked.snapshot
    return {
        **({"fold": fold} if asked.folds > 1 else {}),
        "folds": data.folds,
        "data": data.model_dump(mode="json", exclude=_NO_MEANING),
        "sources": {split: _told_apart(data, split, files) for split, files in sources.items()},
        "form": asdict(asked.form),
        "seed": config.seed,
        "champion": snapshot.digests if snapshot else [],
        "slices": sorted(config.budget.columns),
        "drift": config.retrain.drift if snapshot else None,
    }


def _told_apart(data: Data, split: str, files: dict[str, str]) -> dict[str, str]:
    """Returns what tells a source; what scikit-learn ships has no files, and is told by its version."""
    source = str(getattr(data, split))
    return {source: version("scikit-learn")} if source.startswith(SCHEME) else files


def _make(task: Task, ref: str, asked: _Asked, sources: Sources, fold: int, others: Sequence[str]) -> bool:
    """Makes a dataset; returns False, and keeps nothing, if the sources changed meanwhile."""
    config, champion = asked.config, asked.champion
    try:
        with task.store.create(ref) as draft:
            prepared = prepare(
                config.data,
                seed=config.seed,
                directory=draft.path,
                champion=champion,
                form=asked.form,
                slices=config.budget.columns,
                fold=fold,
            )
            if checksums(config.data) != sources:
                raise _ChangedError
            draft.counts, draft.lineage = dict(prepared.rows), lineage(prepared, sources, others)
            draft.summary = _summary(prepared, sources, _drift(config, champion, prepared))
    except _ChangedError:
        progress.say(STAGE, "the data changed while it was read, and is read again")
        return False
    return True


class _ChangedError(Exception):
    """The sources are others than they were."""


def _reference(snapshot: Snapshot) -> Reference | None:
    """Returns the data of the model in service: its training part's, else what it is served with, if any."""
    directory, record = snapshot.training or snapshot.deployment, snapshot.record
    if directory is None:
        return None
    return Reference.load(directory, Data.model_validate(record.data).of_one_fold if record else None)


def lineage(prepared: PreparedSummary, sources: Sources, folds: Sequence[str] = ()) -> DatasetLineage:
    """Returns what a dataset was made from.

    Args:
        prepared: What was prepared.
        sources: The checksums of its sources.
        folds: The references of the other folds' datasets, if it is the first one's.
    """
    return DatasetLineage(
        fingerprint=prepared.content.fingerprint,
        test_fingerprint=prepared.content.test,
        content_rows=prepared.content.rows,
        sources=sources,
        warnings=prepared.warnings,
        schema_changes=prepared.schema_changes,
        sides_changed=prepared.sides_changed,
        champion_rows=prepared.champion_rows,
        folds=list(folds),
    )


def _drift(config: Config, champion: Reference | None, prepared: PreparedSummary) -> DriftReport | None:
    if champion is None:
        return None
    return measure(champion, prepared.schema, prepared.train, config.retrain.drift)


def _shape(summary: DatasetSummary) -> str:
    return shapes_told([], summary.inputs) if summary.inputs else str(tuple(summary.input_shape))


def _summary(prepared: PreparedSummary, sources: Sources, drift: DriftReport | None) -> DatasetSummary:
    schema = prepared.schema
    return DatasetSummary(
        rows=prepared.rows,
        task=schema.task,
        label=schema.label,
        labels={name: each.task for name, each in schema.labels.items()},
        classes=schema.classes,
        class_counts=prepared.class_counts,
        fingerprint=prepared.content.fingerprint,
        warnings=prepared.warnings,
        schema_changes=prepared.schema_changes,
        columns=brief_statistics(schema.columns, prepared.train),
        input_kind=schema.input.kind,
        input_shape=[] if schema.input.parts else list(schema.input.shape),
        inputs=shapes(schema),
        sources={split: len(files) for split, files in sources.items()},
        drift=drift,
        histograms=histograms(schema.columns, prepared.train),
    )


def _tell(task: Task, summary: DatasetSummary) -> None:
    rows = ", ".join(f"{count:,} {name}" for name, count in summary.rows.items())
    if summary.folds > 1:
        rows = f"{summary.tested:,} rows, tested in {summary.folds} folds; in the first {rows}"
    progress.say(STAGE, f"{rows}; input {summary.input_kind} {_shape(summary)}")
    if summary.labels:
        labels = ", ".join(f"{name} ({task})" for name, task in summary.labels.items())
        progress.say(STAGE, f"labels {labels}; rows were shared out by {next(iter(summary.labels))}")
    for limit_reach in summary.reach:
        progress.say(STAGE, words.sentence(limit_reach))
    for warning in summary.warnings:
        task.warn(warning)
    for change in summary.schema_changes:
        progress.say(STAGE, f"the schema has changed: {change}")
    for feature in summary.drift.drifted if summary.drift else []:
        progress.say(STAGE, f"drift: {drift_words.change(feature)}, {feature.test}")
