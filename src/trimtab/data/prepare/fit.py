"""The first pass over all partitions: what the sources hold, and what their columns mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from trimtab.data.champion.schema_changes import schema_changes
from trimtab.data.kinds.infer import LabelMeaning, Meaning, infer_labels, infer_schema
from trimtab.data.kinds.notations import first_notations, infer_notations
from trimtab.data.prepare import split
from trimtab.data.prepare.cuts import cuts_of
from trimtab.data.prepare.digests import KeptDigests
from trimtab.data.prepare.duplicates import count_shared
from trimtab.data.prepare.fit_pass import FitResult, FitTask, check_width, fit_partition
from trimtab.data.prepare.strata import fill
from trimtab.data.prepare.work import Part, Rate
from trimtab.data.readers.label import label_column, label_columns
from trimtab.data.readers.registry import reader_for
from trimtab.data.schema import SPLITS, Strata
from trimtab.data.statistics.blocks import WIDE, fractions
from trimtab.data.statistics.summary import Summary
from trimtab.data.values.notation import Notation
from trimtab.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.config.data import Data
    from trimtab.data.champion.reference import Reference
    from trimtab.data.prepare.executor import Executor


@dataclass(frozen=True)
class Fitted:
    """What the sources hold.

    Attributes:
        result: Summaries and fingerprint.
        meaning: The champion's where nothing of its schema has changed, else what the columns seem to be.
        duplicates: Rows of given splits that are in another one, too; counted only where asked for.
        changes: What differs from the champion's schema, in words.
        rule: What the sides followed from beside the rows' content.
        kept: The digests of all rows, where they were asked for.
        labels: What each of several labels means, by name; of one label, nothing.
    """

    result: FitResult
    meaning: Meaning
    duplicates: int = 0
    changes: list[str] = field(default_factory=list)
    rule: split.Rule = field(default_factory=split.Rule)
    kept: KeptDigests | None = None
    labels: dict[str, LabelMeaning] = field(default_factory=dict)


def fit(
    config: Data,
    parts: Sequence[Part],
    workers: Executor,
    *,
    teller: str,
    champion: Reference | None = None,
    hashes: Path | None = None,
    fold: split.Fold | None = None,
    kept: Path | None = None,
) -> Fitted:
    """Returns what the sources hold.

    Args:
        config: The config's data section.
        parts: The partitions of its sources.
        workers: Who reads them.
        teller: Who says how fast it goes.
        champion: The data of the model in service: its schema holds as long as the new rows fit it.
        hashes: An empty directory for the hashes of rows; None: duplicates are not counted.
        fold: Which of several splits it is; None: there is one.
        kept: An empty directory for the digests of rows; None: they are not kept.

    Raises:
        DataError: If a partition cannot be read, or has no label or no input.
    """
    reading = _Fit(config, parts, workers, teller, champion, hashes, kept)
    schema = champion.schema if champion else None
    rule = split.Rule(cuts_of(config, parts, workers), schema.strata if schema else Strata(), fold)
    label, names, notations = first_guess(config, parts, champion)
    result = reading.read(label, names, notations, rule)
    inferred = infer_notations(result.everything, config, schema)
    if inferred != notations:
        result = reading.read(label, names, inferred, rule)
    meaning, changes = _meaning(result.everything, config, champion)
    if set(meaning.names) != set(names):
        _check_trained(config, result, meaning)
        # The first rows were not like the rest; the sides depend on what the input columns are.
        result = reading.read(meaning.label, meaning.names, inferred, rule)
    filled = reading.filled(result, meaning, rule)
    if filled.strata.placed.items() - rule.strata.placed.items():
        result = reading.read(meaning.label, meaning.names, inferred, filled)
    kept_digests, labels = (
        reading.keeper(meaning.names),
        _labels(result.everything, config, champion, changes),
    )
    return Fitted(result, meaning, reading.duplicates(), changes, filled, kept_digests, labels)


def _check_trained(config: Data, result: FitResult, meaning: Meaning) -> None:
    """Checks that the training rows have each input column.

    Raises:
        DataError: If one is in other rows alone; it names their file.
    """
    known = result.summaries["train"].columns
    for name, source in split.sources(config).items():
        for column in meaning.names:
            if column not in known and column in result.summaries[name].columns:
                raise DataError(
                    f"there is no such column in the training data, {config.train}",
                    path=source,
                    field=column,
                    hint=f"Remove it from this file, or add it to that. Columns there: {', '.join(known)}.",
                )


@dataclass(frozen=True)
class _Fit:
    config: Data
    parts: Sequence[Part]
    workers: Executor
    teller: str
    champion: Reference | None
    hashes: Path | None
    kept: Path | None

    def keeper(self, names: tuple[str, ...]) -> KeptDigests | None:
        """Returns who keeps the digests of rows with these input columns, if anybody does."""
        keys, written = split.key_columns(names, self.champion), split.spelling(self.champion)
        return None if self.kept is None else KeptDigests(self.kept, frozenset(keys), written)

    def read(
        self, label: str, names: tuple[str, ...], notations: Mapping[str, Notation], rule: split.Rule
    ) -> FitResult:
        total, rate = FitResult(), Rate(self.teller, "read", len(self.parts))
        keys = split.key_columns(names, self.champion)
        written = split.spelling(self.champion)
        last = (rule, self.hashes, self.keeper(names))
        tasks = [
            FitTask(*part, self.config, names, keys, label, written, notations, *last) for part in self.parts
        ]
        for result in self.workers.map(fit_partition, tasks):
            total = total.merge(result)
            rate.add(result.rows)
        return total

    def filled(self, result: FitResult, meaning: Meaning, rule: split.Rule) -> split.Rule:
        """Returns the rule by which classes with enough rows are in every split."""
        given = split.sources(self.config)
        needed = [side for side, name in enumerate(SPLITS) if name == "train" or name not in given]
        if rule.fold is not None:
            needed.remove(split.TEST)
        known = self.champion.schema if self.champion else None
        settled = set(known.classes) - set(known.strata.unsettled) if known else set()
        classes = meaning.classes if rule.cuts is None else []
        return replace(rule, strata=fill(result.classes, classes, needed, rule.strata, settled))

    def duplicates(self) -> int:
        """Returns how many rows of given splits, or of splits by time, are also in the training split."""
        if self.hashes is None:
            return 0
        by_time, given = self.config.split.by == "time", split.sources(self.config)
        later = [name for name in ("validation", "test") if by_time or name in given]
        others = [file for name in later for file in sorted(self.hashes.glob(f"{name}-*.npy"))]
        return count_shared(sorted(self.hashes.glob("train-*.npy")), others)


def first_guess(
    config: Data, parts: Sequence[Part], champion: Reference | None
) -> tuple[str, tuple[str, ...], dict[str, Notation]]:
    """Returns label, input columns and notations as the first rows have them, where they have any."""
    schema = champion.schema if champion else None
    for part in parts:
        if part.given != "train":
            break
        for batch in reader_for(part.source, config).read(part.partition, config):
            check_width(batch, config.max_columns, part.partition)
            label = label_column(list(batch.schema.names), config)
            if not batch.num_rows:
                continue
            summary = _first_summary(batch, config, champion)
            notations = first_notations(summary, config, schema)
            try:
                summary = _first_summary(batch, config, champion, notations) if notations else summary
                return label, _meaning(summary, config, champion)[0].names, notations
            except DataError as error:
                if error.field is not None:
                    raise  # what is wrong with a field of the config or with a column holds for all rows
                return label, (), notations
    raise DataError("there are no rows", path=config.train)


def _first_summary(
    batch: pa.RecordBatch,
    config: Data,
    champion: Reference | None,
    notations: Mapping[str, Notation] = MappingProxyType({}),
) -> Summary:
    """Returns the summary of the first rows; of a wide table, only what tells the meaning of its columns.

    Numbers with a fraction are no identifiers, and no days: they are an input whatever else they are.
    """
    if champion is not None or batch.num_columns < WIDE:
        return Summary.of(batch, config, notations)
    names = batch.schema.names
    left = {*notations, *config.columns, *config.drop, *label_columns(names, config)}
    clear = fractions(batch, [place for place, name in enumerate(names) if name not in left])
    rest = Summary.of(
        batch.select([place for place in range(len(names)) if place not in clear]), config, notations
    )
    columns = {
        name: clear[place] if place in clear else rest.columns[name] for place, name in enumerate(names)
    }
    return Summary(batch.num_rows, columns)


def _meaning(summary: Summary, config: Data, champion: Reference | None) -> tuple[Meaning, list[str]]:
    changes = schema_changes(champion, summary, config) if champion else []
    if champion and not changes:
        schema = champion.schema
        return Meaning(schema.task, schema.label, schema.classes, schema.columns), []
    return infer_schema(summary, config), changes


def _labels(
    summary: Summary, config: Data, champion: Reference | None, changes: Sequence[str]
) -> dict[str, LabelMeaning]:
    """Returns what each of several labels means: to the champion, where nothing of its schema has changed."""
    if champion and not changes:
        parts = champion.schema.parts.items()
        return {name: LabelMeaning(part.task, part.label, part.classes) for name, part in parts}
    return infer_labels(summary, config)
