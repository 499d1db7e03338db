"""Models of the works that are no architecture of trimtab's."""

import keras
from keras import layers


def mobilenet(_hp, spec):
    """Returns MobileNetV1 at a quarter of its width, untrained."""
    inputs = keras.Input(spec.input_shape)
    net = keras.applications.MobileNet(
        input_tensor=inputs, alpha=0.25, weights=None, include_top=False, pooling="avg"
    )
    return keras.Model(inputs, layers.Dense(spec.outputs, activation="softmax")(net.output))


def lstm(_hp, spec):
    """Returns word vectors, one LSTM, and a softmax."""
    tokens = keras.Input(spec.input_shape, dtype=spec.input_dtype)
    words = layers.Embedding(spec.vocabulary_size, 32, name="words")(tokens)
    x = layers.LSTM(32, name="lstm")(layers.SpatialDropout1D(0.3)(words))
    return keras.Model(tokens, layers.Dense(spec.outputs, activation="softmax")(x))
