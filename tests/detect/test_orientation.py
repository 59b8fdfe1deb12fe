"""Photographs that EXIF turns, and images of more than eight bits: read as they are shown."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from archlab.detect.dataset import read_dataset
from archlab.errors import InputError
from tests.detect.folders import write

ORIENTATION = 0x0112


def one(width, height, box):
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": width, "height": height}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": box, "area": 1, "iscrowd": 0}],
        "categories": [{"id": 1, "name": "red"}],
    }


def stored_for(picture: Image.Image, orientation: int) -> Image.Image:
    """What a camera held otherwise stores, such that its orientation turns it into ``picture``."""
    back = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = back
    copy = picture.copy()
    copy.info["exif"] = exif.tobytes()
    copy.getexif()[ORIENTATION] = back
    return ImageOps.exif_transpose(copy)


@pytest.mark.parametrize("sides", [(40, 20), (32, 32)])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_boxes_lie_on_the_photograph_as_it_is_shown(tmp_path, orientation, sides):
    x, y, w, h = 4, 2, 12, 6
    picture = Image.new("RGB", sides)
    picture.paste((255, 0, 0), (x, y, x + w, y + h))
    source = write(tmp_path, one(*sides, [x, y, w, h]))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored_for(picture, orientation).save(tmp_path / "a.png", exif=exif)
    data = read_dataset(source, sides[::-1])
    x1, y1, x2, y2 = data.boxes[0][0].int().tolist()
    red = data.images[0, 0]
    assert (red[y1:y2, x1:x2] == 255).all()
    assert red.sum() == 255 * w * h


def test_annotations_of_a_photograph_as_it_is_stored_are_refused_with_the_word_exif(tmp_path):
    source = write(tmp_path, one(40, 20, [4, 2, 12, 6]))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "a.png", exif=exif)
    with pytest.raises(InputError, match=r"a\.png is stored lying down: its EXIF .* to 20x40 .* say 40x20") as caught:
        read_dataset(source, (20, 40))
    assert "exiftool" in caught.value.hint


def grey_ramp(top: int) -> np.ndarray:
    return np.linspace(0, top, 32 * 32).round().reshape(32, 32)


def test_sixteen_bits_of_grey_are_scaled_and_not_cut_off(tmp_path):
    source = write(tmp_path, one(32, 32, [4, 2, 12, 6]))
    values = grey_ramp(65535).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    read = read_dataset(source, (32, 32)).images[0].numpy()
    assert (read == np.round(values / 257)).all()
    assert len(np.unique(read)) == 256


def twelve_bits(path, values: np.ndarray) -> None:
    """A TIFF file of 12 bits to a pixel, by hand: Pillow reads such files and writes none."""
    flat = values.astype(int).ravel()
    packed = bytearray()
    for a, b in zip(flat[::2], flat[1::2], strict=True):
        packed += bytes((a >> 4, (a & 15) << 4 | b >> 8, b & 255))
    height, width = values.shape
    tags = {256: width, 257: height, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(packed)}
    entries = b"".join(
        tag.to_bytes(2, "little") + (4).to_bytes(2, "little") + (1).to_bytes(4, "little") + value.to_bytes(4, "little")
        for tag, value in tags.items()
    )
    head = b"II*\0" + (8 + len(packed)).to_bytes(4, "little")
    path.write_bytes(head + packed + len(tags).to_bytes(2, "little") + entries + b"\0" * 4)


def test_twelve_bits_of_a_tiff_file_are_scaled_by_their_own_most(tmp_path):
    source = write(tmp_path, one(32, 32, [4, 2, 12, 6]))
    values = grey_ramp(4095)
    twelve_bits(tmp_path / "a.png", values)
    read = read_dataset(source, (32, 32)).images[0].numpy()
    assert np.abs(read - values * 255 / 4095).max() <= 0.5001


@pytest.mark.parametrize(("mode", "dtype"), [("F", np.float32), ("I", np.int32)])
def test_values_without_a_scale_are_refused_by_name(tmp_path, mode, dtype):
    source = write(tmp_path, one(32, 32, [4, 2, 12, 6]))
    Image.fromarray(grey_ramp(1).astype(dtype)).save(tmp_path / "a.png", "TIFF")
    with pytest.raises(InputError, match=rf"a\.png has values of a kind that is not read, .* \(mode {mode}\)"):
        read_dataset(source, (32, 32))
