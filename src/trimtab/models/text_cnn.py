"""A convolutional sentence classifier.

Source: Kim, "Convolutional Neural Networks for Sentence Classification", 2014 (the variant with random word
vectors that are learned, "CNN-rand").
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from trimtab.errors import ModelError
from trimtab.models.head import output
from trimtab.models.spec import ModelSpec

KINDS = ("text",)
WIDTHS = (3, 4, 5)


def build(hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Returns word vectors, convolutions of several widths side by side, and their maxima over the sentence.

    The convolutions pad, so that sentences shorter than the widest one work too.

    Args:
        hp: ``embedding`` (size of a word vector), ``filters`` (per width) and ``dropout``.
        spec: An input of ``(max tokens,)`` token numbers below ``vocabulary_size``.

    Raises:
        ModelError: If the data does not say how large its vocabulary is.
    """
    if spec.vocabulary_size is None:
        raise ModelError("the data has no vocabulary size", field="text_cnn")
    embedding = hp.Int("embedding", 16, 256, step=16, default=64)
    filters = hp.Int("filters", 16, 128, step=16, default=64)
    dropout = hp.Float("dropout", 0.0, 0.6, step=0.1, default=0.5)
    tokens = keras.Input(spec.input_shape, dtype=spec.input_dtype, name="tokens")
    x = layers.Embedding(spec.vocabulary_size, embedding, name="embedding")(tokens)
    x = layers.Concatenate(name="concat")([_branch(x, filters, width) for width in WIDTHS])
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(tokens, output(x, spec), name="text_cnn")


def _branch(x: Any, filters: int, width: int) -> Any:
    x = layers.Conv1D(filters, width, padding="same", name=f"conv_{width}")(x)
    x = layers.ReLU(name=f"relu_{width}")(x)
    return layers.GlobalMaxPooling1D(name=f"max_{width}")(x)
