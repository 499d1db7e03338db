from __future__ import annotations

from pathlib import Path

import numpy as np
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from trimtab.report.tensorboard.projector import CONFIG, MOST_NUMBERS, rows_shown, write_projector


def test_the_files_are_what_the_config_says(tmp_path: Path) -> None:
    vectors = np.arange(10.0).reshape(5, 2) / 3
    images = np.zeros((5, 8, 6, 1), np.uint8)
    write_projector(tmp_path, vectors, ["a", "b\tc", "", "d", "e"], images)
    (shown,) = text_format.Parse((tmp_path / CONFIG).read_text(), ProjectorConfig()).embeddings
    assert list(shown.tensor_shape) == [5, 2]
    np.testing.assert_allclose(np.loadtxt(tmp_path / shown.tensor_path), vectors, rtol=1e-3)
    assert (tmp_path / shown.metadata_path).read_text().splitlines() == ["a", "b c", "-", "d", "e"]
    assert list(shown.sprite.single_image_dim) == [6, 8]
    assert Image.open(tmp_path / shown.sprite.image_path).size == (3 * 6, 3 * 8)


def test_rows_that_are_no_images_have_no_sprite(tmp_path: Path) -> None:
    write_projector(tmp_path, np.ones((2, 3)), ["a", "b"], None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["embedding.tsv", "labels.tsv", CONFIG]


def test_few_rows_are_shown_of_a_wide_layer() -> None:
    assert rows_shown(100, 64) == 100
    assert rows_shown(1_000_000, 64) == 5_000
    assert rows_shown(1_000_000, 2_048) == MOST_NUMBERS // 2_048
    assert rows_shown(3, 10 * MOST_NUMBERS) == 1
