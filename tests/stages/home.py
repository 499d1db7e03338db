"""A run's directory and the store beside it, with what a test puts there in the place of earlier stages."""

from __future__ import annotations

import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from faults.forked import start

from trimtab.artifacts import hyperparameters, shard
from trimtab.artifacts.file import FileLineage, FileSummary
from trimtab.artifacts.hyperparameters import Hyperparameters, TuneSummary
from trimtab.artifacts.model import MODEL_FILE, ModelLineage, ModelSummary, TrainSummary, write_scores
from trimtab.artifacts.record import StageRecord, read_records
from trimtab.artifacts.shard import Outcome
from trimtab.artifacts.store import ContentStore
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.stages import settings
from trimtab.storage import artifact

COST = {"parameters": 650, "macs": 640, "sparsity": 0.0}


class Home:
    """One run.

    Attributes:
        run: The URI of its directory.
        output: The directory that it is in.
        store: The content store.
        dataset: The reference of the dataset that it works on.
        trained: The reference of the trained model.
    """

    def __init__(
        self, output: Path, dataset: Path | None = None, config: Config | None = None, run: str = "one"
    ) -> None:
        self.output, self.run = output, str(output / run)
        self.store, self.dataset, self.trained = ContentStore(self.run), "", ""
        if dataset is not None:
            self.dataset = self.take(dataset)
        if config is not None:
            self.configure(config)

    def configure(self, config: Config) -> None:
        """Leaves the config as the first task does."""
        Path(self.run).mkdir(parents=True, exist_ok=True)
        Path(self.run, settings.CONFIG).write_text(config.model_dump_json())

    def copy(self, output: Path, run: str = "one") -> Home:
        """Returns a run that has all that this one has in its store."""
        shutil.copytree(self.output / "store", output / "store")
        copied = Home(output, config=settings.of(self.run), run=run)
        copied.dataset, copied.trained = self.dataset, self.trained
        return copied

    def take(self, dataset: Path, name: str = "") -> str:
        """Copies a dataset into the store, under another reference than it had where it comes from."""
        ref = f"dataset/{name or dataset.name}"
        shutil.copytree(dataset, self.path(ref))
        file = self.path(ref) / artifact.MANIFEST
        manifest = artifact.Manifest.model_validate_json(file.read_bytes())
        file.write_text(manifest.model_copy(update={"reference": ref}).model_dump_json())
        return ref

    def path(self, ref: str) -> Path:
        """Returns the directory of an entry."""
        return self.output / "store" / ref

    def data(self) -> Dataset:
        """Returns the dataset."""
        return Dataset.open(self.path(self.dataset))

    def hyperparameters(self, **values: Any) -> str:
        """Keeps hyper-parameters."""
        ref = "hyperparameters/given"
        if self.store.find(ref) is None:
            with self.store.create(ref) as draft:
                hyperparameters.write(draft, Hyperparameters(**values), TuneSummary(skipped=True))
        return ref

    def model(
        self,
        name: str = "trained",
        content: bytes = b"trained",
        scores: np.ndarray | None = None,
        **about: Any,
    ) -> str:
        """Keeps a model."""
        ref, given = f"model/{name}", self.hyperparameters()
        with self.store.create(ref) as draft:
            (draft.path / MODEL_FILE).write_bytes(content)
            if scores is not None:
                write_scores(draft.path, scores)
            draft.lineage = ModelLineage(dataset=self.dataset, hyperparameters=given)
            draft.summary = TrainSummary.model_validate({"weights_sha256": "ab", "cost": COST, **about})
        return ref

    def rescore(self, ref: str, scores: np.ndarray) -> None:
        """Gives a model other scores on the validation examples."""
        found = artifact.load(self.path(ref), "model")
        write_scores(found.path, scores)
        with artifact.create(self.path(ref), "model") as draft:
            shutil.copytree(found.path, draft.path, dirs_exist_ok=True)
            (draft.path / artifact.MANIFEST).unlink()
            draft.lineage, manifest = found.lineage, found.manifest
            draft.summary = ModelSummary.model_validate(manifest.summary)

    def file(self, name: str, content: bytes, model: str = "model/trained") -> Outcome:
        """Keeps a candidate's file."""
        ref = f"file/{name}"
        with self.store.create(ref) as draft:
            (draft.path / "model.tflite").write_bytes(content)
            draft.lineage = FileLineage(dataset=self.dataset, model=model)
            draft.summary = FileSummary.model_validate(
                {"runtime": "litert", "size_bytes": len(content), "max_difference": 0.0, "cost": COST}
            )
        return Outcome(ref=ref)

    def outcomes(self, kind: str, outcomes: dict[str, Outcome]) -> str:
        """Keeps what was made of a shard."""
        return shard.write(self.store, kind, outcomes)

    def made(self, kind: str, ref: str) -> dict[str, Outcome]:
        """Returns what was made of a shard."""
        return shard.read(self.store, kind, ref)

    def task(
        self,
        work: Callable[..., Any],
        *arguments: Any,
        sabotage: Callable[[], None] | None = None,
        afresh: bool = False,
    ) -> Any:
        """Runs a stage as a local run does: in a process in which TensorFlow has not run; returns its answer.

        Args:
            work: The stage's function.
            arguments: What it takes after the run.
            sabotage: Is called in the process before.
            afresh: Whether it is not forked from where Keras has been imported.

        Raises:
            SystemExit: If the stage fails.
        """
        self.output.mkdir(parents=True, exist_ok=True)
        log, answer = self.output / "log", self.output / "answer"
        log.write_bytes(b"")
        task = start(_task, log, work, (self.run, *arguments), sabotage, answer, afresh=afresh)
        task.join(300)
        sys.stderr.write(log.read_text())
        if task.exitcode:
            raise SystemExit(task.exitcode)
        return pickle.loads(answer.read_bytes())

    def record(self, stage: str, shard: str = "") -> StageRecord:
        """Returns what a task left."""
        return next(one for one in read_records(self.run) if (one.stage, one.shard) == (stage, shard))


def _task(
    work: Callable[..., Any], arguments: tuple[Any, ...], sabotage: Callable[[], None] | None, answer: Path
) -> None:
    if sabotage is not None:
        sabotage()
    answer.write_bytes(pickle.dumps(work(*arguments)))
