"""KerasTuner's search loop around our training loop, resumed by replay.

KerasTuner 1.4.8 resumes from files that it writes in place, several for every step: a kill between two of
them repeats or drops a finished trial, one inside them leaves JSON that it cannot read, and the Bayesian
oracle does not save the state of its random numbers. So its files are never read here. Its oracles are
deterministic, given their seed and the results: a search that was killed is played again from its first
trial, and every trial that had ended is answered from our journal at once. The trial that was running goes on
from its own checkpoint.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import keras
import keras_tuner
import tensorflow as tf
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FailedTrialError, FatalRuntimeError

from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import ModelError, TrainingError
from trimtab.train import determinism, distribution, loop
from trimtab.train.settings import TrainSettings
from trimtab.train.workspace import Workspace
from trimtab.tune import hparams
from trimtab.tune.journal import Entry, Journal
from trimtab.tune.oracles import EPOCHS

Build = Callable[[keras_tuner.HyperParameters], keras.Model]
# Hidden: nobody reads them, so they are not published.
_OWN_FILES = ".keras_tuner"
Settings = Callable[[keras_tuner.HyperParameters], TrainSettings]


class Tuner(BaseTuner):  # type: ignore[misc]
    """Runs the trials that an oracle asks for.

    Args:
        oracle: A new oracle.
        build: Builds a model; it asks for the optimizer's hyper-parameters too.
        settings: The training settings of a trial.
        dataset: The dataset artifact.
        journal: The trials that have ended.
        workspace: The search's directories.
        say: Reports one line of progress.
    """

    def __init__(
        self,
        *,
        oracle: keras_tuner.Oracle,
        build: Build,
        settings: Settings,
        dataset: Dataset,
        journal: Journal,
        workspace: Workspace,
        say: Callable[[str], None],
    ) -> None:
        self._settings, self._dataset, self._journal = settings, dataset, journal
        self._workspace, self._say = workspace, say
        self.entries: list[Entry] = []
        self.fatal: Exception | None = None
        oracle.verbose = 0
        super().__init__(
            oracle, build, directory=str(workspace.checkpoints), project_name=_OWN_FILES, overwrite=True
        )

    def run_trial(self, trial: Trial, *_: Any, **__: Any) -> dict[str, float]:
        """Answers a trial from the journal, or runs it and writes it down.

        Raises:
            FailedTrialError: If the trial failed; the search goes on.
            FatalRuntimeError: If no trial can work; ``fatal`` holds the error.
        """
        try:
            entry = self._ended(trial)
        except Exception as error:  # KerasTuner would take any other exception for a failed trial, and go on
            self.fatal = error
            raise FatalRuntimeError(str(error)) from error
        self.entries.append(entry)
        self._say(self._line(entry))
        if entry.score is None:
            raise FailedTrialError(entry.reason)
        return {self.oracle.objective.name: entry.score}

    def _ended(self, trial: Trial) -> Entry:
        # KerasTuner registers what a model newly asks for while it builds, so the values are taken before
        # that.
        values = dict(trial.hyperparameters.values)
        entry = self._journal.read(trial.trial_id, values)
        if entry is None:
            entry = self._run(trial, values)
            hparams.write_trial(self._workspace.logs / trial.trial_id, entry, self.oracle.objective.name)
            self._journal.write(entry)
            shutil.rmtree(self._of(trial).checkpoints, ignore_errors=True)
            self._workspace.publish()
        return entry

    def save_model(self, trial_id: str, model: keras.Model, step: int = 0) -> None:
        """Keeps nothing: the train stage trains the best hyper-parameters anew."""

    def load_model(self, trial: Trial) -> keras.Model:
        """Returns an untrained model of a trial."""
        return self.hypermodel.build(trial.hyperparameters)

    def _run(self, trial: Trial, values: dict[str, Any]) -> Entry:
        began, entry = time.monotonic(), Entry(trial.trial_id, values, None)
        try:
            history = self._fit(trial)
        except (TrainingError, ModelError) as error:
            entry = replace(entry, reason=error.message)
        except tf.errors.OpError as error:
            entry = replace(entry, reason=f"{type(error).__name__}: {error.message.splitlines()[0]}")
        else:
            score = history.kept_epoch[self.oracle.objective.name]
            entry = replace(entry, score=score, history=history.epochs)
        return replace(entry, seconds=round(time.monotonic() - began, 3))

    def _fit(self, trial: Trial) -> Any:
        # A trial computes the same whichever process it runs in: names and seeds start anew.
        keras.backend.clear_session()
        settings = self._settings(trial.hyperparameters)
        determinism.prepare(settings.seed)
        with distribution.strategy().scope():
            model = self.hypermodel.build(trial.hyperparameters)
        return loop.fit(
            model,
            self._dataset,
            settings,
            label=f"tune trial {trial.trial_id}",
            workspace=self._of(trial),
        )

    def _of(self, trial: Trial) -> Workspace:
        return Workspace(
            self._workspace.checkpoints / "running" / str(trial.trial_id),
            self._workspace.logs / str(trial.trial_id),
            self._workspace.publish,
        )

    def _line(self, entry: Entry) -> str:
        number = f"trial {len(self.entries)}/{self.oracle.max_trials}"
        shown = "  ".join(
            f"{n}={v:.4g}" if isinstance(v, float) else f"{n}={v}" for n, v in entry.values.items()
        )
        if entry.score is None:
            return f"{number}  failed: {entry.reason}  {shown}"
        scores = [other.score for other in self.entries if other.score is not None]
        best = max(scores) if self.oracle.objective.direction == "max" else min(scores)
        epochs = f"{entry.values[EPOCHS]} epochs  " if EPOCHS in entry.values else ""
        return f"{number}  {self.oracle.objective.name} {entry.score:.4f} (best {best:.4f})  {epochs}{shown}"


@contextlib.contextmanager
def unwrapped_errors(tuner: Tuner) -> Iterator[None]:
    """Raises the error that ended a search as it was, without KerasTuner's wrapping."""
    try:
        yield
    except FatalRuntimeError:
        if tuner.fatal is None:
            raise
        raise tuner.fatal from None
