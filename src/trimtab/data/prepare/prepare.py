"""From the user's files to a dataset: two passes over the partitions of the sources, fit and transform."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab import progress
from trimtab.config.data import Data
from trimtab.data.champion import seen
from trimtab.data.champion.reference import Reference
from trimtab.data.champion.schema_changes import can_answer, form_changes
from trimtab.data.checks.validate import validate
from trimtab.data.dataset.dataset import CHAMPION, SCHEMA_FILE, STATISTICS_FILE
from trimtab.data.dataset.origins import FOLDER, write_sources
from trimtab.data.encoders import preprocess
from trimtab.data.encoders.form import Form, sized
from trimtab.data.encoders.serving import encoder_of
from trimtab.data.kinds.infer import LabelMeaning
from trimtab.data.kinds.notations import told
from trimtab.data.prepare import review, split
from trimtab.data.prepare.content import Content, content_of
from trimtab.data.prepare.executor import Executor, collecting_seldom
from trimtab.data.prepare.fit import Fitted, fit
from trimtab.data.prepare.fit_pass import FitResult
from trimtab.data.prepare.near_copies import near_copies
from trimtab.data.prepare.near_copies import warning as near_warning
from trimtab.data.prepare.transform_pass import TransformResult, TransformTask, transform_partition
from trimtab.data.prepare.work import Rate, parts_of, workers_for
from trimtab.data.readers.remote import local_sources
from trimtab.data.schema import SPLITS, DatasetSchema, Label
from trimtab.data.statistics.summary import Summary
from trimtab.data.values.notation import PLAIN, Notation, NumberNotation
from trimtab.errors import ConfigError
from trimtab.tasks import registry as tasks

_MOST_NAMED = 10


@dataclass(frozen=True)
class PreparedSummary:
    """What was prepared.

    Attributes:
        rows: Rows written, by split.
        content: Of the sources.
        class_counts: Rows written by split and class; empty without classes.
        train: The statistics of the training split.
        schema_changes: What differs from the champion's schema, in words.
        sides_changed: Why the champion may have been trained on test rows; empty: it was not.
        champion_rows: Whether the test rows can be put to the champion.
    """

    schema: DatasetSchema
    rows: dict[str, int]
    content: Content
    warnings: list[str]
    class_counts: dict[str, dict[str, int]]
    train: Summary
    schema_changes: list[str]
    sides_changed: list[str]
    champion_rows: bool


def prepare(
    config: Data,
    *,
    seed: int,
    directory: Path,
    champion: Reference | None = None,
    form: Form | None = None,
    slices: Sequence[str] = (),
    other: DatasetSchema | None = None,
    fold: int = 0,
) -> PreparedSummary:
    """Writes shards, ``schema.json`` and ``statistics.json``.

    The result depends on the sources, the config, the champion and the seed, not on the number of workers.

    Args:
        config: The config's data section.
        seed: The run's seed, for the order of the training rows.
        directory: An empty directory.
        champion: The data of the model in service. As long as new rows fit its schema, they are encoded by
            it, unchanged; else, where the champion can still answer, test rows are also encoded for it.
        form: What the model takes and answers; None: what is standardized.
        slices: Columns whose values are kept of validation and test rows; the model need not see them.
        other: The schema of a model that is asked about the test rows, and has no say in the data: where it
            can answer, they are also encoded for it.
        fold: Which of the folds of ``data.test`` is tested, from 0. The encoder is fitted without its rows.

    Raises:
        DataError: If the data cannot be used; nothing is left out silently.
        StorageError: If data in Cloud Storage cannot be reached.
    """
    with local_sources(config.of_one_fold) as (local, original):
        # A retraining has one test split: the champion has learnt from the rows that other folds test.
        has_folds = config.folds > 1 and champion is None
        given = (
            champion,
            form or Form(),
            tuple(slices),
            other,
            split.Fold(fold, config.folds) if has_folds else None,
        )
        prepared = _Preparation(local, seed, directory, *given).run(original)
        return replace(prepared, warnings=[original(warning) for warning in prepared.warnings])


class _Preparation:
    """One dataset being made."""

    def __init__(
        self,
        config: Data,
        seed: int,
        directory: Path,
        champion: Reference | None,
        form: Form,
        slices: tuple[str, ...],
        other: DatasetSchema | None,
        fold: split.Fold | None,
    ) -> None:
        self._config, self._seed, self._directory = config, seed, directory
        self._champion, self._form, self._slices, self._other = champion, form, slices, other
        self._fold = fold
        self._parts, self._near = parts_of(config), (0, 0)

    def run(self, original: Callable[[str], str]) -> PreparedSummary:
        with (
            collecting_seldom(),
            ThreadPoolExecutor(1) as beside,
            workers_for(self._parts, self._config) as workers,
            tempfile.TemporaryDirectory(prefix=".digests-", dir=self._directory) as kept,
        ):
            fitted = self._fit(workers, Path(kept))
            self._tell_notations(fitted)
            warnings = validate(
                fitted.result.summaries,
                meaning=fitted.meaning,
                labels=fitted.labels,
                config=self._config,
                duplicates=fitted.duplicates,
                known=self._champion is not None and not fitted.changes,
            )
            schema = self._schema(fitted)
            asked = self._asked(fitted, schema)
            statistics = beside.submit(self._write_statistics, fitted.result)
            written = self._transform(workers, schema, asked, fitted)
            warnings += review.unasked(self._config, written)
            if review.too_many_unasked(self._config, written):
                asked, written = None, self._transform(workers, schema, None, fitted)
            statistics.result()
        warnings += review.warnings(self._config, fitted.result, written, self._directory)
        warnings += near_warning(*self._near)
        moved = self._moved(schema, fitted)
        self._write_schemas(schema, asked)
        write_sources(self._directory, self._sources(original))
        return PreparedSummary(
            schema=schema,
            rows={name: written.rows[name] for name in SPLITS},
            content=content_of(fitted, self._config),
            warnings=warnings + seen.warning(moved),
            class_counts=written.class_counts(schema.classes),
            train=fitted.result.summaries["train"],
            schema_changes=fitted.changes,
            sides_changed=moved,
            champion_rows=asked is not None or (self._champion is not None and not fitted.changes),
        )

    def _fit(self, workers: Executor, kept: Path) -> Fitted:
        given = self._config.validation is not None or self._config.test is not None
        by_time = self._config.split.by == "time"
        with tempfile.TemporaryDirectory(prefix=".hashes-", dir=self._directory) as scratch:
            fitted = fit(
                self._config,
                self._parts,
                workers,
                teller="data_prep",
                champion=self._champion,
                hashes=Path(scratch) if given or by_time else None,
                fold=self._fold,
                kept=kept,
            )
        if self._champion is None:
            return fitted
        return replace(fitted, changes=fitted.changes + form_changes(self._champion.schema, self._form))

    def _tell_notations(self, fitted: Fitted) -> None:
        everything = fitted.result.everything
        labels = [each.label for each in fitted.labels.values()] or [fitted.meaning.label]
        for name in (*labels, *fitted.meaning.names):
            if text := told(name, everything.columns[name]):
                progress.say("data_prep", text)

    def _asked(self, fitted: Fitted, schema: DatasetSchema) -> DatasetSchema | None:
        """Returns the schema of the model in service if test rows are to be encoded for it, too."""
        changed = self._champion.schema if self._champion and fitted.changes else None
        other = self._other or changed
        return other if other and can_answer(other, schema, fitted.result.everything) else None

    def _schema(self, fitted: Fitted) -> DatasetSchema:
        """Returns the champion's schema if it holds; else one fitted on the training split alone."""
        rule = {"cuts": fitted.rule.cuts, "strata": fitted.rule.strata}
        if self._champion is not None and not fitted.changes:
            # What is a model's own, and what changes no row, is not the champion's.
            own_fields = {"thresholds": [], "false_alarm_rate": self._config.false_alarm_rate}
            return self._champion.schema.model_copy(update={**rule, **own_fields})
        (task, label, classes, columns), train = fitted.meaning, fitted.result.summaries["train"]
        preprocessing = preprocess.fit(
            columns,
            train,
            sized(self._config, self._form),
            self._form.input,
            pieces=self._form.pieces,
            tokens=self._form.tokens,
        )
        encoder = encoder_of(preprocessing)
        schema = DatasetSchema(
            task=task,
            label=label,
            classes=self._in_order(classes),
            columns=columns,
            label_notation=_of_numbers(train.columns[label].notation),
            normal=self._config.normal or "",
            false_alarm_rate=self._config.false_alarm_rate,
            input=encoder.spec,
            vocabulary_size=encoder.vocabulary_size,
            preprocessing=preprocessing,
            split_by=self._split_by(fitted),
            spelling=split.spelling(self._champion),
            labels={name: self._label(name, each, train) for name, each in fitted.labels.items()},
            **rule,
        )
        if not self._form.raw_label:
            schema.label_mean, schema.label_std = tasks.task(task).meaning.scale(train.columns[label])
        _ = schema.outputs  # refuses an input that the task has no model for, before anything is written
        return schema

    def _label(self, name: str, meaning: LabelMeaning, train: Summary) -> Label:
        """Returns what is known of one of several labels."""
        column = train.columns[meaning.label]
        mean, std = (0.0, 1.0) if self._form.raw_label else tasks.task(meaning.task).meaning.scale(column)
        return Label(
            task=meaning.task,
            label=meaning.label,
            classes=meaning.classes,
            label_mean=mean,
            label_std=std,
            label_notation=_of_numbers(column.notation),
            loss_weight=self._config.labels[name].loss_weight,
        )

    def _in_order(self, classes: list[str]) -> list[str]:
        """Returns the classes as the model has them."""
        ordered = list(self._form.classes) if classes else []
        if unknown := sorted(set(classes) - set(ordered)) if ordered else []:
            raise ConfigError(
                f"the labels have classes that are not listed: {', '.join(unknown[:_MOST_NAMED])}",
                field="model.classes",
                hint="List every class that the model has an output for, in their order.",
            )
        return ordered or classes

    def _split_by(self, fitted: Fitted) -> list[str]:
        names = fitted.meaning.names
        keys = split.key_columns(names, self._champion)
        return [] if set(keys) == set(names) else list(keys)

    def _moved(self, schema: DatasetSchema, fitted: Fitted) -> list[str]:
        if self._champion is None:
            return []
        return seen.sides_changed(self._champion, schema, self._config, fitted.result.summaries)

    def _transform(
        self, workers: Executor, schema: DatasetSchema, asked: DatasetSchema | None, fitted: Fitted
    ) -> TransformResult:
        for name in (*SPLITS, CHAMPION, FOLDER):
            shutil.rmtree(self._directory / name, ignore_errors=True)
        for name in SPLITS:
            (self._directory / name).mkdir()
        total, rate = TransformResult(), Rate("data_prep", "wrote", len(self._parts))
        kept = (
            fitted.kept if fitted.kept and fitted.kept.are_of(schema.split_columns, schema.spelling) else None
        )
        with tempfile.TemporaryDirectory(prefix=".near-", dir=self._directory) as scratch:
            tasks = [
                TransformTask(
                    *part,
                    self._config,
                    schema,
                    self._directory,
                    self._seed,
                    fitted.rule,
                    Path(scratch),
                    self._standardized(schema),
                    asked,
                    self._slices,
                    kept,
                )
                for part in self._parts
            ]
            for result in workers.map(transform_partition, tasks):
                total = total.merge(result)
                rate.add(sum(result.rows.values()))
            self._near = near_copies(Path(scratch))
        return total

    def _standardized(self, schema: DatasetSchema) -> int:
        """Returns how many columns of standardized numbers the rows have."""
        standardized = self._form.input == "standardized"
        return sum(standardized and column.kind == "numeric" for column in schema.columns)

    def _sources(self, original: Callable[[str], str]) -> dict[str, list[str]]:
        """Returns the sources of all partitions, by the split that they are given for, as users name them."""
        sources: dict[str, list[str]] = {}
        for part in self._parts:
            sources.setdefault(part.given, []).append(original(part.partition.source))
        return sources

    def _write_schemas(self, schema: DatasetSchema, asked: DatasetSchema | None) -> None:
        (self._directory / SCHEMA_FILE).write_text(schema.model_dump_json(indent=2) + "\n")
        if asked is not None:
            file = self._directory / CHAMPION / SCHEMA_FILE
            file.write_text(asked.model_dump_json(indent=2) + "\n")

    def _write_statistics(self, result: FitResult) -> None:
        with (self._directory / STATISTICS_FILE).open("w", encoding="utf-8") as stream:
            for at, (name, summary) in enumerate(result.summaries.items()):
                stream.write(f"{', ' if at else '{'}{json.dumps(name)}: ")
                stream.writelines(summary.to_json())
            stream.write("}\n")


def _of_numbers(notation: Notation | None) -> NumberNotation | None:
    """Returns a label's notation, unless it is what plain numbers have."""
    return notation if isinstance(notation, NumberNotation) and notation != PLAIN else None
