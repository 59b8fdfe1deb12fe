"""YOLO data sets: recognised in their layouts, equal to COCO's form, and refused with file, line and rule."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from archlab.detect.data_source import find_source
from archlab.errors import InputError

RACCOON = Path(__file__).parents[3] / "shared" / "data" / "raccoon"


def put(folder: Path, **files: str) -> Path:
    """Files by their names, ``__`` for a slash and ``_`` before the suffix; images are grey, 40x20."""
    for key, text in files.items():
        name = key.replace("__", "/")
        stem, _, suffix = name.rpartition("_")
        path = folder / f"{stem}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix in ("png", "jpg"):
            Image.new("RGB", (40, 20), (128, 128, 128)).save(path)
        else:
            path.write_text(text, encoding="utf-8")
    return folder


BOXES = "1 0.5 0.5 0.5 0.5\n0 .1 .25 .1 .3\n"
YAML = "path: .\ntrain: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n"


def whole(folder: Path, yaml: str = YAML, labels: str = BOXES) -> Path:
    return put(
        folder,
        data_yaml=yaml,
        images__train__a_png="",
        images__train__b_jpg="",
        images__val__c_png="",
        labels__train__a_txt=labels,
        labels__val__c_txt="0 .5 .5 1 1\n",
    )


def test_a_folder_with_data_yaml_is_read_with_its_parts_and_names(tmp_path):
    source = find_source(whole(tmp_path))
    train, val = source.annotations()
    assert (source.train, source.val) == (tmp_path / "data.yaml", tmp_path / "data.yaml")
    assert (train.classes, val.classes) == (("cat", "dog"), ("cat", "dog"))
    assert [image.path.name for image in train.images] == ["a.png", "b.jpg"]
    assert train.images[0].boxes == (pytest.approx((10, 5, 30, 15)), pytest.approx((2, 2, 6, 8)))
    assert train.images[0].labels == (2, 1)
    assert train.images[1].boxes == ()
    assert val.images[0].boxes == ((0, 0, 40, 20),)
    assert train.left_out == val.left_out == {}


@pytest.mark.parametrize(
    "yaml",
    [
        "train: ../images/train\nval: ../images/val\nnc: 2\nnames: [cat, dog]\n",  # Roboflow's
        "path: /home/somebody/data\ntrain: images/train\nval: images/val\nnames: [cat, dog]\n",
        "train: [images/train]\nval: [images/val]\nnames: ['cat', \"dog\"]\n",
        "train: train.txt\nval: images/val\nnames: {0: cat, 1: dog}\n",
    ],
)
def test_the_ways_in_which_data_yaml_is_written(tmp_path, yaml):
    put(whole(tmp_path, yaml), train_txt="./images/train/a.png\n\nimages/train/b.jpg\n")
    train, val = find_source(tmp_path / "data.yaml").annotations()
    assert ([len(image.boxes) for image in train.images], len(val.images)) == ([2, 0], 1)
    assert train.classes == ("cat", "dog")


def test_a_list_and_folders_without_data_yaml_are_read(tmp_path):
    whole(tmp_path)
    put(tmp_path, train_txt="images/train/a.png\n")
    assert find_source(tmp_path / "train.txt").annotations()[0].classes == ("cat", "dog")
    (tmp_path / "data.yaml").unlink()
    assert find_source(tmp_path / "train.txt").annotations()[0].classes == ("0", "1")
    put(tmp_path, classes_txt="cat\ndog\nowl\n")
    train, val = find_source(tmp_path).annotations()
    assert (train.classes, len(train.images), len(val.images)) == (("cat", "dog", "owl"), 2, 1)


def test_labels_beside_the_images_and_polygons_are_read(tmp_path):
    put(tmp_path, data_yaml="train: all\nnames: [cat]\n", all__a_png="", all__a_txt="0 .25 .5 .5 .1 .75 .9\n")
    source = find_source(tmp_path)
    assert source.val is None
    assert source.annotations()[0].images[0].boxes == (pytest.approx((10, 2, 30, 18)),)


def test_rounding_does_not_carry_a_box_over_the_edge(tmp_path):
    whole(tmp_path, labels="0 0.333333 0.5 0.666667 1.0\n")
    train, _ = find_source(tmp_path).annotations()
    x1, y1, x2, y2 = train.images[0].boxes[0]
    assert (x1, y1, y2) == (0, 0, 20)
    assert x2 == pytest.approx(26.66666, abs=1e-4)
    assert train.left_out == {}


def test_a_label_that_was_written_to_is_read_again(tmp_path):
    source = find_source(whole(tmp_path))
    before = source.digest
    assert source.annotations()[0] is source.annotations()[0]
    put(tmp_path, labels__train__a_txt="0 .5 .5 .5 .5\n# not\n"[:14])
    assert len(source.annotations()[0].images[0].boxes) == 1
    assert source.digest != before


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("0 .5 .5 .5", "it has 4 values, not 5: class, centre x and y, width, height"),
        ("0 .5 .5 .5 .5 .9", "it has 6 values, not 5"),
        ("0 .5 x .5 .5", "'0 .5 x .5 .5' is not all numbers"),
        ("2 .5 .5 .5 .5", "the class 2 is not a whole number from 0 to 1"),
        ("-1 .5 .5 .5 .5", "the class -1 is not a whole number"),
        ("0.5 .5 .5 .5 .5", "the class 0.5 is not a whole number"),
        ("0 20 10 20 10", "'20 10 20 10' is not in shares of the image's sides, 0 to 1"),
        ("0 .5 nan .5 .5", "is not in shares"),
        ("0 .5 .5 -.5 .5", "is not in shares"),
    ],
)
def test_a_broken_line_is_refused_with_file_line_and_rule(tmp_path, line, part):
    whole(tmp_path, labels=f"{BOXES}{line}\n")
    with pytest.raises(InputError) as caught:
        find_source(tmp_path).annotations()
    assert f"{tmp_path / 'labels/train/a.txt'}: line 3: " in caught.value.message
    assert part in caught.value.message


@pytest.mark.parametrize(
    ("yaml", "part"),
    [
        ("names: [cat, dog]\n", "data.yaml: it has no train"),
        ("train: images/train\n", "data.yaml: names is 'None', not a list of the classes"),
        ("train: images/train\nnc: 3\nnames: [cat, dog]\n", "nc is '3', and names has 2"),
        ("train: images/train\nnames: {1: cat, 2: dog}\n", "the numbers of names are '[1, 2]', not 0 to 1"),
        ("train: images/gone\nnames: [cat]\n", "train is 'images/gone', and there is no such file or folder"),
        ("train: /etc\nnames: [cat]\n", "train is '/etc', which leads out of the folder of data.yaml"),
        ("train: {a: b}\nnames: [cat]\n", "not a file or a folder, or a list of them"),
        ("train: images/train\nnames: [cat\n", "data.yaml is not YAML: line 3, column 1: "),
        ("a: &x [1]\ntrain: *x\n", "data.yaml is not YAML: line 2, column 8: aliases are not read"),
        ("train: !!python/object:os.system x\n", "data.yaml is not YAML: line 1, column 8: "),
        ("- train\n", "is no description of YOLO data"),
        ("train: list.txt\nnames: [cat, dog]\n", "list.txt: line 2: there is no image images/train/gone.png"),
        ("train: out.txt\nnames: [cat, dog]\n", "leads out of the data's folder"),
    ],
)
def test_a_broken_description_is_refused(tmp_path, yaml, part):
    root = whole(tmp_path / "data", yaml)
    put(tmp_path, other_png="")
    put(root, list_txt="images/train/a.png\nimages/train/gone.png\n", out_txt="../other.png\n")
    with pytest.raises(InputError) as caught:
        find_source(root).annotations()
    assert part in caught.value.message


def test_images_without_any_label_file_are_refused_with_where_it_was_looked_for(tmp_path):
    put(tmp_path, data_yaml="train: images\nnames: [cat]\n", images__a_png="")
    with pytest.raises(InputError, match=r"none of the 1 images of train has a label file, such as .*labels/a\.txt"):
        find_source(tmp_path).annotations()


def test_a_link_of_an_image_or_a_label_that_leads_out_is_refused(tmp_path):
    root = whole(tmp_path / "data")
    put(tmp_path, other_png="", other_txt="0 .5 .5 .5 .5\n")
    (root / "labels/train/b.txt").symlink_to(tmp_path / "other.txt")
    with pytest.raises(InputError, match=r"b\.txt is a link that leads out of the data's folder"):
        find_source(root).annotations()
    (root / "images/train/z.png").symlink_to(tmp_path / "other.png")
    with pytest.raises(InputError, match=r"z\.png leads out of the data's folder"):
        find_source(root).annotations()


@pytest.mark.skipif(not RACCOON.is_dir(), reason=f"the raccoons in three forms are not at {RACCOON}")
def test_the_three_forms_of_the_raccoons_have_equal_boxes():
    forms = [find_source(RACCOON / name).annotations() for name in ("", "data.yaml", "voc")]
    coco, yolo, voc = ({i.path.name: i.boxes for part in form if part for i in part.images} for form in forms)
    assert [[len(part.images) for part in form if part] for form in forms] == [[150, 50], [150, 50], [200]]
    assert coco == voc
    assert coco.keys() == yolo.keys()
    for name, boxes in coco.items():
        assert [value for box in yolo[name] for value in box] == pytest.approx(
            [value for box in boxes for value in box], abs=1e-3
        ), name
    assert all(part.classes == ("raccoon",) and not part.left_out for form in forms for part in form if part)
