"""The batches of every epoch, as a function of the seed and the step alone.

A training batch depends on nothing but ``(seed, epoch, step)``: a run that was killed skips to its step
without computing what came before. Data that fits is kept in memory as stored (uint8 for images), and each
batch is gathered by a stateless permutation; larger data streams from the shards through a seeded shuffle
buffer.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import tensorflow as tf

from trimtab.data import packed
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.schema import DatasetSchema, TensorSpec
from trimtab.tasks.of_labels import meant
from trimtab.train.augment import augmentation, of_masks
from trimtab.train.distillation import SoftLabels
from trimtab.train.settings import TrainSettings
from trimtab.train.weighting import class_weights

IN_MEMORY_BYTES = 2 * 1024**3
"""Stored training data up to this size is kept in memory; anything larger streams."""

SHUFFLE_BYTES = 256 * 1024**2
"""Size of the shuffle buffer when data streams."""

_LEAST_VALIDATION_BATCH = 256
# With the op's default of 4 rounds, neighbours among 50,000 examples correlate at -0.06 (13 standard errors);
# from 8 rounds on no test tells the order from a uniform permutation.
_SHUFFLE_ROUNDS = 16


class Feed:
    """Batches ``(x, y)``, or ``(x, y, weight)`` with class weights, model-ready.

    Args:
        dataset: The dataset artifact.
        settings: The training settings.
        labels: Mixes a teacher's answers into the labels; None: they are the true ones.

    Raises:
        ConfigError: If augmentation or class weights do not fit the data.
    """

    def __init__(self, dataset: Dataset, settings: TrainSettings, labels: SoftLabels | None = None) -> None:
        self._labels, self.has_soft_labels = labels, labels is not None
        self._dataset, self._seed = dataset, settings.seed
        self._learning = meant(dataset.schema).learning
        self._batch_size = settings.train.batch_size
        self.examples = dataset.rows["train"]
        self.steps_per_epoch = math.ceil(self.examples / self._batch_size)
        self._augment = augmentation(settings.train.augment, dataset.schema.input)
        takes_masks = meant(dataset.schema).meaning.takes_masks
        self._move = of_masks(settings.train.augment, dataset.schema.input) if takes_masks else None
        self._weights = class_weights(settings.train.class_weight, dataset)
        self._source: _Source
        if self.examples * packed.example_bytes(dataset.schema.input) <= IN_MEMORY_BYTES:
            self._source = _InMemory(dataset, settings)
        else:
            self._source = _Streaming(dataset, settings)

    @property
    def augments(self) -> bool:
        """Returns whether training images are changed."""
        return self._augment is not None

    def training(self, first_step: int = 0) -> tf.data.Dataset:
        """Returns the endless batches of all epochs from a step on.

        Args:
            first_step: The step to begin with, counted from 0 over all epochs.
        """
        return _untuned(
            self._source.batches(first_step)
            .map(self._ready, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
            .prefetch(tf.data.AUTOTUNE)
        )

    def validation(self) -> tf.data.Dataset | None:
        """Returns the validation batches in their stored order, or None when there are no validation rows."""
        if not self._dataset.rows.get("validation"):
            return None
        spec = self._dataset.schema.input
        size = max(self._batch_size, _LEAST_VALIDATION_BATCH)
        batches = stored_batches(self._dataset, "validation", size)
        if self._dataset.rows["validation"] * packed.example_bytes(spec) <= IN_MEMORY_BYTES:
            batches = batches.cache()
        return _untuned(
            batches.map(
                lambda x, y: self._labelled(model_ready(x, spec), y),
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            ).prefetch(tf.data.AUTOTUNE)
        )

    def _labelled(self, x: Any, y: tf.Tensor) -> tuple[Any, Any]:
        """Returns model-ready validation examples with what the loss compares."""
        y = self._learning.labels(x, y)
        return x, self._labels.validation(y) if self._labels else y

    def _ready(self, step: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tuple[Any, ...]:
        spec = self._dataset.schema.input
        if self._augment is not None:
            epoch, place = step // self.steps_per_epoch, step % self.steps_per_epoch
            key = tf.stack([tf.cast(self._seed, tf.int64) * 2**31 + epoch, place])
            x, y = self._augment(x, key), y if self._move is None else self._move(y, key)
        x = model_ready(x, spec)
        weights = () if self._weights is None else (tf.gather(self._weights, y),)
        labels = self._learning.labels(x, y)
        return (x, self._labels.training(x, labels) if self._labels else labels, *weights)


class _Source(Protocol):
    """Where stored batches come from."""

    def batches(self, first_step: int) -> tf.data.Dataset:
        """Returns endless ``(step, stored x, y)``."""


class _InMemory:
    """Gathers each batch by a stateless permutation of the whole split."""

    def __init__(self, dataset: Dataset, settings: TrainSettings) -> None:
        x, y = dataset.arrays("train")
        with tf.device("CPU"):
            self._x, self._y = tf.constant(x), tf.constant(y)
        self._rows, self._batch_size, self._seed = len(y), settings.train.batch_size, settings.seed

    def batches(self, first_step: int) -> tf.data.Dataset:
        return tf.data.Dataset.counter(first_step).map(
            self._batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )

    def _batch(self, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        steps = math.ceil(self._rows / self._batch_size)
        start = step % steps * self._batch_size
        places = tf.range(start, tf.minimum(start + self._batch_size, self._rows))
        seed = tf.stack([tf.cast(self._seed, tf.int64), step // steps, 0])
        chosen = tf.raw_ops.RandomIndexShuffle(
            index=places, seed=seed, max_index=tf.constant(self._rows - 1, tf.int64), rounds=_SHUFFLE_ROUNDS
        )
        return step, tf.gather(self._x, chosen), tf.gather(self._y, chosen)


class _Streaming:
    """Reads the shards in an order of the epoch, through a shuffle buffer seeded by the epoch."""

    def __init__(self, dataset: Dataset, settings: TrainSettings) -> None:
        self._schema, self._seed = dataset.schema, settings.seed
        self._files = tf.constant([str(path) for path in dataset.shards("train")])
        self._batch_size = settings.train.batch_size
        self._steps = math.ceil(dataset.rows["train"] / self._batch_size)
        self._buffer = max(
            1, min(dataset.rows["train"], SHUFFLE_BYTES // max(1, packed.example_bytes(dataset.schema.input)))
        )

    def batches(self, first_step: int) -> tf.data.Dataset:
        epoch, skipped = divmod(first_step, self._steps)
        first = tf.data.Dataset.from_tensors(tf.constant(epoch, tf.int64)).flat_map(
            lambda e: self._records(e).skip(skipped * self._batch_size).batch(self._batch_size)
        )
        later = tf.data.Dataset.counter(epoch + 1).flat_map(
            lambda e: self._records(e).batch(self._batch_size)
        )
        return (
            first.concatenate(later)
            .enumerate(first_step)
            .map(
                lambda step, records: (step, *parse(records, self._schema)),
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )
        )

    def _records(self, epoch: tf.Tensor) -> tf.data.Dataset:
        key = tf.stack([tf.cast(self._seed, tf.int64), epoch])
        files = tf.data.Dataset.from_tensor_slices(tf.random.experimental.stateless_shuffle(self._files, key))
        # The seed of the graph being traced, not the process's: ``shuffle`` combines it with ``draw``,
        # and fails to compare a tensor when it is 0.
        tf.random.set_seed(1)
        draw = tf.random.stateless_uniform([], key, maxval=2**31 - 1, dtype=tf.int64)
        return files.interleave(tf.data.TFRecordDataset, cycle_length=4, block_length=16).shuffle(
            self._buffer, seed=draw, reshuffle_each_iteration=False
        )


def _untuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the same batches, each step of which uses all processors from the beginning.

    TensorFlow would look for a number of threads meanwhile, in a thread that may miss that the batches are no
    longer wanted: the end of a training then waits for its next look, for up to a minute.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)


def stored_batches(dataset: Dataset, split: str, batch_size: int) -> tf.data.Dataset:
    """Returns batches ``(stored x, y)`` of a split in its stored order, read from the shards."""
    files = [str(path) for path in dataset.shards(split)]
    batches = (
        tf.data.TFRecordDataset(files).batch(batch_size).map(lambda records: parse(records, dataset.schema))
    )
    # Keras wants to know where an epoch ends before it has come to it.
    return batches.apply(tf.data.experimental.assert_cardinality(math.ceil(dataset.rows[split] / batch_size)))


def parse(records: tf.Tensor, schema: DatasetSchema) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns ``(stored x (batch, *shape), y (batch, …))`` of serialized examples ``(batch,)``."""
    meaning = meant(schema).meaning
    raw, shape = tf.io.FixedLenFeature([], tf.string), meaning.y_shape(schema)
    is_bytes = meaning.y_dtype == "uint8"
    label = raw if is_bytes else tf.io.FixedLenFeature(shape, tf.dtypes.as_dtype(meaning.y_dtype))
    features = tf.io.parse_example(records, {"x": raw, "y": label})
    x = tf.io.decode_raw(features["x"], tf.dtypes.as_dtype(schema.input.stored_dtype))
    y = features["y"]
    y = tf.reshape(tf.io.decode_raw(y, tf.uint8), [-1, *shape]) if is_bytes else y
    return tf.reshape(x, [-1, *schema.input.shape]), y


def model_ready(x: tf.Tensor, spec: TensorSpec) -> Any:
    """Returns stored tensors as a model takes them: scaled float32 or tokens, by name of several."""
    if spec.parts:
        return {
            name: model_ready(_unpacked(x[:, place], part), part)
            for name, part, place in packed.places(spec.parts)
        }
    if spec.model_dtype == "int32":
        return tf.cast(x, tf.int32)
    x = tf.cast(x, tf.float32)
    if spec.scale:
        x *= tf.constant(spec.scale, tf.float32)
    if spec.offset:
        x += tf.constant(spec.offset, tf.float32)
    return x


def _unpacked(x: tf.Tensor, spec: TensorSpec) -> tf.Tensor:
    """Returns the tensors ``(batch, *shape)`` of bytes ``(batch, bytes)``."""
    dtype = tf.dtypes.as_dtype(spec.stored_dtype)
    if dtype.size > 1:
        x = tf.bitcast(tf.reshape(x, [-1, packed.example_bytes(spec) // dtype.size, dtype.size]), dtype)
    return tf.reshape(x, [-1, *spec.shape])
