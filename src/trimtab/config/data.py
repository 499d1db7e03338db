"""The ``data`` section: where the examples are and how to read them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from trimtab.batch import INPUT, OUTPUT
from trimtab.config.base import Location, Section
from trimtab.config.columns import ColumnKind, ColumnSetting, DatetimeColumn, NumericColumn
from trimtab.config.data_limits import DataLimits
from trimtab.config.kinds.audio import Audio
from trimtab.config.kinds.ids import Ids
from trimtab.config.kinds.image import Image
from trimtab.config.kinds.masks import Masks
from trimtab.config.kinds.text import Text
from trimtab.config.named import Name, NamedInput, NamedLabel, Task
from trimtab.config.registered import Registered
from trimtab.config.split import TEST_SHARE, Folds, Split, TestSetting
from trimtab.registry import READERS, TASKS, module

Format = Annotated[str, Registered(READERS)]


def _as_text(value: Any) -> Any:
    """Returns a label that YAML takes for a number or a truth value as data has it."""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else value


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
    labels: dict[Name, NamedLabel] = Field(
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
    inputs: dict[Name, NamedInput] = Field(
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
        description="Processes that read and write; null: one a CPU, of the quota in a container, and one "
        "for four CPUs where each has very many columns to share among threads.",
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
    def groups_alone(self) -> str | None:
        """Returns the column that groups rows, unless an input names it, too, as users of ratings are."""
        is_input = any(self.group_by in given.names for given in self.inputs.values())
        return None if is_input else self.group_by

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
        if self.folds > 1 and self.split.test != TEST_SHARE:
            raise ValueError("test.folds and split.test cannot both decide: a fold's share is 1 / folds")
        if self.folds > 1 and self.normal is not None:
            raise ValueError(
                "test.folds is not for anomalies: each fold's model would have a threshold of its own"
            )
        if self.split.column is not None and self.split.column == self.label:
            raise ValueError(f"split.column: {self.label} is the label")
        return self
