"""The ``data`` section: where the examples are and how to read them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from trimtab.batch import INPUT, OUTPUT
from trimtab.config.base import Location, Section
from trimtab.config.data_limits import DataLimits
from trimtab.config.registered import Registered
from trimtab.registry import INPUTS, READERS, TASKS, module

Format = Annotated[str, Registered(READERS)]
TABLE_COLUMNS = ("numeric", "categorical", "datetime")
ColumnKind = Annotated[str, Registered(INPUTS, {"tabular": TABLE_COLUMNS})]
Task = Annotated[str, Registered(TASKS)]


_TEST_SHARE = 0.2
_GAP = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Numbers(Section):
    """How the numbers of a column are written."""

    decimal: Literal[".", ","] = Field(
        description="The sign before a fraction; the other one stands between thousands."
    )


class Dates(Section):
    """How the dates of a column are written."""

    order: Literal["dmy", "mdy"] = Field(description="Whether the day or the month stands first.")


class NumericColumn(Section):
    """A column of numbers, and how they are written."""

    numeric: Numbers


class DatetimeColumn(Section):
    """A column of dates, and how they are written."""

    datetime: Dates


def _form(value: Any) -> str:
    """Returns which form the setting of a column has."""
    if isinstance(value, dict):
        return "datetime" if "datetime" in value else "numeric"
    if isinstance(value, NumericColumn):
        return "numeric"
    return "datetime" if isinstance(value, DatetimeColumn) else "kind"


ColumnSetting = Annotated[
    Annotated[ColumnKind, Tag("kind")]
    | Annotated[NumericColumn, Tag("numeric")]
    | Annotated[DatetimeColumn, Tag("datetime")],
    Discriminator(_form),
]


def _as_text(value: Any) -> Any:
    """Returns a label that YAML takes for a number or a truth value as data has it."""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else value


class Split(Section):
    """How rows go to each side when no separate files are given: by their content, or by their time."""

    validation: float = Field(
        0.1, gt=0, le=0.5, description="Share of the training rows held out for choices."
    )
    test: float = Field(_TEST_SHARE, gt=0, le=0.9, description="Share of all rows held out for the proof.")
    by: Literal["content", "time"] = Field(
        "content", description="`time`: the latest rows are the test split, those before them validation."
    )
    column: str | None = Field(
        None, description="By time: when a row happened, ISO dates, timestamps or numbers. It is no input."
    )
    gap: float | str | None = Field(
        None,
        description="By time: rows this close before a later split are left out. `12h`, `1d`, `2w` (s, min, "
        "h, d, w) for dates; a number where the column holds numbers.",
    )

    @model_validator(mode="after")
    def _by_time(self) -> Self:
        if self.by == "time" and self.column is None:
            raise ValueError("by: time needs the column that says when a row happened, as in column: date")
        if self.by != "time" and (self.column is not None or self.gap is not None):
            raise ValueError("column and gap are for by: time")
        _ = self.gap_seconds
        return self

    @property
    def gap_seconds(self) -> float | None:
        """Returns a gap that is a duration; None for one that is a number, or where there is none."""
        if not isinstance(self.gap, str):
            if self.gap is not None and self.gap < 0:
                raise ValueError(f"gap: expected 0 or more, got {self.gap:g}")
            return None
        match = _GAP.fullmatch(self.gap.strip())
        if match is None:
            raise ValueError(f"gap: expected a duration such as 12h, 1d or 2w, or a number; got {self.gap!r}")
        return float(match[1]) * _SECONDS[match[2]]


class Folds(Section):
    """A test on all rows: each fold's by models that have not seen them."""

    folds: int = Field(
        ge=2, le=20, description="The rows are shared out to so many folds, at so many trainings."
    )


def _which_test(value: Any) -> str:
    """Returns which form `test` has."""
    return "shared out" if isinstance(value, dict | Folds) else "source"


TestSetting = Annotated[
    Annotated[Location, Tag("source")] | Annotated[Folds, Tag("shared out")], Discriminator(_which_test)
]


class Image(Section):
    """How images become tensors."""

    height: int | None = Field(None, ge=4, le=1024, description="Pixels; null: the most common height.")
    width: int | None = Field(None, ge=4, le=1024, description="Pixels; null: the most common width.")
    channels: Literal[1, 3] | None = Field(
        None, description="1 grey, 3 RGB; null: grey if every image is grey."
    )


class Audio(Section):
    """How waveforms become log-mel spectrograms."""

    sample_rate_hz: int | None = Field(None, ge=4000, le=96000, description="Null: the most common rate.")
    duration_s: float | None = Field(
        None, gt=0, le=60, description="Clips are cut or zero-padded to it; null: 95th percentile of lengths."
    )
    frame_ms: float = Field(40.0, gt=0, le=200, description="Length of the analysis window.")
    hop_ms: float = Field(20.0, gt=0, le=200, description="Step between windows.")
    mel_bins: int = Field(40, ge=8, le=256, description="Mel filters per frame.")


class Text(Section):
    """How free text becomes tokens."""

    vocabulary_size: int = Field(
        10_000, ge=10, le=1_000_000, description="Most frequent training tokens kept, or pieces of them."
    )
    max_tokens: int | None = Field(None, ge=2, le=4096, description="Null: the 95th percentile of lengths.")


class Masks(Section):
    """How the masks of a segmentation are written: images of one channel, a number a pixel."""

    classes: Annotated[list[str], Field(min_length=2, max_length=255)] | None = Field(
        None,
        description="The names of the classes, in the order of the pixels' values from 0 on; null: the "
        "values themselves, from 0 to the largest one.",
    )
    ignore: int | None = Field(
        255, ge=0, le=65_535, description="The value of pixels that count for nothing; null: there are none."
    )
    binary: bool = Field(
        False, description="Every value but 0 is of the second class, as where masks are 0 and 255."
    )

    @model_validator(mode="after")
    def _two_classes(self) -> Self:
        if self.classes is not None and len(set(self.classes)) < len(self.classes):
            raise ValueError("classes: expected different names")
        if self.binary and self.classes is not None and len(self.classes) != 2:
            raise ValueError(f"binary: expected two classes, found {len(self.classes)}")
        return self


class Ids(Section):
    """How columns of ids become numbers, each of a vector that is learned."""

    vocabulary_size: int = Field(
        100_000,
        ge=1,
        le=10_000_000,
        description="Most frequent training ids that have a number of their own.",
    )
    shared: int = Field(
        1, ge=1, le=1_000_000, description="Numbers that all other ids share, new ones among them, by a hash."
    )
    separator: str = Field("|", min_length=1, description="What stands between the ids of a row.")
    max_ids: int | None = Field(
        None, ge=1, le=4096, description="The last ids of a row are kept; null: the 95th percentile."
    )


class NamedInput(Section):
    """One of a model's inputs, and the columns that it is made of: one of the three."""

    columns: list[str] | None = Field(
        None, min_length=1, description="Numbers, categories and dates of a table, as one vector."
    )
    column: str | None = Field(None, description="One column by itself, such as a text.")
    files: str | None = Field(
        None, description="A column of paths of images, relative to the folder of the table."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(each is not None for each in (self.columns, self.column, self.files)) != 1:
            raise ValueError("expected one of columns, column and files, as in {columns: [age, sex]}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Returns its columns."""
        return tuple(self.columns or (str(self.column or self.files),))


InputKey = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]


class NamedLabel(Section):
    """One of several labels, each of which a model has an output for."""

    column: str | None = Field(None, description="Its column; null: that of its name.")
    task: Task | None = Field(None, description="Null: inferred from the column.")
    loss_weight: float = Field(
        1.0, gt=0, le=1e6, description="What its loss is multiplied by, in the sum that is trained for."
    )


class Data(Section):
    """Where the examples are, what they mean, and how they are split."""

    train: Location = Field(
        description="A file, glob, directory or .zip, also `gs://`, `s3://`; or `sklearn://digits`."
    )
    validation: Location | None = Field(
        None, description="Validation examples; null: split off the training rows."
    )
    test: TestSetting | None = Field(
        None,
        description="Test examples; null: split off by content hash; `{folds: 5}`: all rows are tested, each "
        "by models that were made without it.",
    )
    format: Format | None = Field(None, description="Null: from the file's ending or the folder's content.")
    label: str | Annotated[list[str], Field(min_length=2)] | None = Field(
        None,
        description="The label's column or array; or several, of which each says by 0 or 1 whether the label "
        "of its name applies. Folders label by class folder; npz defaults to `y`.",
    )
    labels: dict[InputKey, NamedLabel] = Field(
        {},
        description="Several labels by name, each of a task of its own: a model has an output of each name. "
        "Rows are shared out to the splits by the first one's classes. Empty: there is one, see `label`.",
    )
    label_separator: str = Field(
        "|", min_length=1, description="Multilabel: what stands between the labels of a row."
    )
    label_spelling: Literal["keep", "fold"] = Field(
        "keep", description="`fold`: labels that differ in case or blanks only are one, in lower case."
    )
    normal: Annotated[str, BeforeValidator(_as_text)] | None = Field(
        None,
        description="Anomaly: the label of normal rows. It is trained on them alone; all others are tested.",
    )
    false_alarm_rate: float = Field(
        0.05, gt=0, lt=1, description="Anomaly: the share of normal rows that may be taken for anomalies."
    )
    masks: Masks | None = Field(
        None,
        description="Segmentation: the label is an image of classes, in the column of `data.label` (paths, "
        "or contents in Parquet), or beside the images: `images/` and `masks/`, with files of the same "
        "names. `{}`: the values are the classes.",
    )
    task: Task | None = Field(None, description="Null: inferred from the label.")
    columns: dict[str, ColumnSetting] = Field(
        {}, description="Overrides of the inferred kind and of how values are written, per column."
    )
    inputs: dict[InputKey, NamedInput] = Field(
        {},
        description="A model's inputs by name, and the columns of the table that each is made of; all other "
        "columns are left out. Empty: all columns are one input.",
    )
    drop: list[str] = Field([], description="Columns left out.")
    group_by: str | None = Field(
        None,
        description="A column whose groups stay on one side of the split, and count as one in the proof. "
        "With `split.by: time` they only do the latter, and the column may be input.",
    )
    split: Split = Split()
    image: Image = Image()
    audio: Audio = Audio()
    text: Text = Text()
    ids: Ids = Ids()
    max_bad_fraction: float = Field(
        0.0, ge=0, lt=1, description="Share of unreadable files or rows tolerated."
    )
    max_columns: int = Field(
        110_000, ge=1, description="More columns of a table than this are refused, the label among them."
    )
    limits: DataLimits = Field(DataLimits(), description="What reading may take; more is refused.")
    min_rows_per_class: int = Field(5, ge=2, description="Fewer rows of a class than this stop the run.")
    workers: int | None = Field(
        None,
        ge=1,
        description="Processes that read and write; null: one a CPU, of the quota in a container.",
    )

    @property
    def folds(self) -> int:
        """Returns how many folds all rows are tested by; 1: there is one test split."""
        return self.test.folds if isinstance(self.test, Folds) else 1

    @property
    def of_one_fold(self) -> Self:
        """Returns the section as one fold has it: its share of the rows is split off for the test."""
        if not isinstance(self.test, Folds):
            return self
        split = self.split.model_copy(update={"test": 1 / self.folds})
        return self.model_copy(update={"test": None, "split": split})

    @property
    def each_label(self) -> dict[str, Self]:
        """Returns the section as each of several labels has it alone, by name; of one label, itself."""
        if not self.labels:
            return {"": self}
        return {
            name: self.model_copy(update={"labels": {}, "label": given.column or name, "task": given.task})
            for name, given in self.labels.items()
        }

    @property
    def named_labels(self) -> list[str]:
        """Returns the columns of labels that are named: none where one is looked for."""
        named = [each.label for each in self.each_label.values()]
        return [column for label in named for column in (label if isinstance(label, list) else [label or ""])]

    @property
    def given_test(self) -> str | None:
        """Returns where the test examples are; None: they are split off."""
        return self.test if isinstance(self.test, str) else None

    @property
    def file_columns(self) -> tuple[str, ...]:
        """Returns the columns that hold the paths of files."""
        labels = (self.label,) if self.masks is not None and isinstance(self.label, str) else ()
        return (*self.input_files, *labels)

    @property
    def input_files(self) -> tuple[str, ...]:
        """Returns the columns of inputs that hold the paths of files."""
        return tuple(each.files for each in self.inputs.values() if each.files is not None)

    def kind_set(self, column: str) -> ColumnKind | None:
        """Returns the kind that is set for a column, or None."""
        setting = self.columns.get(column)
        if isinstance(setting, NumericColumn):
            return "numeric"
        return "datetime" if isinstance(setting, DatetimeColumn) else setting

    @model_validator(mode="after")
    def _labels_of_a_table(self) -> Self:
        if not self.labels:
            return self
        if len(self.labels) == 1:
            raise ValueError("labels: of one label, name the column by label")
        if self.label is not None or self.task is not None:
            raise ValueError("labels: each names its column and its task: leave label and task out")
        meanings = [module(TASKS, each.task).TASK.meaning for each in self.labels.values() if each.task]
        if self.masks is not None or any(meaning.takes_masks for meaning in meanings):
            raise ValueError("labels: masks are a row's only label")
        if self.normal is not None or any(meaning.trains_on_normal_rows for meaning in meanings):
            raise ValueError("labels: an anomaly's model repeats its input, and has no other output")
        if self.folds > 1:
            raise ValueError("labels: test.folds takes one label: each fold standardizes numbers by itself")
        for name in self.labels:
            if name == OUTPUT or name in self.inputs:
                raise ValueError(f"labels: {name} is what another tensor of the model is called")
        columns = self.named_labels
        for column in columns:
            if columns.count(column) > 1:
                raise ValueError(f"labels: {column} is the column of two of them")
            if column in self.drop:
                raise ValueError(f"labels: {column} is left out by drop")
            if column in (self.group_by, self.split.column):
                raise ValueError(f"labels: {column} decides how rows are split: it cannot be a label")
        return self

    @model_validator(mode="after")
    def _inputs_of_a_table(self) -> Self:
        labels = self.named_labels
        for name, given in self.inputs.items():
            if name == INPUT:
                raise ValueError(
                    f"inputs: {name} is what a model's only input is called: choose another name"
                )
            for column in given.names:
                if column in labels:
                    raise ValueError(f"inputs.{name}: {column} is the label")
                if column in self.drop:
                    raise ValueError(f"inputs.{name}: {column} is left out by drop")
                if column == self.group_by and self.split.by != "time":
                    raise ValueError(f"inputs.{name}: {column} groups rows: it cannot be input")
        if self.masks is not None and (self.normal is not None or isinstance(self.label, list)):
            raise ValueError("masks: a mask is one label, and says nothing of what is normal")
        if len(self.inputs) > 1 and self.normal is not None:
            raise ValueError("inputs: an anomaly's model repeats its input, which must be one")
        return self

    @model_validator(mode="after")
    def _one_way_to_split(self) -> Self:
        if self.folds > 1 and self.split.by == "time":
            raise ValueError(
                "test.folds and split.by: time cannot both decide: all but one fold would be trained on what "
                "came later than its test rows"
            )
        if self.folds > 1 and self.split.test != _TEST_SHARE:
            raise ValueError("test.folds and split.test cannot both decide: a fold's share is 1 / folds")
        if self.folds > 1 and self.normal is not None:
            raise ValueError(
                "test.folds is not for anomalies: each fold's model would have a threshold of its own"
            )
        if self.split.column is not None and self.split.column == self.label:
            raise ValueError(f"split.column: {self.label} is the label")
        return self
