"""The search for recipes, where the config asks for ``recipes: auto``: in the task that trains.

What it makes are entries of the content store, the same that ``prune`` and ``quantize`` find there later;
what it measures is in the run's journal. A search that was killed makes and measures nothing again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module

from trimtab import preemption, progress
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts import search as journal
from trimtab.artifacts.search import STAGE, Measured
from trimtab.artifacts.shard import Outcome
from trimtab.config.chains import BASELINE, Branch, Chain, Ending
from trimtab.config.config import Config
from trimtab.config.recipes import baseline
from trimtab.errors import ArtifactError, ConfigError, StorageError
from trimtab.search.search import search
from trimtab.search.space import space
from trimtab.stages import children, settings
from trimtab.stages.imports import light_imports
from trimtab.stages.making.job import Job
from trimtab.stages.prune import pruned
from trimtab.stages.quantize import make_together, quantized_file
from trimtab.stages.stage import Task, recorded


def run(run_uri: str, dataset: str, model: str) -> None:
    """Searches for recipes, if the config asks for it, and leaves them for the tasks that follow.

    Args:
        run_uri: The URI of the run's directory.
        dataset: The reference of the dataset.
        model: The reference of the trained model.

    Raises:
        SystemExit: If there is nothing to be guided by; the record says why.
    """
    known = settings.search_of(run_uri) if settings.asked(run_uri).is_searched else None
    config = settings.of(run_uri)
    if known is not None and known.model == model:
        progress.say(STAGE, "is there already")
        return
    if not config.is_searched and known is None:
        return
    with recorded(STAGE, run_uri) as task:
        rows = datasets.read(task.store, dataset, []).rows["validation"]
        if not rows:
            raise ConfigError("auto needs validation rows, and there are none", field="recipes")
        start = baseline(config.file_runtimes())
        bench = _Bench(task, config, dataset, model, start)
        found = search(start, space(config), bench, config.budget, config.search, bench.say)
        task.summarize(found.model_copy(update={"model": model, "rows": rows}))
        for chosen in (each for each in found.tried if each.chosen):
            progress.say(STAGE, f"chosen: {chosen.candidate}")
        progress.say(
            STAGE, f"{len(found.tried)} tried, {found.epochs} epochs of fine-tuning: {found.stopped}"
        )


@dataclass
class _Bench:
    """Makes chains, and has them measured; see ``search.search.Bench``.

    Attributes:
        task: The task, whose record gets what is made.
        config: The config of the run.
        dataset: The reference of the dataset.
        model: The reference of the trained model.
        start: The baseline.
    """

    task: Task
    config: Config
    dataset: str
    model: str
    start: Chain
    _models: dict[str, Outcome] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Reports one line."""
        progress.say(STAGE, text)

    def tuned(self, chains: Sequence[Chain]) -> list[Measured]:
        """Returns what chains are as they say, in their order."""
        self._make_together(chains)
        reasons, jobs = dict[Chain, str](), list[Job]()
        for chain in chains:
            file, reason = self._file(chain)
            if reason:
                reasons[chain] = reason
            else:
                jobs.append(Job(self._name(chain, tuned=True), chain, file))
        known = self._measured(jobs)
        return [Measured(reason=reasons[chain]) if chain in reasons else known[chain] for chain in chains]

    def untuned(self, chains: Sequence[Chain]) -> list[Measured]:
        """Returns what chains are whose passes are applied without fine-tuning, in their order."""
        known = self._measured([Job(self._name(chain, tuned=False), chain) for chain in chains])
        return [known[chain] for chain in chains]

    @cached_property
    def _baseline(self) -> tuple[str, str]:
        return self.start.runtime, self._file(self.start)[0]

    def _make_together(self, chains: Sequence[Chain]) -> None:
        """Makes the files of each model in one process: to start it takes longer than most of them."""
        branches = dict[str, list[Chain]]()
        for chain in chains:
            branches.setdefault(chain.branch_id, []).append(chain)
        for name, alike in branches.items():
            model = self._model(alike[0])
            if model.ref:
                branch = Branch(name, alike[0].steps, tuple(self._ending(chain) for chain in alike))
                make_together(self.task, self.config, branch, (), [self.dataset], [model.ref])

    def _file(self, chain: Chain) -> tuple[str, str]:
        """Returns the reference of a chain's files, or why they cannot be made."""
        model = self._model(chain)
        if not model.ref:
            return "", model.reason
        file = quantized_file(self.task, self.config, self._ending(chain), 0, self.dataset, model.ref)
        return file.ref, file.reason

    def _model(self, chain: Chain) -> Outcome:
        """Returns the Keras model of a chain, or why it cannot be made."""
        preemption.check()
        if chain.branch_id not in self._models:
            branch = Branch(chain.branch_id, chain.steps, ())
            self._models[chain.branch_id] = pruned(self.task, self.config, branch, 0, self.model)
        return self._models[chain.branch_id]

    def _ending(self, chain: Chain) -> Ending:
        name = BASELINE if chain == self.start else chain.id
        return Ending(name, chain.quantization, chain.runtime)

    def _name(self, chain: Chain, *, tuned: bool) -> str:
        return journal.key(
            dataset=self.dataset,
            model=self.model,
            chain=chain.to_json(),
            tuned=tuned,
            budget=self.config.budget,
            train=self.config.train,
            seed=self.config.seed,
        )

    def _measured(self, jobs: Sequence[Job]) -> dict[Chain, Measured]:
        """Returns what is known of chains; what ends the process that measures it, costs itself alone."""
        known = dict[Chain, Measured]()
        while True:
            left = []
            for job in jobs:
                if job.chain not in known:
                    measured = journal.read(self.task.run_uri, job.name)
                    if measured is not None and measured.ended:
                        known[job.chain] = measured
                    else:
                        left.append(job)
            if not left:
                return known
            if (crash := self._attempt(left)) is None:
                continue
            if isinstance(crash.error, StorageError | ArtifactError):
                raise crash.error
            # What it had begun, and not ended, is to blame.
            at = next((job for job in left if self._was_begun(job)), left[0])
            known[at.chain] = Measured(reason=crash.reason)

    def _attempt(self, jobs: Sequence[Job]) -> children.Crash | None:
        with light_imports():
            work = import_module("trimtab.stages.making.tried").measure
        given = self.task.run_uri, self.dataset, self.model, self._baseline, list(jobs)
        return children.run(STAGE, work, *given)

    def _was_begun(self, job: Job) -> bool:
        measured = journal.read(self.task.run_uri, job.name)
        return measured is not None and not measured.ended
