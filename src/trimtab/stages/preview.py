"""What a dry run says of the data and the model: what the first stages would find, and keep nothing of."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import BaseModel, Field

from trimtab.artifacts.proof import Reach
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.pooled import Pooled
from trimtab.data.prepare import split
from trimtab.data.prepare.prepare import PreparedSummary, prepare
from trimtab.data.prepare.sources import checksums_of
from trimtab.data.prepare.work import is_small, parts_of
from trimtab.data.schema import DatasetSchema, shapes, shapes_told
from trimtab.evaluate.bounds.proportions import Sizes
from trimtab.quiet import quiet
from trimtab.runtimes import sources
from trimtab.stages import reach, rehearsal, reuse
from trimtab.stages.model_form import bounded, form_of, with_keras
from trimtab.stages.proving import check_limits
from trimtab.storage.copies import local_copies
from trimtab.storage.objects.location import is_remote

_MOST_BYTES = 16 << 20


class Preview(BaseModel):
    """What the data are, and what their test rows can prove."""

    task: str = Field(description="What the label means.")
    label: str = Field(description="Its column.")
    classes: list[str] = Field(description="Their names; empty where there are none.")
    rows: dict[str, int] = Field(description="Rows by split; with folds, of the first one.")
    folds: int = Field(1, description="How many folds all rows are tested by; 1: one test split.")
    input_kind: str = Field(description="What the model takes.")
    input_shape: list[int] = Field(description="Of one example; empty where there are several inputs.")
    inputs: dict[str, list[int]] = Field({}, description="The same by input, where there are several.")
    warnings: list[str] = Field(description="What people should know of the data.")
    reach: list[Reach] = Field(description="What the test rows can prove at best.")
    untried: str = Field(description="What a dry run leaves open, and when a run tells.")

    @property
    def sentence(self) -> str:
        """Returns it in a line."""
        rows = ", ".join(f"{count:,} {name}" for name, count in self.rows.items())
        if self.folds > 1:
            rows = f"{rows} (the first of {self.folds} folds)"
        shape = shapes_told(self.input_shape, self.inputs)
        classes = f" of {len(self.classes)} classes" if self.classes else ""
        return (
            f"{rows} rows; {self.task} of {self.label}{classes}; the model takes {self.input_kind}, {shape}"
        )


def preview(config: Config) -> Preview | None:
    """Returns what the first stages would find; None of what is not here, or larger than 16 MB.

    The model is built and tried on a few examples as training would do it; of a file of a runtime, it is only
    made sure that it is there.

    Args:
        config: The resolved config.

    Raises:
        TrimtabError: If a run would end with it before it trains.
    """
    if any(is_remote(source) for source in split.sources(config.data).values()):
        return None
    if not is_small(parts_of(config.data), _MOST_BYTES):
        return None
    form, notes = form_of(config.model)
    with tempfile.TemporaryDirectory(prefix="trimtab-preview-") as directory:
        prepared = prepare(
            config.data,
            seed=config.seed,
            directory=Path(directory),
            form=form,
            slices=config.budget.columns,
        )
        reaches = _reach(config, _opened(Path(directory), prepared))
    _try_model(config, prepared.schema)
    return _preview(config, prepared, notes, reaches)


def _try_model(config: Config, schema: DatasetSchema) -> None:
    if sources.own_runtime(config.model.archive) is not None:
        for part in sources.parts(str(config.model.archive)):
            checksums_of(part)
        return
    archive = config.model.archive
    if archive is None:
        _build(config, schema)
        return
    with local_copies() as copies:
        bounded(archive, Path(copies.local(archive)), with_keras(config.model.limits), _build, config, schema)


def _build(config: Config, schema: DatasetSchema) -> None:
    with quiet():
        # TensorFlow, which nothing else here needs.
        from keras_tuner import HyperParameters

        from trimtab.models.registry import build
        from trimtab.train.spec import model_spec
        from trimtab.train.weighting import check_class_weights

        check_class_weights(config.train.class_weight, schema)
        build(config.model, model_spec(schema), HyperParameters())


def _opened(directory: Path, prepared: PreparedSummary) -> Dataset:
    """Returns the dataset that was prepared, of which nothing else is asked than its rows."""
    return Dataset(
        path=directory,
        schema=prepared.schema,
        statistics={},
        rows=prepared.rows,
        fingerprint=prepared.content.fingerprint,
        test_fingerprint=prepared.content.test,
        warnings=[],
        sources={},
        content_rows={},
        schema_changes=[],
        sides_changed=[],
        champion=None,
        digest="",
    )


def _reach(config: Config, data: Dataset) -> list[Reach]:
    """Returns what the test rows can prove at best; of slices and classes, where there are no folds."""
    task, decisions = data.schema.task, _decisions(config, data)
    if config.data.folds > 1:
        # A fold is a sample of all rows, and has copies and groups as large as they do.
        everything = Sizes.of(data.rows["test"], data.groups("test")).scaled(
            reach.shared_out(config.data, data.rows)
        )
        return reach.known(config, task, reach.Rows(everything, folds=config.data.folds), decisions)
    groups = data.groups("test")
    others = check_limits(config, Pooled([data]), groups)
    rows = reach.Rows(Sizes.of(data.rows["test"], groups), reach.in_folds(config, data.rows))
    return reach.known(config, task, rows, decisions, others)


def _decisions(config: Config, data: Dataset) -> int:
    """Returns how often the test rows have decided before, where that has its price."""
    if config.proof.reuse != "spend" or config.deploy.target is None:
        return 0
    return reuse.before(config, "", data)


def _preview(config: Config, prepared: PreparedSummary, notes: list[str], reaches: list[Reach]) -> Preview:
    schema = prepared.schema
    return Preview(
        task=schema.task,
        label=schema.label,
        classes=schema.classes,
        rows=prepared.rows,
        folds=config.data.folds,
        input_kind=schema.input.kind,
        input_shape=[] if schema.input.parts else list(schema.input.shape),
        inputs=shapes(schema),
        warnings=[*prepared.warnings, *notes],
        reach=reaches,
        untried=_untried(config, prepared.rows["train"]),
    )


def _untried(config: Config, examples: int) -> str:
    """Returns what no dry run tries, as it takes a child process a recipe, or a runtime."""
    if sources.own_runtime(config.model.archive) is not None:
        return "running the model's file, which is there: a run does before anything is made of it"
    open_still = "whether the recipes can be made of the model"
    if config.train.epochs == 0:
        return f"{open_still}: a run finds out recipe by recipe"
    if rehearsal.is_worth_it(config, examples):
        return f"{open_still}: a run rehearses each kind of recipe before its first epoch"
    return f"{open_still}: so short a training of a built-in architecture is not rehearsed either"
