"""What a dry run says of the data and the model: what the first stages would find, and keep nothing of."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import BaseModel, Field

from trimtab.artifacts.proof import Reach
from trimtab.config.config import Config
from trimtab.data.prepare import split
from trimtab.data.prepare.prepare import PreparedSummary, prepare
from trimtab.data.prepare.sources import checksums_of
from trimtab.data.prepare.work import is_small, parts_of
from trimtab.data.schema import DatasetSchema
from trimtab.quiet import quiet
from trimtab.runtimes import sources
from trimtab.stages import reach
from trimtab.stages.model_form import form_of
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
    input_shape: list[int] = Field(description="Of one example.")
    warnings: list[str] = Field(description="What people should know of the data.")
    reach: list[Reach] = Field(description="What the test rows can prove at best.")

    @property
    def sentence(self) -> str:
        """Returns it in a line."""
        rows = ", ".join(f"{count:,} {name}" for name, count in self.rows.items())
        if self.folds > 1:
            rows = f"{rows} (the first of {self.folds} folds)"
        shape = " x ".join(map(str, self.input_shape))
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
    _try_model(config, prepared.schema)
    return _preview(config, prepared, notes)


def _try_model(config: Config, schema: DatasetSchema) -> None:
    if sources.own_runtime(config.model.archive) is not None:
        for part in sources.parts(str(config.model.archive)):
            checksums_of(part)
        return
    with quiet():
        # TensorFlow, which nothing else here needs.
        from keras_tuner import HyperParameters

        from trimtab.models.registry import build
        from trimtab.train.spec import model_spec

        build(config.model, model_spec(schema), HyperParameters())


def _preview(config: Config, prepared: PreparedSummary, notes: list[str]) -> Preview:
    schema = prepared.schema
    return Preview(
        task=schema.task,
        label=schema.label,
        classes=schema.classes,
        rows=prepared.rows,
        folds=config.data.folds,
        input_kind=schema.input.kind,
        input_shape=list(schema.input.shape),
        warnings=[*prepared.warnings, *notes],
        reach=reach.known(config, schema.task, _rows(config, prepared.rows)),
    )


def _rows(config: Config, rows: dict[str, int]) -> reach.Rows:
    if config.data.folds > 1:
        return reach.Rows(reach.shared_out(config.data, rows), folds=config.data.folds)
    return reach.Rows(rows["test"], reach.in_folds(config.data, rows))
