"""A row of TensorBoard's HParams table: a trial of a search, or a candidate.

TensorBoard has one table of all the runs that it shows, and makes its columns of all the rows, as long as no
run says what the columns are: so none does. The column ``table`` tells trials from candidates. It shows the
first five, by their names, of those in which rows differ, until a person asks for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from trimtab.events.file import Timed

TABLE = "table"

Value = bool | int | float | str


def session(
    table: Literal["trials", "candidates"],
    parameters: Mapping[str, Value],
    metrics: Mapping[str, float],
    *,
    began: float,
    ended: float,
    ok: bool,
    step: int = 0,
) -> Iterator[Timed]:
    """Yields the summaries of a row, as ``events.file.replace`` takes them.

    Args:
        table: What the row is of.
        parameters: The columns that were chosen, by name.
        metrics: The columns that were found; each is a scalar, too.
        began: Seconds since 1970.
        ended: Likewise.
        ok: Whether it ended well.
        step: Where the scalars stand in their charts.
    """
    start = SessionStartInfo(start_time_secs=began)
    # Without a name of its own the row is called as its run: those of two runs are not mixed up.
    for name, value in sorted({TABLE: table, **parameters}.items()):
        _set(start, name, value)
    yield _summary(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=start)), 0, began
    for name, number in metrics.items():
        yield scalar_pb(name, number), step, ended
    end = SessionEndInfo(status=STATUS_SUCCESS if ok else STATUS_FAILURE, end_time_secs=ended)
    yield _summary(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end)), 0, ended


def _set(start: SessionStartInfo, name: str, value: Value) -> None:
    if isinstance(value, bool):
        start.hparams[name].bool_value = value
    elif isinstance(value, str):
        start.hparams[name].string_value = value
    else:
        start.hparams[name].number_value = value


def _summary(tag: str, content: HParamsPluginData) -> Summary:
    about = metadata.create_summary_metadata(content)
    return Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)])
