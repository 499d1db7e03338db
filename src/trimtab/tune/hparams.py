"""What TensorBoard's HParams page shows of a search."""

from __future__ import annotations

import time
from pathlib import Path

import keras_tuner
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
from tensorboard.plugins.hparams.summary import session_end_pb
from tensorboard.plugins.hparams.summary_v2 import hparams_config_pb, hparams_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from trimtab.tune.journal import Entry


def write_experiment(directory: Path, space: keras_tuner.HyperParameters, objective: str) -> None:
    """Writes which hyper-parameters are searched, and what they are judged by.

    Args:
        directory: The directory of the search's logs.
        space: The hyper-parameters.
        objective: The objective's name.
    """
    searched = [api.HParam(name) for name in sorted({parameter.name for parameter in space.space})]
    metrics = [api.Metric(objective, display_name=objective)]
    _write(directory, [(hparams_config_pb(searched, metrics, time_created_secs=0.0), time.time())])


def write_trial(directory: Path, entry: Entry, objective: str) -> None:
    """Writes one trial; what an earlier attempt wrote is replaced.

    Args:
        directory: The directory of this trial's logs.
        entry: How the trial ended.
        objective: The objective's name.
    """
    end = time.time()
    status = STATUS_FAILURE if entry.score is None else STATUS_SUCCESS
    summaries = [(hparams_pb(entry.values, entry.trial, end - entry.seconds), end - entry.seconds)]
    if entry.score is not None:
        summaries.append((scalar_pb(objective, entry.score), end))
    # The plugin makes this one as TensorFlow's class of the same message.
    ended = Summary.FromString(session_end_pb(status, end).SerializeToString())
    _write(directory, [*summaries, (ended, end)])


def _write(directory: Path, summaries: list[tuple[Summary, float]]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    earlier = list(directory.glob("*tfevents*"))
    writer = EventFileWriter(str(directory))
    for summary, seconds in summaries:
        writer.add_event(Event(wall_time=seconds, step=0, summary=summary))
    writer.close()
    for file in earlier:
        file.unlink()
