"""Links in a data set: those that stay in its folder are followed, and those that lead out are refused."""

from __future__ import annotations

import os

import pytest

from archlab.detect.coco import read_annotations
from archlab.errors import InputError
from tests.detect.folders import tiny, write


@pytest.fixture
def data(tmp_path):
    """A data set in a folder of its own; beside it, what no image of it may be."""
    write(tmp_path / "outside", tiny())
    write(tmp_path / "data", tiny())
    return tmp_path / "data"


def read(source, name=None):
    content = tiny()
    if name is not None:
        content["images"][1]["file_name"] = name
    return [image.path for image in read_annotations(write(source.parent, content, source.name, images=False)).images]


def refused(source, name=None) -> InputError:
    with pytest.raises(InputError) as caught:
        read(source, name)
    return caught.value


def test_a_link_to_a_file_outside_is_refused_with_where_it_leads_and_what_to_do(data, tmp_path):
    (data / "b.png").unlink()
    (data / "b.png").symlink_to(tmp_path / "outside" / "b.png")
    error = refused(data / "train.json")
    assert f"image 3: {data / 'b.png'} is a link that leads out of the data's folder" in error.message
    assert f"to {tmp_path / 'outside' / 'b.png'}; images must lie in the folder" in error.message
    assert f"cp -rL {data} COPY" in error.hint


def test_a_link_in_a_link_and_a_folder_that_is_one_are_refused(data, tmp_path):
    (tmp_path / "outside" / "chain").symlink_to(tmp_path / "outside" / "b.png")
    for name in ("c.png", "d.png"):
        (data / name).symlink_to(data / "c2" if name == "c.png" else "../outside/b.png")
    (data / "c2").symlink_to(tmp_path / "outside" / "chain")
    (data / "folder").symlink_to(tmp_path / "outside")
    for name in ("c.png", "d.png", "folder/b.png", "./folder/../b.png"):
        assert "leads out of the data's folder" in refused(data / "train.json", name).message


def test_a_link_out_is_refused_whether_or_not_there_is_something(data, tmp_path):
    (data / "c.png").symlink_to(tmp_path / "outside" / "nothing.png")
    assert "leads out of the data's folder" in refused(data / "train.json", "c.png").message


def test_links_within_the_folder_are_followed(data):
    (data / "sub").mkdir()
    (data / "b.png").rename(data / "sub" / "real.png")
    (data / "b.png").symlink_to("sub/real.png")
    (data / "again").symlink_to(data / "sub")
    assert read(data / "train.json") == [data / "a.png", data / "b.png"]
    assert read(data / "train.json", "again/real.png")[1] == data / "again" / "real.png"


def test_a_folder_next_to_it_whose_name_begins_alike_is_outside(data, tmp_path):
    write(tmp_path / "data2", tiny())
    (data / "c.png").symlink_to(tmp_path / "data2" / "b.png")
    assert "leads out" in refused(data / "train.json", "c.png").message


def test_the_data_s_folder_and_the_images_folder_may_be_links_themselves(data, tmp_path):
    (tmp_path / "link").symlink_to(data)
    assert read(tmp_path / "link" / "train.json")[0] == tmp_path / "link" / "a.png"
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "images").symlink_to(tmp_path / "outside")
    assert read(alone / "train.json")[0] == alone / "images" / "a.png"


def test_links_from_the_images_folder_to_the_annotations_are_inside(data):
    (data / "images").mkdir()
    (data / "a.png").rename(data / "images" / "a.png")
    (data / "images" / "b.png").symlink_to("../b.png")
    assert read(data / "train.json")[1] == data / "images" / "b.png"


def test_a_hard_link_is_the_file_itself(data, tmp_path):
    os.link(tmp_path / "outside" / "b.png", data / "hard.png")
    assert read(data / "train.json", "hard.png")[1] == data / "hard.png"


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "\ud800.png", "loop/b.png", "pipe"])
def test_names_that_no_file_can_have_are_refused(data, name):
    (data / "loop").symlink_to(data / "loop")
    os.mkfifo(data / "pipe")
    message = refused(data / "train.json", name).message
    assert any(words in message for words in ("there is no file", "not a file's name", "half of a surrogate pair"))
    assert len(message) < 1000


def test_what_a_terminal_would_act_upon_is_not_in_the_message(data):
    assert "\x1b" not in refused(data / "train.json", "\x1b[31mred.png").message


def test_folders_are_resolved_once_and_not_for_each_image(data, monkeypatch):
    content = tiny()
    for each in (content["images"][0], content["images"][1]):
        each["file_name"] = "a.png"
    content["images"] = [{**content["images"][0], "id": i} for i in range(1000)]
    content["annotations"] = []
    source = write(data, content, images=False)
    resolved = []
    real = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path, **options: resolved.append(path) or real(path, **options))
    assert len(read_annotations(source).images) == 1000
    assert 0 < len(resolved) < 20
