"""Batching: concurrent requests share a queue, and threads with an interpreter each take from it.

There is no timer: a thread that is free takes what is there. A request that comes alone waits for nothing,
and those that come while all threads are busy are taken together. Handing rows to a thread and back costs
about 0.2 ms of CPU time; what takes less than that is computed on the spot. What a row takes is measured as
long as threads have the model: a machine that was busy at the start does not decide for good.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from trimtab.batch import Batch, joined, rows, take
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.refusal import busy
from trimtab.deploy.serving.resized import ROWS, ResizedModel
from trimtab.runtimes.base import LoadedModel

_MOST_JOBS = 32
_HANDOVER_S = 200e-6


@dataclass(slots=True)
class _Job:
    """Rows that wait for their outputs."""

    x: Batch
    rows: int
    outputs: asyncio.Future[Batch]


class Batcher:
    """Runs a model for many requests at a time; its methods belong to the event loop's thread.

    Args:
        own: The model for the event loop; an interpreter is not thread safe.
        models: The same model, loaded once for each thread.
        row_s: Seconds that it takes for a row, as far as is known: it may take less.
        limits: How many rows may be pending.
        metrics: Where batches are counted.
    """

    def __init__(
        self,
        loop_model: LoadedModel,
        models: Sequence[ResizedModel],
        row_s: float,
        limits: Limits,
        metrics: Metrics,
    ) -> None:
        self._limits, self._metrics = limits, metrics
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop_model = loop_model
        self._row_s = row_s
        self._threads = len(models)
        for model in models:
            threading.Thread(target=self._work, args=(model,), name="inference", daemon=True).start()

    def is_quick(self, count: int) -> bool:
        """Returns whether so many rows take less than handing them to a thread."""
        return count * self._row_s <= _HANDOVER_S

    def predict_now(self, x: Batch) -> Batch:
        """Returns the outputs of model-ready examples, computed in this thread.

        Raises:
            ModelError: If the runtime fails.
        """
        outputs = self._loop_model.predict(x)
        self._metrics.batch_rows.observe(rows(x))
        return outputs

    async def predict(self, x: Batch) -> Batch:
        """Returns the outputs of model-ready examples.

        Raises:
            Refusal: If too many rows wait already.
            ModelError: If the runtime fails.
        """
        count = rows(x)
        if self.is_quick(count):
            return self.predict_now(x)
        if self._metrics.pending_rows + count > self._limits.pending_rows:
            raise busy("too many requests are waiting")
        job = _Job(x, count, asyncio.get_running_loop().create_future())
        self._metrics.pending_rows += count
        self._jobs.put(job)
        try:
            return await job.outputs
        finally:
            self._metrics.pending_rows -= count

    def close(self) -> None:
        """Ends the threads when all that waits is done."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _work(self, model: ResizedModel) -> None:
        while (job := self._jobs.get()) is not None:
            jobs = [waiting for waiting in (job, *self._waiting()) if not waiting.outputs.cancelled()]
            if jobs:
                self._run(model, jobs)

    def _waiting(self) -> list[_Job]:
        """Returns this thread's share of what waits."""
        taken: list[_Job] = []
        for _ in range(min(self._jobs.qsize() // self._threads, _MOST_JOBS - 1)):
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            taken.append(job)
        return taken

    def _run(self, model: ResizedModel, jobs: list[_Job]) -> None:
        x = jobs[0].x if len(jobs) == 1 else joined([job.x for job in jobs])
        outcome: Batch | Exception
        start = time.perf_counter()
        try:
            outcome = model.predict(x)
        except Exception as error:  # a thread that ends would leave requests waiting for ever
            outcome = error
        took_s = time.perf_counter() - start
        jobs[0].outputs.get_loop().call_soon_threadsafe(self._deliver, jobs, outcome, took_s)

    def _deliver(self, jobs: list[_Job], outcome: Batch | Exception, took_s: float) -> None:
        count, at = sum(job.rows for job in jobs), 0
        self._metrics.batch_rows.observe(count)
        if count < ROWS and not isinstance(
            outcome, Exception
        ):  # more may have gone through the resized model
            self._row_s = min(self._row_s, took_s / count)
        for job in jobs:
            if job.outputs.done():
                pass
            elif isinstance(outcome, Exception):
                job.outputs.set_exception(outcome)
            else:
                job.outputs.set_result(take(outcome, at, at + job.rows))
            at += job.rows
