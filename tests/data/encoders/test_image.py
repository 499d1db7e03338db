import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from trimtab.config.data import Data
from trimtab.config.data_limits import DataLimits
from trimtab.config.kinds.image import Image as ImageConfig
from trimtab.data.encoders import image
from trimtab.data.schema import Column
from trimtab.data.statistics.summary import Summary

COLUMNS = [Column(name="image", kind="image")]


def _encoded(pixels: np.ndarray | Image.Image, kind: str = "png", **more: Any) -> bytes:
    stream = io.BytesIO()
    found = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    found.save(stream, kind, **more)
    return stream.getvalue()


RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)


def test_pixels_of_the_wanted_size_are_untouched() -> None:
    np.testing.assert_array_equal(image.decode(_encoded(RGB), 6, 9, 3), RGB)
    np.testing.assert_array_equal(image.decode(_encoded(RGB[:, :, 0]), 6, 9, 1)[:, :, 0], RGB[:, :, 0])


def test_images_are_turned_as_their_exif_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn it clockwise
    content = _encoded(RGB, exif=exif)
    np.testing.assert_array_equal(image.decode(content, 9, 6, 3), np.rot90(RGB, -1))


def test_other_modes_become_grey_or_rgb() -> None:
    grey = RGB[:, :, 0]
    np.testing.assert_array_equal(image.decode(_encoded(grey), 6, 9, 3), np.repeat(grey[:, :, None], 3, 2))
    luma = np.asarray(Image.fromarray(RGB).convert("L"))
    np.testing.assert_array_equal(image.decode(_encoded(RGB), 6, 9, 1)[:, :, 0], luma)
    alpha = np.where(np.arange(9) < 4, 255, 0).astype(np.uint8) + np.zeros((6, 1), np.uint8)
    seen = image.decode(_encoded(np.dstack([RGB, alpha])), 6, 9, 3)
    np.testing.assert_array_equal(seen[:, :4], RGB[:, :4])
    assert (seen[:, 4:] == 0).all()
    deep = grey.astype(np.uint16) * 256 + 77
    np.testing.assert_array_equal(image.decode(_encoded(deep), 6, 9, 1)[:, :, 0], grey)
    palette = Image.fromarray(grey).convert("P")
    np.testing.assert_array_equal(image.decode(_encoded(palette), 6, 9, 1)[:, :, 0], grey)
    assert image.decode(_encoded(Image.fromarray(RGB).convert("CMYK"), "jpeg"), 6, 9, 3).shape == (6, 9, 3)


def test_what_would_vanish_on_black_is_put_on_white() -> None:
    shape = np.where(np.arange(9) < 4, 255, 0).astype(np.uint8) + np.zeros((6, 1), np.uint8)
    glyph = np.dstack([np.zeros_like(RGB), shape])
    seen = image.decode(_encoded(glyph), 6, 9, 3)
    assert (seen[:, :4] == 0).all()
    assert (seen[:, 4:] == 255).all()
    opaque = np.dstack([np.zeros_like(RGB), np.full((6, 9), 255, np.uint8)])
    assert (image.decode(_encoded(opaque), 6, 9, 3) == 0).all()
    grey = np.dstack([np.zeros((6, 9), np.uint8), shape])
    assert (image.decode(_encoded(Image.fromarray(grey, "LA")), 6, 9, 1)[:, 4:] == 255).all()


@pytest.mark.parametrize(("scale", "factor"), [(1.0, 255.0), (200.0, 1.0), (65_535.0, 1 / 257)])
def test_floats_are_scaled_by_their_range(scale: float, factor: float) -> None:
    values = np.linspace(0, scale, 54, dtype=np.float32).reshape(6, 9)
    seen = image.decode(_encoded(Image.fromarray(values), "tiff"), 6, 9, 1)[:, :, 0]
    np.testing.assert_allclose(seen, values * factor, atol=0.51)


@pytest.mark.parametrize("values", [[-1.0, 1.0], [0.0, 1e6], [0.0, np.nan]])
def test_floats_of_another_range_are_refused(values: list[float]) -> None:
    pixels = np.resize(np.array(values, np.float32), (6, 9))
    with pytest.raises(ValueError, match="expected 0 to 1, 0 to 255 or 0 to 65,535"):
        image.decode(_encoded(Image.fromarray(pixels), "tiff"), 6, 9, 1)


@pytest.mark.parametrize("kind", ["avif", "jpeg2000"])
def test_newer_formats_are_read(kind: str) -> None:
    smooth = np.asarray(Image.fromarray(RGB).resize((90, 60), Image.Resampling.BICUBIC))
    seen = image.decode(_encoded(smooth, kind), 60, 90, 3)
    assert np.abs(seen.astype(int) - smooth).mean() < 8


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "RGB", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_large_images_are_converted_in_strips(mode: str, channels: int, monkeypatch: Any) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (60, 50, 4)).astype(np.uint8)
    deep = pixels.astype(np.uint16)[:, :, 0] * 257
    made = Image.fromarray(deep) if mode == "I;16" else Image.fromarray(pixels, "RGBA").convert(mode)
    more = {"transparency": 3} if mode == "P" else {}
    content = _encoded(made, "tiff" if mode == "CMYK" else "png", **more)
    whole = image.decode(content, 20, 20, channels)
    convert, seen = image._flat_strip, []
    monkeypatch.setattr(image, "_STRIP_PIXELS", 400)
    monkeypatch.setattr(
        image, "_flat_strip", lambda strip, *more: seen.append(strip.size) or convert(strip, *more)
    )
    np.testing.assert_array_equal(image.decode(content, 20, 20, channels), whole)
    if mode != "RGB" or channels == 1:
        assert sum(height for _, height in seen) == 60
        assert max(height for _, height in seen) == 8


def test_images_are_resized_smoothly() -> None:
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None], 64, axis=0)
    small = image.decode(_encoded(ramp), 8, 8, 1)[:, :, 0]
    assert small.shape == (8, 8)
    assert (np.diff(small.astype(int), axis=1) > 20).all()
    large = np.asarray(Image.fromarray(ramp).resize((300, 200), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(image.decode(_encoded(ramp), 200, 300, 1)[:, :, 0], large)


def test_large_jpegs_shrink_to_about_the_same_pixels() -> None:
    ramp = np.repeat(np.linspace(0, 255, 1600).astype(np.uint8)[None], 1200, axis=0)
    from_jpeg = image.decode(_encoded(ramp, "jpeg", quality=95), 32, 32, 1).astype(int)
    assert abs(from_jpeg - image.decode(_encoded(ramp), 32, 32, 1).astype(int)).max() <= 6


def test_damaged_files_and_bombs_are_refused() -> None:
    jpeg, png = _encoded(RGB, "jpeg"), _encoded(RGB)
    huge = _encoded(Image.new("1", (20_000, 20_000)))
    assert len(huge) < 100_000
    flipped = bytearray(png)
    flipped[60] ^= 1
    bad = [b"", b"no image", jpeg[: len(jpeg) // 2], png[: len(png) // 2], png[:30], bytes(flipped), huge]
    for content in bad:
        with pytest.raises(ValueError, match=r"no readable image|pixels") as caught:
            image.decode(content, 6, 9, 3)
        assert " 0x" not in str(caught.value), "a person reads it"


def test_how_many_pixels_are_read_is_a_setting_that_serving_keeps() -> None:
    batch = pa.record_batch({"image": [_encoded(RGB), _encoded(RGB[:4])], "label": ["a", "b"]})
    wanted = Data(train="images", limits=DataLimits(image_pixels=50))
    summary = Summary.of(batch, wanted)
    assert summary.columns["image"].media.unreadable == 1
    encoder = image.ImageEncoder(image.fit(COLUMNS, summary, wanted))
    assert encoder.encode(batch).bad == {0: "9x6 pixels are more than data.limits.image_pixels, 50"}
    more = image.ImageEncoder(
        image.fit(COLUMNS, summary, Data(train="images", limits=DataLimits(image_pixels=2**30)))
    )
    assert not more.encode(pa.record_batch({"image": [_encoded(Image.new("1", (20_000, 20_000)))]})).bad
    assert "image_pixels" not in _fit([_encoded(RGB)])


def _fit(files: list[bytes], **config: Any) -> dict[str, Any]:
    batch = pa.record_batch({"image": files, "label": ["a"] * len(files)})
    wanted = Data(train="images", image=ImageConfig(**config))
    return image.fit(COLUMNS, Summary.of(batch, wanted), wanted)


def test_size_and_channels_are_what_most_training_images_are() -> None:
    grey, tall = RGB[:, :, 0], _encoded(np.zeros((3000, 1500), np.uint8))
    found = _fit([_encoded(grey), _encoded(grey), _encoded(grey[:4])])
    assert (found["height"], found["width"], found["channels"]) == (6, 9, 1)
    assert _fit([_encoded(grey), _encoded(RGB)])["channels"] == 3
    assert _fit([_encoded(RGB)], channels=1, width=20)["width"] == 20
    found = _fit([tall])
    assert (found["height"], found["width"]) == (1024, 512)


def test_the_encoder_names_the_rows_that_it_cannot_read() -> None:
    encoder = image.ImageEncoder(_fit([_encoded(RGB)]))
    batch = pa.record_batch({"image": pa.array([_encoded(RGB), None, b"x"], pa.binary())})
    encoded = encoder.encode(batch)
    assert list(encoded.bad) == [1, 2]
    np.testing.assert_array_equal(encoded.x[0], RGB)
    assert encoder.spec.scale == [1 / 127.5]


@pytest.mark.parametrize(
    ("wanted", "scale", "offset"),
    [
        ("standardized", [1 / 127.5], [-1.0]),
        ("raw", [], []),
        ((0.0, 1.0), [1 / 255], [0.0]),
        ((-128.0, 127.0), [1.0], [-128.0]),
    ],
)
def test_pixels_become_numbers_of_the_range_that_the_model_takes(
    wanted: Any, scale: list[float], offset: list[float]
) -> None:
    batch = pa.record_batch({"image": pa.array([_encoded(RGB)], pa.binary())})
    config = Data(train="x.parquet")
    settings = image.fit(COLUMNS, Summary.of(batch, config), config, wanted)
    spec = image.ImageEncoder(settings).spec
    assert (spec.stored_dtype, spec.scale, spec.offset) == ("uint8", scale, offset)
