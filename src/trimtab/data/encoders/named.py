"""Several inputs by name: each has an encoder of its own, and a record holds the tensors of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trimtab.data import packed
from trimtab.data.kinds.base import Encoded, InputKind
from trimtab.data.kinds.registry import NAMED, input_kind, kind_of
from trimtab.data.schema import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from trimtab.config.data import Data
    from trimtab.config.model import InputRange
    from trimtab.data.kinds.base import Encoder
    from trimtab.data.schema import Column
    from trimtab.data.statistics.distributions import Distribution
    from trimtab.data.statistics.summary import Summary


def fit(
    columns: Sequence[Column], summary: Summary, config: Data, input_range: InputRange = "standardized"
) -> dict[str, Any]:
    """Returns the settings of a ``NamedEncoder``.

    Args:
        columns: The columns of all inputs.
        summary: The summary of the training split.
        config: The config's data section, whose ``inputs`` say which column is of which input.
        input_range: What each of them takes, standardized or raw.
    """
    from trimtab.data.encoders import preprocess

    by_name = {column.name: column for column in columns}
    return {
        "kind": NAMED,
        "inputs": {
            name: preprocess.fit_one(
                [by_name[column] for column in given.names],
                summary,
                config,
                input_range,
                field=f"data.inputs.{name}",
            )
            for name, given in config.inputs.items()
        },
    }


class NamedEncoder:
    """Turns rows into one tensor an input, packed into one row of bytes: see ``data.packed``.

    A row that one of the inputs cannot read is a bad row.
    """

    vocabulary_size = None

    def __init__(self, settings: dict[str, Any]) -> None:
        self._encoders: dict[str, Encoder] = {
            name: input_kind(each["kind"]).encoder(each) for name, each in settings["inputs"].items()
        }
        parts = {
            name: encoder.spec.model_copy(update={"vocabulary_size": encoder.vocabulary_size})
            for name, encoder in self._encoders.items()
        }
        width = sum(packed.example_bytes(spec) for spec in parts.values())
        self.spec = TensorSpec(kind=NAMED, shape=(width,), stored_dtype="uint8", parts=parts)

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """See ``Encoder``."""
        parts = {name: encoder.encode(batch) for name, encoder in self._encoders.items()}
        bad: dict[int, str] = {}
        for name, part in parts.items():
            bad |= {row: f"{name}: {reason}" for row, reason in part.bad.items() if row not in bad}
        x = packed.pack({name: part.x for name, part in parts.items()}, self.spec.parts)
        x[list(bad)] = 0
        return Encoded(x, bad, [cells for part in parts.values() for cells in part.unread])


def _brief(column: Column, summary: Summary) -> dict[str, Any]:
    return kind_of(column.kind).brief(column, summary)


def _distributions(column: Column, summary: Summary) -> dict[str, Distribution]:
    return kind_of(column.kind).distributions(column, summary)


INPUT = InputKind(fit, NamedEncoder, _brief, _distributions, raw="raw")
