from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from trimtab.config.train import Augment
from trimtab.data.schema import TensorSpec
from trimtab.errors import ConfigError
from trimtab.train.augment import augmentation, flip_and_crop, jitter, of_masks

SPEC = TensorSpec(kind="image", shape=(6, 5, 3), stored_dtype="uint8", scale=[1 / 255], offset=[0.0])


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, (64, 6, 5, 3), np.uint8)


def key(*values: int) -> tf.Tensor:
    return tf.constant(values, tf.int64)


def test_nothing_asked_for_is_nothing_done() -> None:
    assert augmentation(Augment(), SPEC) is None


def test_it_is_for_images_only() -> None:
    spec = TensorSpec(kind="tabular", shape=(3,), stored_dtype="float32")
    with pytest.raises(ConfigError, match=r"train\.augment: augmentation is for images.*tabular"):
        augmentation(Augment(flip_horizontal=True), spec)


def test_the_same_key_gives_the_same_images_and_another_gives_others(images: np.ndarray) -> None:
    augment = augmentation(Augment(flip_horizontal=True, crop_padding=2, brightness=0.2, contrast=0.3), SPEC)
    assert augment is not None
    first, again, other = (augment(images, key(*k)).numpy() for k in ((7, 1), (7, 1), (7, 2)))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).mean() > 0.9


def test_a_mask_moves_as_its_image_does_and_nothing_is_known_beyond_the_border() -> None:
    settings = Augment(flip_horizontal=True, crop_padding=2, brightness=0.1)
    masks = np.random.default_rng(0).integers(1, 200, (32, 30), np.uint8)
    images = np.repeat(masks.reshape(32, 6, 5, 1), 3, axis=3)
    augment, move = (
        augmentation(settings.model_copy(update={"brightness": 0.0}), SPEC),
        of_masks(settings, SPEC),
    )
    assert augment is not None
    assert move is not None
    moved, expected = (
        move(masks, key(7, 1)).numpy(),
        augment(images, key(7, 1)).numpy()[..., 0].reshape(32, 30),
    )
    np.testing.assert_array_equal(moved, np.where(expected == 0, 255, expected))
    assert (moved == 255).any()
    assert of_masks(Augment(brightness=0.1), SPEC) is None


def test_every_image_is_itself_or_its_mirror_image(images: np.ndarray) -> None:
    flipped = flip_and_crop(images, key(0, 0), flip=True, padding=0).numpy()
    same = (flipped == images).all(axis=(1, 2, 3))
    mirrored = (flipped == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same | mirrored).all()
    assert 0.25 < mirrored.mean() < 0.75
    assert flipped.dtype == np.uint8


def test_every_crop_is_a_window_of_the_padded_image(images: np.ndarray) -> None:
    cropped = flip_and_crop(images, key(0, 0), flip=False, padding=1).numpy()
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = [padded[:, r : r + 6, c : c + 5] for r in range(3) for c in range(3)]
    matches = np.stack([(cropped == window).all(axis=(1, 2, 3)) for window in windows])
    assert (matches.sum(axis=0) == 1).all()
    assert matches.any(axis=1).all(), "some offset is never drawn"


def test_brightness_moves_an_image_as_a_whole_and_stays_in_range(images: np.ndarray) -> None:
    middle = np.full_like(images, 128)
    changed = jitter(middle, key(0, 0), 0.2, 0.0, 255.0).numpy() - 128
    assert np.ptp(changed, axis=(1, 2, 3)).max() < 1e-3
    assert np.abs(changed).max() <= 0.2 * 255
    assert changed.min() < -25 < 25 < changed.max()
    extreme = jitter(images, key(0, 0), 1.0, 0.0, 255.0).numpy()
    assert extreme.min() >= 0
    assert extreme.max() <= 255


def test_contrast_keeps_the_mean_and_scales_the_spread(images: np.ndarray) -> None:
    small = images // 4 + 96
    changed = jitter(small, key(0, 0), 0.0, 0.5, 255.0).numpy()
    np.testing.assert_allclose(changed.mean(axis=(1, 2)), small.mean(axis=(1, 2)), atol=0.1)
    factors = changed.std(axis=(1, 2, 3)) / small.std(axis=(1, 2, 3))
    assert 0.5 <= factors.min() < 0.7
    assert 1.3 < factors.max() <= 1.5
