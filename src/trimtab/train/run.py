"""One run of the loop: what counts, checkpoints, logs and stops, and the calls of ``fit`` around it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trimtab import preemption
from trimtab.errors import TrainingError
from trimtab.train import variables
from trimtab.train.checkpoint import Checkpoint, Checkpoints
from trimtab.train.early_stopping import Patience
from trimtab.train.feed import Feed
from trimtab.train.history import History
from trimtab.train.library import Library
from trimtab.train.logs import Logs
from trimtab.train.profile import Profile
from trimtab.train.settings import TrainSettings


class Run:
    """The state of a run, kept up to date from inside Keras' ``fit``.

    Args:
        model: A compiled model.
        library: The model's.
        settings: The training settings.
        feed: The batches.
        store: Where checkpoints go.
        log_dir: Where TensorBoard's logs go.
        say: Reports one line of progress.
        callbacks: What else is called at every step, before the step is counted and saved.
    """

    def __init__(
        self,
        model: Any,
        library: Library,
        settings: TrainSettings,
        feed: Feed,
        store: Checkpoints | None,
        log_dir: Path | None,
        say: Callable[[str], None],
        callbacks: Sequence[Any] = (),
    ) -> None:
        self.model, self._library, self._callbacks = model, library, callbacks
        self._settings, self._feed, self._store, self._say = settings, feed, store, say
        self._epochs, self._steps = settings.train.most_epochs, feed.steps_per_epoch
        stopping = settings.train.early_stopping
        self._patience = Patience(stopping) if stopping else None
        self.history = History()
        self._epoch = self._step = self._first_step = 0
        self._seconds_before = 0.0
        self._pending = store.latest() if store else None
        if self._pending is not None:
            self._take_meta(self._pending)
        self._logs = Logs(log_dir, settings.tensorboard, len(self.history.epochs), self._epochs)
        self._profile = Profile(log_dir, settings.train.profile)

    def go(self) -> None:
        """Trains what is left to train, and leaves the weights that are kept in the model."""
        if self._pending is not None and self._ended:
            self._say("was trained to the end before, takes its weights")
        elif self._pending is not None:
            self._say(f"resumes at epoch {self._epoch + 1}/{self._epochs}, step {self._step}/{self._steps}")
        if self._pending is not None and not self._ended:
            # What looks at the model when a fit begins is to see the state that it goes on from.
            variables.restore(self.model, self._library, self._pending.arrays)
        if self._feed.augments and self._done == 0:
            self._logs.inputs(np.asarray(next(iter(self._feed.training()))[0]))
        validation = self._feed.validation()
        callback = self._library.api.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, _logs: self._begin_epoch(epoch),
            on_train_batch_end=lambda _batch, logs: self._end_step(logs),
            on_epoch_end=lambda epoch, logs: self._end_epoch(epoch, logs),
        )
        while not self._ended:
            # The epoch that was interrupted has fewer steps left than the others: it gets a fit of its own.
            until = self._epoch + 1 if self._step else self._epochs
            self.model.fit(
                self._feed.training(self._done),
                initial_epoch=self._epoch,
                epochs=until,
                steps_per_epoch=self._steps - self._step,
                validation_data=validation,
                shuffle=False,
                callbacks=[*self._callbacks, callback],
                verbose=0,
            )
        self._finish()

    @property
    def _done(self) -> int:
        """Returns how many steps are done, over all epochs."""
        return self._epoch * self._steps + self._step

    @property
    def _ended(self) -> bool:
        return self._epoch == self._epochs or self.history.stopped_early

    def _begin_epoch(self, epoch: int) -> None:
        """Sets the seed generators, or puts back what a checkpoint holds."""
        self._began = self._saved = time.monotonic()
        self._first_step = self._step
        if self._pending is not None:
            variables.restore(self.model, self._library, self._pending.arrays)
        self._profile.done(self._done)
        if self._step == 0:
            # A checkpoint at an epoch's end holds the metrics of its validation.
            self.model.reset_metrics()
            self._library.reseed(self.model, self._settings.seed, epoch)
        self._pending = None

    def _end_step(self, logs: dict[str, Any] | None) -> None:
        """Counts, looks at the loss, and writes a checkpoint when it is time."""
        self._step += 1
        self._profile.done(self._done)
        if not math.isfinite((logs or {})["loss"]):
            raise self._diverged(f"the loss is not a number in epoch {self._epoch + 1}, step {self._step}")
        due = time.monotonic() - self._saved >= self._settings.train.checkpoint_seconds
        # The last step's checkpoint waits for the validation, whose metrics it holds.
        if (due or preemption.requested()) and self._step < self._steps:
            self._save()
            preemption.check()

    def _end_epoch(self, epoch: int, logs: dict[str, Any] | None) -> None:
        """Takes the epoch into the history, decides whether to go on, logs, and writes a checkpoint."""
        seconds = time.monotonic() - self._began
        entry = {
            "epoch": epoch + 1,
            **{name: float(value) for name, value in (logs or {}).items()},
            "learning_rate": float(np.asarray(self.model.optimizer.learning_rate)),
            "seconds": round(self._seconds_before + seconds, 3),
        }
        if not math.isfinite(entry.get("val_loss", 0.0)):
            raise self._diverged(f"the validation loss is not a number after epoch {epoch + 1}")
        self.history.epochs.append(entry)
        self._stop_or_go_on(entry)
        self._logs.epoch(self.model, entry)
        self._say(self._line(entry, seconds))
        self._epoch, self._step, self._seconds_before = epoch + 1, 0, 0.0
        self._save()
        preemption.check()

    def _stop_or_go_on(self, entry: dict[str, float]) -> None:
        if self._patience is None or "val_loss" not in entry:
            return
        if self._patience.improved(int(entry["epoch"]), entry["val_loss"]):
            self._patience.best_weights = variables.weights(self.model)
        self.history.best_epoch = self._patience.best_epoch
        if self._patience.over:
            self.history.stopped_early = self.model.stop_training = True

    def _finish(self) -> None:
        if self._pending is not None:
            variables.restore(self.model, self._library, self._pending.arrays)
        if self._patience is not None and self._patience.best_weights:
            variables.set_weights(self.model, self._patience.best_weights)
            self._say(f"keeps the weights of epoch {self._patience.best_epoch}")
        self._profile.close()
        self._logs.close()

    def _save(self) -> None:
        if self._store is None:
            return
        arrays = variables.capture(self.model, self._library)
        meta = {
            "epoch": self._epoch,
            "step": self._step,
            "seconds": self._seconds_before + time.monotonic() - self._began if self._step else 0.0,
            "history": self.history.to_json(),
        }
        if self._patience is not None:
            meta["patience"] = {
                "best": self._patience.best,
                "best_epoch": self._patience.best_epoch,
                "waited": self._patience.waited,
            }
            best = self._patience.best_weights
            arrays |= {f"best.{place:05d}": value for place, value in enumerate(best)}
        self._store.save(self._done, Checkpoint(meta, arrays))
        self._saved = time.monotonic()

    def _take_meta(self, checkpoint: Checkpoint) -> None:
        meta, arrays = checkpoint.meta, checkpoint.arrays
        self._epoch, self._step = meta["epoch"], meta["step"]
        self._seconds_before = meta["seconds"]
        self.history = History(**meta["history"])
        best = [arrays.pop(name) for name in sorted(arrays) if name.startswith("best.")]
        if self._patience is not None:
            self._patience = Patience(self._patience.config, best_weights=best, **meta["patience"])

    def _diverged(self, message: str) -> TrainingError:
        return TrainingError(
            message,
            field="train.learning_rate",
            hint=f"Try a smaller train.learning_rate than {self._settings.train.learning_rate:g}, a warm-up "
            "(train.warmup_epochs), or look for inputs that are not finite or not scaled.",
        )

    def _line(self, entry: dict[str, float], seconds: float) -> str:
        shown = "  ".join(
            f"{name} {value:.4f}"
            for name, value in entry.items()
            if name not in ("epoch", "learning_rate", "seconds")
        )
        # An epoch that was resumed took this process fewer steps than a whole one.
        share = (self._steps - self._first_step) / self._steps
        left = seconds / share * (self._epochs - entry["epoch"])
        return (
            f"epoch {entry['epoch']:.0f}/{self._epochs}  {shown}  "
            f"{share * self._feed.examples / seconds:,.0f} examples/s  ETA {left:.0f} s"
        )
