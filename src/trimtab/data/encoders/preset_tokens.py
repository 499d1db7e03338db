"""One text as the inputs of a preset: its own tokens, and masks beside them.

The tokens are those that the preset's backbone was trained with. What makes them is in the encoder's
settings, so that it travels with a model as a vocabulary of words does.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from importlib import import_module
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from trimtab.data import packed
from trimtab.data.kinds.base import Encoded, InputKind
from trimtab.data.kinds.registry import kind_of
from trimtab.data.schema import TensorSpec
from trimtab.data.values.values import texts
from trimtab.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.config.data import Data
    from trimtab.data.schema import Column
    from trimtab.data.statistics.distributions import Distribution
    from trimtab.data.statistics.summary import Summary

KIND = "preset"
TOKENS, MASK, SEGMENTS = "token_ids", "padding_mask", "segment_ids"
_SEGMENTS = 2
_PERCENTILE, _SUBWORDS_PER_WORD, _LEAST = 0.95, 1.4, 8
Tokenize = Callable[[list[str]], list[list[int]]]


def settings(column: Column, summary: Summary, config: Data, preset: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a ``PresetEncoder``.

    Args:
        column: The column.
        summary: The summary of the training split.
        config: The config's data section; without ``text.max_tokens``, texts are as long as 95 % of them are.
        preset: What the preset says: ``inputs``, ``start``, ``end``, ``padding``, ``size``, ``longest``, and
            what makes tokens.
    """
    lengths = summary.columns[column.name].token_lengths
    reached = np.cumsum(lengths) >= ceil(_PERCENTILE * sum(lengths))
    words = int(np.argmax(reached)) if len(lengths) else 0
    usual = max(_LEAST, ceil(_SUBWORDS_PER_WORD * words) + 2)
    return {
        "kind": KIND,
        "column": column.name,
        **preset,
        "max_tokens": min(config.text.max_tokens or usual, int(preset["longest"])),
    }


def _no_fit(*_: Any) -> dict[str, Any]:
    raise ConfigError("tokens of a preset need one", field="model.preset")


class PresetEncoder:
    """Turns a text column into token numbers, and what says which of them are padding, packed into bytes."""

    vocabulary_size = None

    def __init__(self, settings: dict[str, Any]) -> None:
        self._column, self._length = str(settings["column"]), int(settings["max_tokens"])
        self._ends = int(settings["start"]), int(settings["end"])
        self._padding = int(settings["padding"])
        self._settings = settings
        self._tokenize: Tokenize | None = None
        sizes = {TOKENS: int(settings["size"]), MASK: 2, SEGMENTS: _SEGMENTS}
        parts = {
            name: TensorSpec(
                kind="text", shape=(self._length,), stored_dtype="int32", vocabulary_size=sizes[name]
            )
            for name in settings["inputs"]
        }
        width = sum(packed.example_bytes(spec) for spec in parts.values())
        self.spec = TensorSpec(kind=KIND, shape=(width,), stored_dtype="uint8", parts=parts)

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """See ``Encoder``; long texts are cut, short ones padded, a missing one has its two ends alone."""
        if self._tokenize is None:
            self._tokenize = _tokenizer(self._settings)
        values = [text or "" for text in texts(batch.column(self._column)).to_pylist()]
        tokens = np.full((len(values), self._length), self._padding, np.int32)
        mask = np.zeros_like(tokens)
        first, last = self._ends
        for row, found in enumerate(self._tokenize(values)):
            whole = [first, *found[: self._length - 2], last]
            tokens[row, : len(whole)], mask[row, : len(whole)] = whole, 1
        tensors = {TOKENS: tokens, MASK: mask, SEGMENTS: np.zeros_like(tokens)}
        return Encoded(packed.pack(tensors, self.spec.parts))


def _tokenizer(settings: Mapping[str, Any]) -> Tokenize:
    """Returns what makes token numbers of texts.

    Raises:
        ConfigError: If the library that does is not installed.
    """
    if "sentencepiece" in settings:
        library = library_of("sentencepiece")
        model = library.SentencePieceProcessor(model_proto=base64.b64decode(settings["sentencepiece"]))
        shift, unknown = int(settings.get("shift", 0)), int(settings.get("unknown", 0))
        return lambda values: [
            [number + shift if number or not shift else unknown for number in each]
            for each in model.encode(values)
        ]
    made = library_of("tokenizers").Tokenizer.from_str(settings["tokenizer"])
    return lambda values: [each.ids for each in made.encode_batch(values, add_special_tokens=False)]


def library_of(name: str) -> Any:
    """Returns what makes tokens.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"the model's texts become tokens by the package {name}, which is not installed",
            field="model.preset",
            hint="pip install 'trimtab[hub]', or where models are only served: 'trimtab[serve-hub]'.",
        ) from error


def _brief(column: Column, summary: Summary) -> dict[str, Any]:
    return kind_of(column.kind).brief(column, summary)


def _distributions(column: Column, summary: Summary) -> dict[str, Distribution]:
    return kind_of(column.kind).distributions(column, summary)


INPUT = InputKind(_no_fit, PresetEncoder, _brief, _distributions)
