"""A part in memory and a part on disk give the same batches; normalisation is that of the training images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from archlab.errors import InputError
from archlab.train import Normalisation, batches, find_images, load_part
from tests.train.drawn import folders, idx_set


def test_images_and_labels_are_those_of_the_files(tmp_path):
    source = find_images(folders(tmp_path))
    part = load_part(source, "train", (3, 8, 8))
    assert part.classes == ("blue", "green", "red")
    assert part.images.shape == (24, 3, 8, 8)
    assert part.images.dtype == torch.uint8
    assert part.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    for example, pixels in zip(part.examples, part.images, strict=True):
        expected = np.array(Image.open(tmp_path / example.name)).transpose(2, 0, 1)
        np.testing.assert_array_equal(pixels.numpy(), expected)


def test_normalised_training_images_have_mean_0_and_deviation_1(tmp_path):
    part = load_part(find_images(folders(tmp_path)), "train", (3, 8, 8))
    inputs = part.inputs(part.images)
    assert inputs.dtype == torch.float32
    torch.testing.assert_close(inputs.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(inputs.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)


def test_every_part_has_the_training_images_normalisation(tmp_path):
    source = find_images(folders(tmp_path))
    found = {part: load_part(source, part, (3, 8, 8)).normalisation for part in source.parts}
    assert found["train"] == found["val"] == found["test"]
    given = Normalisation((0.5,) * 3, (0.25,) * 3)
    part = load_part(source, "val", (3, 8, 8), normalisation=given)
    torch.testing.assert_close(part.inputs(part.images), (part.images / 255 - 0.5) / 0.25)


def test_of_many_images_some_are_measured_whether_in_memory_or_not(tmp_path, monkeypatch):
    monkeypatch.setattr("archlab.train.read_part.MEASURED", 5)
    source = find_images(folders(tmp_path))
    part = load_part(source, "train", (3, 8, 8))
    some = part.images[[0, 4, 9, 14, 19]].double() / 255  # 24 images, each 4.8th
    torch.testing.assert_close(torch.tensor(part.normalisation.mean).double(), some.mean((0, 2, 3)), check_dtype=False)
    assert part.normalisation == load_part(source, "test", (3, 8, 8)).normalisation


def test_a_channel_that_is_the_same_everywhere_is_divided_by_one(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.new("RGB", (4, 4), (51, 0, 255)).save(tmp_path / name / f"{i}.png")
    normalisation = load_part(find_images(tmp_path), "train", (3, 4, 4)).normalisation
    assert normalisation.std == (1, 1, 1)
    np.testing.assert_allclose(normalisation.mean, (0.2, 0, 1))


@pytest.mark.parametrize("rng", [None, 7])
def test_from_disk_come_the_same_batches(tmp_path, rng):
    source = find_images(folders(tmp_path))
    inside, outside = load_part(source, "train", (3, 6, 6)), load_part(source, "train", (3, 6, 6), share=0)
    assert outside.images is None
    assert inside.normalisation == outside.normalisation

    def all_of(part, **options):
        return list(batches(part, 7, rng and torch.Generator().manual_seed(rng), **options))

    for options in ({}, {"whole": True}, {"skip": 2}):
        ours, theirs = all_of(inside, **options), all_of(outside, **options)
        assert [len(labels) for _, labels in ours] == {(): [7, 7, 7, 3], ("whole",): [7, 7, 7], ("skip",): [7, 3]}[
            tuple(options)
        ]
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)
    (order,) = [torch.cat([labels for _, labels in all_of(inside)])]
    assert sorted(order.tolist()) == inside.labels.tolist()
    assert (order.tolist() == inside.labels.tolist()) == (rng is None)


def test_an_image_that_cannot_be_decoded_is_left_out_and_noted_once(tmp_path):
    root = folders(tmp_path)
    source = find_images(root)
    broken = root / source.parts["train"][2].name
    broken.write_bytes(broken.read_bytes()[:45])
    notes = []
    part = load_part(source, "train", (3, 8, 8), note=notes.append)
    assert len(part) == len(part.images) == len(part.labels) == 23
    assert len(notes) == 1
    assert f"the image {broken} cannot be read" in notes[0]
    notes.clear()
    part = load_part(source, "train", (3, 8, 8), share=0, note=notes.append)
    assert [len(labels) for _, labels in batches(part, 8)] == [7, 8, 8]
    assert len(notes) == 1


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("share", [0.25, 0])
def test_idx_images_are_those_of_the_file(tmp_path, compressed, share):
    images, labels = idx_set(tmp_path, compressed)
    part = load_part(find_images(tmp_path), "test", (3, 5, 6), share=share)
    ((pixels, found),) = batches(part, 10)
    np.testing.assert_array_equal(pixels.numpy(), np.broadcast_to(images[:10, None], (10, 3, 5, 6)))
    assert [part.classes[i] for i in found] == [str(label) for label in labels[:10]]


def test_one_image_of_sixteen_bits_makes_all_floats(tmp_path):
    root = folders(tmp_path, 4)
    Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(root / "red" / "z.png")
    part = load_part(find_images(root), "train", (1, 8, 8))
    assert part.images.dtype == torch.float32
    deep = [i for i, example in enumerate(part.examples) if example.name == "red/z.png"]
    assert part.images[deep].unique().tolist() in ([], [pytest.approx(1000 / 257)])
    assert part.images.max() <= 255


def test_an_empty_part_and_odd_channels_are_refused(tmp_path):
    source = find_images(folders(tmp_path, 2))
    with pytest.raises(InputError, match="has no images for the part val"):
        load_part(source, "val", (3, 8, 8))
    with pytest.raises(InputError, match="with 1 channel or 3, and the network takes 4"):
        load_part(source, "train", (4, 8, 8))
