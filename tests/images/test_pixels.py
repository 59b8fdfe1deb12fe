"""Every kind of image is read as Pillow shows it, fitted as its ImageOps.fit does, or refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from archlab.errors import InputError
from archlab.images.pixels import fit, read_header, read_pixels

NOISE = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
COLOUR = Image.fromarray(NOISE)


def grid(picture: Image.Image, channels: int = 3) -> np.ndarray:
    values = np.array(picture.convert("RGB"))
    if channels == 1:
        return np.array(picture.convert("RGB").convert("L"))[None]
    return values.transpose(2, 0, 1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("mode", "kind"),
    [("1", "png"), ("L", "png"), ("L", "jpeg"), ("P", "png"), ("P", "gif"), ("RGB", "png"), ("RGB", "jpeg"),
     ("RGB", "webp"), ("RGB", "bmp"), ("RGB", "ppm"), ("RGB", "tiff"), ("CMYK", "jpeg"), ("CMYK", "tiff"),
     ("YCbCr", "tiff")],
)  # fmt: skip
def test_a_mode_is_read_as_pillow_makes_it_rgb(tmp_path, mode, kind, channels):
    path = tmp_path / f"image.{kind}"
    COLOUR.convert(mode).save(path)
    with Image.open(path) as opened:
        expected = grid(opened, channels)
    np.testing.assert_array_equal(read_pixels(path, channels, (12, 20)), expected)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_transparent_is_laid_over_white(tmp_path, mode, channels):
    path = tmp_path / "image.png"
    picture = COLOUR.convert(mode)
    picture.putalpha(Image.fromarray(NOISE[..., 0]))
    picture.save(path)
    rgba = picture.convert("RGBA")
    expected = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    np.testing.assert_array_equal(read_pixels(path, channels, (12, 20)), grid(expected, channels))


def test_a_palette_s_transparent_colour_is_white(tmp_path):
    picture = Image.new("P", (4, 2), 0)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((0, 0), 1)
    picture.save(tmp_path / "image.png", transparency=0)
    pixels = read_pixels(tmp_path / "image.png", 3, (2, 4))
    assert pixels[:, 0, 0].tolist() == [200, 100, 50]
    assert (pixels.reshape(3, -1)[:, 1:] == 255).all()


@pytest.mark.parametrize("kind", ["png", "tiff", "pgm"])
def test_sixteen_bits_are_kept(tmp_path, kind):
    values = np.arange(240, dtype=np.uint16).reshape(12, 20) * 257 + 100
    path = tmp_path / f"deep.{kind}"
    Image.fromarray(values).save(path)
    assert read_header(path).is_wide
    pixels = read_pixels(path, 3, (12, 20))
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, np.broadcast_to(values / 257, (3, 12, 20)), rtol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(12, 20), (8, 8), (5, 9)])
def test_it_is_turned_as_exif_says_and_fitted_as_pillow_does(tmp_path, orientation, size):
    path = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    COLOUR.save(path, exif=exif)
    with Image.open(path) as opened:
        upright = ImageOps.exif_transpose(opened)
    expected = ImageOps.fit(upright, size[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(read_pixels(path, 3, size), grid(expected))


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path, orientation):
    ramp = np.linspace(0, 255, 512, dtype=np.uint8)
    path = tmp_path / "large.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.broadcast_to(ramp, (256, 512)).copy()).save(path, exif=exif, quality=95)
    pixels = read_pixels(path, 1, (32, 32))[0].astype(float)
    if orientation == 6:
        pixels = pixels.T
    expected = np.linspace(64, 191, 32)
    assert np.abs(pixels - expected).max() < 4


def test_a_long_line_is_cut_and_never_blown_up(tmp_path):
    Image.new("RGB", (1, 1_000_000), "white").save(tmp_path / "line.png")
    assert read_pixels(tmp_path / "line.png", 3, (64, 64)).shape == (3, 64, 64)


@pytest.mark.parametrize(("mode", "kind"), [("F", "tiff"), ("I", "tiff"), ("LAB", "tiff")])
def test_other_values_are_refused_by_name(tmp_path, mode, kind):
    path = tmp_path / f"odd.{kind}"
    Image.new(mode, (4, 4)).save(path)
    for read in (read_header, lambda path: read_pixels(path, 3, (4, 4))):
        with pytest.raises(InputError, match=rf"odd\.tiff has values of a kind that is not read.*mode {mode}"):
            read(path)


def test_several_frames_are_refused(tmp_path):
    path = tmp_path / "many.gif"
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="several frames, by its header, and a label is of one"):
        read_pixels(path, 3, (4, 4))


def test_a_cut_file_is_refused_by_name(tmp_path: Path):
    path = tmp_path / "cut.png"
    COLOUR.save(path)
    path.write_bytes(path.read_bytes()[:200])
    assert read_header(path).width == 20
    with pytest.raises(InputError, match=r"cut\.png cannot be read"):
        read_pixels(path, 3, (12, 20))


def test_an_array_is_fitted_as_a_file_of_it(tmp_path):
    grey = NOISE[..., 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    for size in ((12, 20), (7, 7)):
        np.testing.assert_array_equal(fit(grey, 3, size), read_pixels(tmp_path / "grey.png", 3, size))
