"""Takes an untrained model through candidates' whole ways on a few rows: steps, files, runtime."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from trimtab.artifacts import dataset as datasets
from trimtab.artifacts.store import ContentStore
from trimtab.batch import fed
from trimtab.compress.apply import apply
from trimtab.compress.base import Context
from trimtab.compress.ending import write
from trimtab.config.chains import Candidate, Ending, Step
from trimtab.config.config import Config
from trimtab.config.fine_tuning import FineTuning
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.few import few
from trimtab.errors import CompressionError, ModelError, TrimtabError, WeightsError
from trimtab.models import archive, registry
from trimtab.stages import settings
from trimtab.stages.making import heard
from trimtab.stages.making.brief import BATCH_SIZE, BRIEF, ROWS, short
from trimtab.stages.making.heard import ENDING, STEPS, Heard
from trimtab.stages.making.labelled import labelled
from trimtab.stages.making.teaching import teaching
from trimtab.train import determinism, loop
from trimtab.train.library import KERAS, Library
from trimtab.train.settings import TrainSettings
from trimtab.train.spec import model_spec


def rehearse(run_uri: str, dataset: str, candidates: Sequence[str], file: str) -> None:
    """Rehearses candidates, and says what comes of each as it goes.

    Args:
        run_uri: The URI of the run's directory.
        dataset: The reference of the dataset.
        candidates: Their ids.
        file: Where it is said; see ``heard``.

    Raises:
        TrimtabError: If the model cannot be built, saved and loaded.
    """
    data = datasets.read(ContentStore(run_uri), dataset, ["train", "validation"])
    on(settings.of(run_uri), data, candidates, Path(file))


def on(config: Config, data: Dataset, candidates: Sequence[str], file: Path) -> None:
    """Rehearses candidates on a dataset; see ``rehearse``."""
    _silence()
    with tempfile.TemporaryDirectory(prefix="trimtab-rehearsal-") as scratch:
        stage = _Stage(config, few(data, ROWS, Path(scratch) / "data"), Path(scratch))
        for name in candidates:
            _rehearse(stage, config.candidates()[name], file)


def _silence() -> None:
    """Lets this process, which is a child, say no more: converters and the loop tell what nobody asked."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _rehearse(stage: _Stage, candidate: Candidate, file: Path) -> None:
    now = Heard(candidate=candidate.id, part=STEPS)
    heard.say(file, now)
    try:
        model = stage.branch(candidate.branch.steps)
        now.part = ENDING
        heard.say(file, now)
        stage.write(candidate.ending, model)
        now.outcome = "works"
    except WeightsError as error:
        now.outcome, now.reason = "unsure", error_text(error)
    except (CompressionError, ModelError) as error:
        now.outcome, now.reason = "fails", error_text(error)
    except Exception as error:
        # A step may refuse what nobody has trained, or so few rows: that says nothing of the model.
        now.outcome, now.reason = "unsure", error_text(error)
    heard.say(file, now)


def error_text(error: Exception) -> str:
    """Returns an error in words, without the paths of what is only tried."""
    if isinstance(error, TrimtabError):
        return TrimtabError(error.message, field=error.field, hint=error.hint).describe()
    return f"{type(error).__name__}: {error}"


class _Stage:
    """The untrained model, and the few rows that it is tried on.

    Args:
        config: The resolved config.
        data: A few rows.
        scratch: A directory for what is made.
    """

    def __init__(self, config: Config, data: Dataset, scratch: Path) -> None:
        determinism.prepare(config.seed)
        self._data, self._scratch, self._seed = data, scratch, config.seed
        self._brought = config.model
        self._settings = TrainSettings.of(config, data, BRIEF)
        built = registry.build(config.model, model_spec(data.schema), keras_tuner.HyperParameters())
        self._branches: dict[str, keras.Model | Exception] = {"[]": self._saved(built)}

    def branch(self, steps: Sequence[Step]) -> keras.Model:
        """Returns the model after some steps; those that begin alike are made once.

        Raises:
            TrimtabError: If a step cannot be applied; so for each branch that has it.
        """
        name = repr(list(steps))
        if name not in self._branches:
            try:
                before = self.branch(steps[:-1])
                self._branches[name] = self._saved(apply(short(steps[-1]), before, self._context()))
            except Exception as error:
                self._branches[name] = error
        made = self._branches[name]
        if isinstance(made, Exception):
            raise made
        return made

    def write(self, ending: Ending, model: keras.Model) -> None:
        """Makes the files of a candidate, and has them answer.

        Raises:
            CompressionError: If the runtime cannot take the model so.
        """
        with tempfile.TemporaryDirectory(dir=self._scratch) as directory:
            brief = Ending(ending.candidate, short(ending.step), ending.runtime)
            write(model, brief, Path(directory), self._context())

    def _saved(self, model: keras.Model) -> keras.Model:
        """Returns the model as the tasks that follow find it: in a file."""
        with tempfile.TemporaryDirectory(dir=self._scratch) as directory:
            file = Path(directory) / "model.keras"
            model.save(file)
            return archive.load(file, self._brought)

    def _context(self) -> Context:
        return Context(
            seed=self._seed,
            task=self._data.schema.task,
            steps_per_epoch=-(-self._data.rows["train"] // BATCH_SIZE),
            fine_tune=self._fine_tune,
            calibration=cache(lambda n: fed(self._data.sample("train", n, self._seed)[0])),
            say=lambda _text: None,
            labelled=labelled(self._data, self._seed, self._settings.errors),
        )

    def _fine_tune(
        self, model: Any, tuning: FineTuning, *, callbacks: Sequence[Any] = (), library: Library | None = None
    ) -> None:
        teacher = tuning.teacher
        loop.fit(
            model,
            self._data,
            self._settings.for_fine_tuning(tuning),
            label="rehearsal",
            labels=teaching(self._data, lambda: self.branch(()))(teacher) if teacher else None,
            callbacks=callbacks,
            library=library or KERAS,
        )
