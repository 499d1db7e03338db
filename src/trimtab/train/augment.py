"""Random changes to training images; every draw is keyed by the seed, the epoch and the batch's place."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from trimtab.config.train import Augment
from trimtab.data.kinds.registry import input_kind
from trimtab.data.schema import TensorSpec
from trimtab.errors import ConfigError
from trimtab.tasks.masks import IGNORED

FULL_RANGE = {"uint8": 255.0}
Augmentation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def augmentation(config: Augment, spec: TensorSpec) -> Augmentation | None:
    """Returns a function ``(stored images (batch, height, width, channels), key (2,)) -> images``, or None.

    The key is a stateless seed of TensorFlow: the same key gives the same changes. Geometry is changed in the
    stored dtype; brightness and contrast turn the images into float32 of the same range, clipped to it.

    Args:
        config: The ``train.augment`` section.
        spec: What the images look like as stored.

    Raises:
        ConfigError: If the inputs are not images.
    """
    if config == Augment():
        return None
    if not input_kind(spec.kind).is_pixels:
        raise ConfigError(
            f"augmentation is for images, and the input is {spec.kind}",
            field="train.augment",
            hint="Remove train.augment.",
        )
    geometry = config.flip_horizontal or config.crop_padding > 0
    colour = config.brightness > 0 or config.contrast > 0
    # A float image has no range of its own: it is taken to be 0 to 1, and is not clipped.
    full_range = FULL_RANGE.get(spec.stored_dtype)

    def augment(images: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
        if geometry:
            images = flip_and_crop(images, key, flip=config.flip_horizontal, padding=config.crop_padding)
        if colour:
            images = jitter(images, key, config.brightness, config.contrast, full_range)
        return images

    return augment


def of_masks(config: Augment, spec: TensorSpec) -> Augmentation | None:
    """Returns a function ``(masks (batch, pixels), key (2,)) -> masks`` that moves them as images, or None.

    Of what comes in over the border nothing is known: it counts for nothing.

    Args:
        config: The ``train.augment`` section.
        spec: What the images look like as stored.
    """
    if not (config.flip_horizontal or config.crop_padding):
        return None
    height, width, _ = spec.shape

    def move(masks: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
        # The border is of zeros.
        pixels = tf.reshape(IGNORED - masks, [-1, height, width, 1])
        moved = flip_and_crop(pixels, key, flip=config.flip_horizontal, padding=config.crop_padding)
        return IGNORED - tf.reshape(moved, tf.shape(masks))

    return move


def flip_and_crop(images: tf.Tensor, key: tf.Tensor, *, flip: bool, padding: int) -> tf.Tensor:
    """Mirrors half of the images, and moves each by up to ``padding`` pixels over a border of zeros.

    Args:
        images: ``(batch, height, width, channels)`` of any dtype.
        key: A stateless seed, ``(2,)``.
        flip: Whether to mirror.
        padding: Pixels of the border.

    Returns:
        Images of the same shape and dtype.
    """
    batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    rows = tf.tile(tf.range(height)[None, :], [batch, 1])
    columns = tf.tile(tf.range(width)[None, :], [batch, 1])
    if flip:
        mirrored = _uniform(key, 0, [batch, 1]) < 0.5
        columns = tf.where(mirrored, width - 1 - columns, columns)
    if padding:
        images = tf.pad(images, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
        rows += _offsets(key, 1, batch, 2 * padding)
        columns += _offsets(key, 2, batch, 2 * padding)
        images = tf.gather(images, rows, axis=1, batch_dims=1)
    return tf.gather(images, columns, axis=2, batch_dims=1)


def jitter(
    images: tf.Tensor, key: tf.Tensor, brightness: float, contrast: float, full_range: float | None
) -> tf.Tensor:
    """Changes contrast around each image's mean, then brightness.

    Args:
        images: ``(batch, height, width, channels)`` in stored units.
        key: A stateless seed, ``(2,)``.
        brightness: Largest change, as a share of the range.
        contrast: Factors are drawn from ``1 - contrast`` to ``1 + contrast``.
        full_range: The largest stored value, to clip to; None: images of 0 to 1 that are not clipped.

    Returns:
        Float32 images of the same shape.
    """
    images = tf.cast(images, tf.float32)
    batch = tf.shape(images)[0]
    factor = 1.0 + contrast * (2.0 * _uniform(key, 3, [batch, 1, 1, 1]) - 1.0)
    shift = brightness * (full_range or 1.0) * (2.0 * _uniform(key, 4, [batch, 1, 1, 1]) - 1.0)
    mean = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    changed = (images - mean) * factor + mean + shift
    return changed if full_range is None else tf.clip_by_value(changed, 0.0, full_range)


def _uniform(key: tf.Tensor, draw: int, shape: list[tf.Tensor | int]) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, tf.random.experimental.stateless_fold_in(key, draw))


def _offsets(key: tf.Tensor, draw: int, batch: tf.Tensor, largest: int) -> tf.Tensor:
    seed = tf.random.experimental.stateless_fold_in(key, draw)
    return tf.random.stateless_uniform([batch, 1], seed, maxval=largest + 1, dtype=tf.int32)
