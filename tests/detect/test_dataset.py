from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

from archlab.detect.coco import read_annotations
from archlab.detect.data_source import Source
from archlab.detect.dataset import MEAN, STD, dataset_of, read_dataset, split
from archlab.detect.images_on_disk import ImagesOnDisk
from archlab.detect.load import read_source
from archlab.detect.shapes import drawn_shapes
from archlab.errors import InputError
from archlab.images.free_memory import free_memory
from tests.detect.folders import tiny, write

EXCERPT = Path(__file__).parents[1] / "data" / "bccd"
BCCD = Path(__file__).parents[3] / "shared" / "data" / "bccd"


def test_images_keep_their_proportions_and_boxes_are_scaled_with_them(tmp_path):
    data = read_dataset(write(tmp_path, tiny()), (60, 60))
    assert data.size == (60, 60)
    assert data.scales == (1.5, 2.0)
    assert data.boxes[0].tolist() == [[15, 7.5, 45, 22.5], [2.25, 3, 6.75, 9]]
    assert data.boxes[1].shape == (0, 4)
    assert [labels.tolist() for labels in data.labels] == [[2, 1], []]
    wide, square = data.images
    assert (wide[:, :30] == 128).all()
    assert (wide[:, 30:] == 0).all()
    assert (square == 128).all()
    assert (data.image_ids, data.category_ids) == ((7, 3), (2, 90))


def test_where_a_pixel_lies_its_box_lies(tmp_path):
    content = tiny()
    source = write(tmp_path, content)
    picture = Image.new("RGB", (40, 20))
    picture.paste((255, 0, 0), (10, 5, 30, 15))
    picture.save(tmp_path / "a.png")
    data = read_dataset(source, (40, 80))
    x1, y1, x2, y2 = data.boxes[0][0].int().tolist()
    red = data.images[0, 0]
    assert red[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].min() > 250
    assert red.sum() == pytest.approx(255 * (x2 - x1) * (y2 - y1), rel=0.02)


def test_a_batch_is_normalised_as_torchvision_does():
    transforms = pytest.importorskip("torchvision.transforms.v2.functional")
    data = drawn_shapes(3, (32, 48), 0)
    expected = transforms.normalize(data.images[[2, 0]].float() / 255, list(MEAN), list(STD))
    torch.testing.assert_close(data.batch([2, 0]), expected)


def test_a_split_is_whole_disjoint_and_by_its_seed():
    data = drawn_shapes(10, (32, 32), 0)
    parts = [split(data, 0.3, seed) for seed in (5, 5, 6)]
    ids = [tuple(part.image_ids for part in pair) for pair in parts]
    assert ids[0] == ids[1] != ids[2]
    fit, held = parts[0]
    assert (len(fit), len(held)) == (7, 3)
    assert sorted(fit.image_ids + held.image_ids) == list(data.image_ids)
    for part in (fit, held):
        assert [entry["id"] for entry in part.truth["images"]] == list(part.image_ids)
        assert {entry["image_id"] for entry in part.truth["annotations"]} == set(part.image_ids)
        for image, boxes, id in zip(part.images, part.boxes, part.image_ids, strict=True):
            assert torch.equal(image, data.images[id - 1])
            assert torch.equal(boxes, data.boxes[id - 1])


@pytest.mark.parametrize(("share", "held"), [(0.0, 1), (0.01, 1), (1.0, 4)])
def test_both_parts_of_a_split_have_an_image(share, held):
    fit, rest = split(drawn_shapes(5, (16, 16), 0), share, 0)
    assert (len(fit), len(rest)) == (5 - held, held)


def test_one_image_cannot_be_split():
    with pytest.raises(InputError, match="drawn shapes has 1 image, which cannot be split"):
        split(drawn_shapes(1, (16, 16), 0), 0.2, 0)


def test_an_image_of_another_size_than_the_file_says_is_refused(tmp_path):
    source = write(tmp_path, tiny())
    Image.new("RGB", (20, 40)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png has 20x40 pixels, and its annotations say 40x20"):
        read_dataset(source, (32, 32))


def broken(kind: str) -> bytes:
    written = io.BytesIO()
    noise = torch.randint(256, (20, 40, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    Image.fromarray(noise.numpy()).save(written, kind)
    return written.getvalue()[: written.tell() // 2]


@pytest.mark.parametrize("content", [b"", b"no image", broken("JPEG"), broken("PNG"), broken("GIF"), broken("BMP")])
def test_a_broken_image_is_refused_by_its_name(tmp_path, content):
    source = write(tmp_path, tiny())
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"the image .*a\.png cannot be read: "):
        read_dataset(source, (32, 32))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_every_kind_of_pixel_becomes_rgb(tmp_path, mode):
    source = write(tmp_path, tiny())
    kind = "JPEG" if mode == "CMYK" else "PNG"
    Image.new("RGB", (40, 20), (255, 255, 255)).convert(mode).save(tmp_path / "a.png", kind)
    assert (read_dataset(source, (20, 40)).images[0] >= 254).all()


def test_a_box_too_thin_for_single_precision_is_left_out_of_training_alone(tmp_path):
    content = tiny()
    content["annotations"][0]["bbox"] = [20, 5, 1e-9, 10]
    data = read_dataset(write(tmp_path, content), (20, 40))
    assert data.left_out == {"no area": 1}
    assert (data.boxes[0].shape, data.labels[0].tolist()) == ((1, 4), [1])
    assert len(data.truth["annotations"]) == 2


def test_reading_tells_how_far_it_is(tmp_path):
    messages: list[str] = []
    source = write(tmp_path, tiny())
    read_dataset(source, (16, 16), messages.append)
    assert messages == [f"reading {source}: image 0 of 2"]


def test_the_excerpt_of_blood_cells_is_read_with_its_boxes():
    data = read_dataset(EXCERPT / "train.json", (48, 64))
    assert (len(data), data.classes, data.left_out) == (2, ("WBC", "RBC", "Platelets"), {})
    assert torch.cat(data.labels).bincount(minlength=4)[1:].tolist() == [2, 18, 2]
    assert data.scales == (0.5, 0.5)
    for boxes in data.boxes:
        assert (boxes >= 0).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert (boxes <= torch.tensor([64, 48, 64, 48])).all()
    # White cells are stained: darker in green than what lies around them.
    for image, boxes, labels in zip(data.images, data.boxes, data.labels, strict=True):
        left, top, right, bottom = boxes[labels == 1][0].int().tolist()
        assert image[1, top:bottom, left:right].float().mean() < image[1].float().mean() - 10


@pytest.mark.slow
@pytest.mark.skipif(not BCCD.is_dir(), reason=f"the whole of BCCD is not at {BCCD}: its excerpt was read")
@pytest.mark.parametrize(
    ("part", "images", "counts"),
    [("train", 205, (214, 2381, 209)), ("val", 87, (87, 967, 83)), ("test", 72, (71, 805, 69))],
)
def test_blood_cells_have_as_many_images_and_boxes_as_their_readme_says(part, images, counts):
    data = read_dataset(BCCD / f"{part}.json", (48, 64))
    assert (len(data), data.classes) == (images, ("WBC", "RBC", "Platelets"))
    assert tuple(torch.cat(data.labels).bincount(minlength=4)[1:].tolist()) == counts
    assert data.left_out == {}
    assert set(data.scales) == {0.1}
    assert (data.images.float().mean((1, 2, 3)) > 50).all()


def test_images_that_together_do_not_fit_in_memory_are_decoded_on_demand_and_are_the_same(tmp_path, monkeypatch):
    source = write(tmp_path, tiny())
    noise = torch.randint(256, (20, 40, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    Image.fromarray(noise.numpy()).save(tmp_path / "a.png")
    held = read_dataset(source, (64, 48))
    monkeypatch.setattr("archlab.detect.dataset.free_memory", lambda: 4 * 3 * 64 * 48 - 1)
    messages: list[str] = []
    data = read_dataset(source, (64, 48), messages.append)
    assert isinstance(held.images, torch.Tensor)
    assert isinstance(data.images, ImagesOnDisk)
    assert messages == [f"larger than memory, read on demand; checking {source}: image 0 of 2"]
    assert (data.size, data.images.shape) == ((64, 48), (2, 3, 64, 48))
    assert torch.equal(data.batch([1, 0, 0]), held.batch([1, 0, 0]))
    assert torch.equal(data.part([1]).batch([0]), held.batch([1]))
    assert torch.equal(data.images[0], held.images[0])
    assert [boxes.tolist() for boxes in data.boxes] == [boxes.tolist() for boxes in held.boxes]
    (tmp_path / "b.png").unlink()
    assert torch.equal(data.batch([0]), held.batch([0])), "an image that is not asked for is not opened"
    with pytest.raises(InputError, match=r"there is no image .*b\.png"):
        data.batch([1])
    monkeypatch.setattr("archlab.detect.dataset.free_memory", lambda: 4 * 3 * 64 * 48)
    with pytest.raises(InputError, match=r"there is no image .*b\.png"):
        dataset_of(read_annotations(source), (64, 48), True)


def test_headers_of_images_that_stay_on_disk_are_checked_at_once(tmp_path):
    source = write(tmp_path, tiny())
    Image.new("RGB", (20, 40)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png has 20x40 pixels, and its annotations say 40x20"):
        dataset_of(read_annotations(source), (16, 16), False)


def test_training_and_validation_data_have_to_fit_together(tmp_path, monkeypatch):
    train, val = write(tmp_path, tiny()), write(tmp_path, tiny(), "val.json")
    monkeypatch.setattr("archlab.detect.dataset.free_memory", lambda: 8 * 3 * 32 * 32 - 1)
    parts = read_source(Source(train, val), (32, 32))
    assert all(isinstance(part.images, ImagesOnDisk) for part in parts)


def test_boxes_smaller_than_a_pixel_are_counted(tmp_path):
    data = read_dataset(write(tmp_path, tiny()), (7, 14))  # 3x4 pixels of 40x20 are 1.05x1.4
    assert data.tiny == 0
    data = read_dataset(write(tmp_path, tiny()), (6, 12))
    assert (data.tiny, data.part([0]).tiny, data.part([1]).tiny) == (1, 1, 0)


def test_a_set_without_boxes_is_refused_with_why_and_what_to_do(tmp_path):
    content = tiny()
    for entry in content["annotations"]:
        entry["iscrowd"] = 1
    for train, val, what in (
        (write(tmp_path, content), None, "train on"),
        (write(tmp_path, tiny(), "full.json"), write(tmp_path, content, "val.json"), "validate with"),
    ):
        with pytest.raises(InputError, match=rf"has no box to {what} \(2 are left out: crowd\)") as caught:
            read_source(Source(train, val), (16, 16))
        assert "archlab data check" in caught.value.hint


def test_free_memory_is_some_of_the_machine_s():
    free = free_memory()
    assert free is None or 2**20 < free < 2**50
