"""Pascal VOC data sets: recognised in their layouts, and refused with file, line and rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlab.detect.data_source import find_source
from archlab.errors import InputError
from tests.detect.test_yolo import put

BOX = "<bndbox><xmin>10</xmin><ymin>5</ymin><xmax>30</xmax><ymax>15</ymax></bndbox>"


def xml(name: str = "a.png", *objects: tuple[str, str], size: str = "<width>40</width><height>20</height>") -> str:
    """One element to a line, so that messages can be compared."""
    lines = [f"<object>\n<name>{kind}</name>\n{box}\n</object>" for kind, box in objects]
    inside = "\n".join([f"<filename>{name}</filename>", f"<size>{size}</size>", *lines])
    return f"<annotation>\n{inside}\n</annotation>"


def test_lists_of_imagesets_make_the_parts(tmp_path):
    put(
        tmp_path,
        JPEGImages__a_png="", JPEGImages__b_png="", JPEGImages__c_png="",
        Annotations__a_xml=xml("a.png", ("dog", BOX), ("cat", BOX)),
        Annotations__b_xml=xml("b.png"),
        Annotations__c_xml=xml("c.png", ("cat", BOX)),
        ImageSets__Main__train_txt="a\nb\n", ImageSets__Main__val_txt="c 1\n",
    )  # fmt: skip
    source = find_source(tmp_path)
    train, val = source.annotations()
    assert (source.train, source.val) == (tmp_path, tmp_path)
    assert (train.classes, [image.path.name for image in train.images]) == (("cat", "dog"), ["a.png", "b.png"])
    assert (train.images[0].boxes, train.images[0].labels) == (((10, 5, 30, 15),) * 2, (2, 1))
    assert train.images[1].boxes == ()
    assert (val.classes, val.images[0].labels) == (("cat", "dog"), (1,)), "matched by name"
    alone, none = find_source(tmp_path / "ImageSets/Main/val.txt").annotations()
    assert (alone.classes, none) == (("cat",), None)


def test_folders_of_parts_with_images_beside_are_read(tmp_path):
    put(tmp_path, train__a_png="", train__a_xml=xml("", ("cat", BOX), size=""), valid__c_png="",
        valid__c_xml=xml("C:\\pictures\\c.png", ("cat", BOX)))  # fmt: skip
    (tmp_path / "train/a.xml").write_text(xml("", ("cat", BOX)).replace("<width>40</width><height>20</height>",
        "<width>0</width><height>0</height>"))  # fmt: skip
    train, val = find_source(tmp_path).annotations()
    assert (train.truth["images"][0]["width"], train.truth["images"][0]["height"]) == (40, 20), "by the image's header"
    assert val.images[0].path == tmp_path / "valid/c.png"


@pytest.mark.parametrize("images", [".", "images", "../images"])
def test_one_folder_of_files_is_one_set(tmp_path, images):
    put(tmp_path / "voc", a_xml=xml("a.png", ("cat", BOX)))
    put(tmp_path / "voc" / images, a_png="")
    source = find_source(tmp_path / "voc")
    assert source.val is None
    assert source.annotations()[0].images[0].boxes == ((10, 5, 30, 15),)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "line 1: it is not XML: no element found"),
        ("<annotation>\n<object>\n</annotation>", "line 3: it is not XML: mismatched tag"),
        ("<svg>\n</svg>", "line 1: the element is 'svg', not annotation"),
        (f"<annotation>\n<object>{BOX}</object></annotation>", "line 2: the object has no name"),
        (xml("a.png", ("cat", "")), "line 4: the object 'cat' has no bndbox"),
        (xml("a.png", ("cat", BOX.replace("<ymax>15</ymax>", ""))), "line 6: bndbox has no ymax"),
        (xml("a.png", ("cat", BOX.replace("30", "wide"))), "line 6: xmax is 'wide', not a number"),
        (xml("a.png", ("cat", BOX.replace("30", "inf"))), "line 6: xmax is 'inf', not a number"),
        (xml("a.png", ("cat", BOX.replace("30", "3"))), "line 6: the box 10, 5, 3, 15 has no right order"),
        (xml("a.png", size="<width>40</width>"), "line 3: size has no height"),
        ('<!DOCTYPE x [<!ENTITY e "eee">]>\n<annotation/>', "line 1: a DOCTYPE is not read"),
        ("<a>" * 100, "line 1: it nests deeper than 32 elements"),
        (xml("gone.png").replace("a.png", "b.png"), "its image 'gone.png' is in none of"),
    ],
)
def test_a_broken_file_is_refused_with_file_line_and_rule(tmp_path, text, part):
    put(tmp_path, a_png="", a_xml=xml("a.png", ("cat", BOX)), b_xml=text)
    with pytest.raises(InputError) as caught:
        find_source(tmp_path).annotations()
    assert caught.value.message.startswith(f"{tmp_path / 'b.xml'}: ")
    assert part in caught.value.message


def test_a_list_that_names_no_file_is_refused_with_its_line(tmp_path):
    put(tmp_path, JPEGImages__a_png="", Annotations__a_xml=xml("a.png", ("cat", BOX)),
        ImageSets__Main__train_txt="a\ngone\n")  # fmt: skip
    with pytest.raises(InputError, match=r"train\.txt: line 2: there is no file gone\.xml in .*Annotations"):
        find_source(tmp_path)


def test_a_set_without_objects_and_links_that_lead_out_are_refused(tmp_path):
    root = put(tmp_path / "data", a_png="", a_xml=xml("a.png"))
    with pytest.raises(InputError, match="none of its 1 XML files has an object"):
        find_source(root).annotations()
    outside: Path = put(tmp_path / "outside", a_png="")
    (root / "a.png").unlink()
    (root / "a.png").symlink_to(outside / "a.png")
    with pytest.raises(InputError, match=r"a\.xml: .*a\.png leads out of the data's folder"):
        find_source(root).annotations()
