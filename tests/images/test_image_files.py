"""Images: what their headers say is looked at before they are decoded, and whatever is wrong has the file's name."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from archlab.errors import InputError
from archlab.images.image_files import MAX_PIXELS, read_image

WIDE = (1 << 13, 1 << 13)
"""As many pixels as are read at most."""


def png(path: Path, size: tuple[int, int], colours: int = 2) -> Path:
    """A PNG whose header says ``size``, and that holds one pixel of it."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", *size, 8, colours, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(4))), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


@pytest.fixture
def undecoded(monkeypatch):
    """Fail where an image is decoded."""

    def load(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((8193, 8192), "8,193x8,192 pixels, 256 MiB once decoded"),
        ((13_000, 13_000), "13,000x13,000 pixels, 645 MiB once decoded"),  # Pillow would warn
        ((30_000, 30_000), "900,000,000 pixels, 3,433 MiB once decoded"),  # and here raise
        ((1, 2**31 - 1), "pixels, 8,192 MiB once decoded"),
    ],
)
@pytest.mark.parametrize("colours", [0, 2, 6])
@pytest.mark.filterwarnings("error")
def test_a_file_whose_header_says_too_much_is_refused_undecoded(tmp_path, size, said, colours):
    path = png(tmp_path / "bomb.png", size, colours)
    with pytest.raises(InputError) as caught:
        read_image(path, (10, 10), (8, 8))
    assert f"the image {path} is too large: its header says" in caught.value.message
    assert said in caught.value.message
    assert "at most 67,108,864 are read, 256 MiB" in caught.value.message
    assert "smaller copies" in caught.value.hint


def test_what_annotations_say_is_looked_at_before_the_file_is(tmp_path):
    with pytest.raises(InputError, match=r"gone\.png is too large: its annotations say 30,000x30,000 pixels"):
        read_image(tmp_path / "gone.png", (30_000, 30_000), (8, 8))


def test_the_largest_is_read_as_far_as_its_header_goes(tmp_path):
    assert WIDE[0] * WIDE[1] == MAX_PIXELS
    with pytest.raises(InputError, match=r"largest\.png cannot be read: "):  # it holds one pixel
        read_image(png(tmp_path / "largest.png", WIDE, 0), WIDE, (8, 8))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_an_image_of_several_frames_is_refused(tmp_path, kind):
    path = tmp_path / f"many.{kind.lower()}"
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "green", "blue")]
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(InputError, match=r"many\.\w+ has several frames, by its header, and boxes are of one"):
        read_image(path, (20, 10), (8, 8))


def test_a_phone_s_photograph_with_smaller_ones_behind_it_is_read(tmp_path):
    path = tmp_path / "phone.jpg"
    Image.new("RGB", (40, 20), "white").save(path, "MPO", save_all=True, append_images=[Image.new("RGB", (4, 2))])
    assert read_image(path, (40, 20), (8, 4)).min() > 250


@pytest.mark.parametrize("mode", ["I", "F"])
def test_values_without_a_scale_are_refused(tmp_path, mode):
    path = tmp_path / "deep.tiff"
    Image.new(mode, (20, 10)).save(path)
    with pytest.raises(InputError, match="values of a kind that is not read, by its header"):
        read_image(path, (20, 10), (8, 8))


@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 10\n%%EndComments\n(x) (w) file\n",  # runs Ghostscript
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a\x00\x00\x00\x00\x00\x00\x00;",
        b"P6 0 0 255\n",
        b"BM" + bytes(60),
        b"II*\x00\x08\x00\x00\x00" + bytes(40),
        b"\xff\xd8\xff\xe0" + bytes(30),
        b"RIFF\x1a\x00\x00\x00WEBPVP8L" + bytes(20),
    ],
)
def test_what_is_no_photograph_or_is_broken_is_refused_by_name(tmp_path, content):
    path = tmp_path / "x\x1b[31m.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot be read|its annotations say") as caught:
        read_image(path, (20, 10), (8, 8))
    assert "x\ufffd[31m.png" in caught.value.message
    assert "\x1b" not in caught.value.message


def test_whatever_a_decoder_raises_has_the_image_s_name(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.new("RGB", (20, 10)).save(path)
    for error, said in ((RuntimeError("odd"), "cannot be read: odd"), (KeyError(), "cannot be read: KeyError"),
                        (MemoryError(), "not enough memory to read the image")):  # fmt: skip

        def load(self, error=error):
            raise error

        monkeypatch.setattr(ImageFile.ImageFile, "load", load)
        with pytest.raises(InputError, match=said) as caught:
            read_image(path, (20, 10), (8, 8))
        assert str(path) in caught.value.message


def test_a_line_of_a_million_pixels_is_read(tmp_path):
    path = tmp_path / "line.png"
    Image.new("RGB", (1, 1_000_000), "white").save(path)
    assert read_image(path, (1, 1_000_000), (1, 32)).shape == (32, 1, 3)


def test_every_truncation_of_a_file_is_refused_or_read(tmp_path):
    written = io.BytesIO()
    Image.effect_noise((24, 16), 80).convert("RGB").save(written, "PNG")
    path = tmp_path / "cut.png"
    for end in range(0, written.tell(), 7):
        path.write_bytes(written.getvalue()[:end])
        try:
            assert read_image(path, (24, 16), (8, 8)).shape == (8, 8, 3)
        except InputError as error:
            assert str(path) in error.message  # noqa: PT017
