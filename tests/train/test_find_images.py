"""Class folders, IDX files and tables become the same kind of source; what is odd is left out and named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from archlab.errors import InputError
from archlab.train import Example, OddFile, find_images, odd_lines, write_split
from archlab.train.splits import cut_parts
from tests.train.drawn import COLOURS, folders, idx, idx_set
from tests.waiting import DEADLINE


def labels(source, part):
    return [example.label for example in source.parts[part]]


def test_class_folders_are_split_with_the_same_share_of_every_class(tmp_path):
    source = find_images(folders(tmp_path / "data", each=10))
    assert source.classes == ("blue", "green", "red")
    assert (source.layout, source.cut, source.odd, source.is_wide) == ("folders", ("val", "test"), (), False)
    assert labels(source, "val") == labels(source, "test") == [0, 1, 2]
    assert labels(source, "train") == [0] * 8 + [1] * 8 + [2] * 8
    names = [example.name for part in source.parts.values() for example in part]
    assert sorted(names) == sorted(f"{colour}/{i:03}.png" for colour in COLOURS for i in range(10))


def test_the_split_follows_the_seed_and_not_the_file_system(tmp_path):
    one = find_images(folders(tmp_path / "one"), seed=1)
    (tmp_path / "two").mkdir()
    for path in sorted((tmp_path / "one").rglob("*.png"), reverse=True):
        (tmp_path / "two" / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "two" / path.parent.name / path.name)
    two = find_images(tmp_path / "two", seed=1)
    assert one.parts == two.parts
    assert one.digest == two.digest
    other = find_images(tmp_path / "two", seed=2)
    assert other.parts != two.parts
    assert other.digest != two.digest


def test_the_digest_changes_with_a_file_s_length_a_name_and_a_label(tmp_path):
    root = folders(tmp_path, each=4)
    digests = [find_images(root).digest]
    Image.effect_noise((9, 9), 50).save(root / "red" / "000.png")
    digests.append(find_images(root).digest)
    (root / "red" / "000.png").rename(root / "red" / "new.png")
    digests.append(find_images(root).digest)
    (root / "red").rename(root / "rouge")
    digests.append(find_images(root).digest)
    assert len(set(digests)) == 4


def test_an_image_that_comes_moves_few_others():
    examples = [Example(f"{i:03}", 0) for i in range(100)]
    before, _ = cut_parts({"train": examples}, 0)
    after, _ = cut_parts({"train": [*examples, Example("new", 0)]}, 0)
    assert len(before["test"]) == len(after["test"]) == 10
    assert len(set(before["test"]) - set(after["test"])) <= 1


@pytest.mark.parametrize(("count", "cut"), [(1, 0), (2, 0), (3, 1), (4, 1), (14, 1), (16, 2), (100, 10)])
def test_a_class_gives_a_tenth_and_keeps_one(count, cut):
    parts, lacking = cut_parts({"train": [Example(str(i), 0) for i in range(count)]}, 0)
    assert lacking == ("val", "test")
    assert [len(parts[part]) for part in ("train", "val", "test")] == [count - 2 * cut, cut, cut]


def test_folders_of_parts_stay_as_they_are(tmp_path):
    for part, each in (("train", 10), ("valid", 3), ("test", 2)):
        folders(tmp_path / part, each)
    source = find_images(tmp_path)
    assert source.cut == ()
    assert {part: len(own) for part, own in source.parts.items()} == {"train": 30, "val": 9, "test": 6}
    assert source.parts["val"][0] == Example("valid/blue/000.png", 0)
    shutil.rmtree(tmp_path / "valid")
    source = find_images(tmp_path)
    assert source.cut == ("val",)
    assert {part: len(own) for part, own in source.parts.items()} == {"train": 27, "val": 3, "test": 6}


def test_parts_without_training_images_and_unknown_classes_are_refused(tmp_path):
    folders(tmp_path / "test", 2)
    with pytest.raises(InputError, match="has a folder test and none called train"):
        find_images(tmp_path)
    folders(tmp_path / "train", 2)
    (tmp_path / "test" / "red").rename(tmp_path / "test" / "odd")
    with pytest.raises(InputError, match=r"test/odd/000\.png is to test, and no training image is of its class odd"):
        find_images(tmp_path)


def test_odd_files_are_left_out_and_named(tmp_path):
    root = folders(tmp_path / "data", 4)
    (root / "red" / "notes.txt").write_text("not an image")
    (root / "red" / ".DS_Store").write_bytes(b"x")
    (root / ".cache").mkdir()
    (root / "empty").mkdir()
    (root / "Red").mkdir()
    Image.new("RGB", (8, 8)).save(root / "Red" / "a.png")
    Image.new("RGB", (8, 8)).save(root / "loose.png")
    Image.new("F", (8, 8)).save(root / "blue" / "float.tiff")
    (tmp_path / "secret.png").write_bytes((root / "red" / "000.png").read_bytes())
    (root / "blue" / "out.png").symlink_to(tmp_path / "secret.png")
    (root / "blue" / "in.png").symlink_to(root / "blue" / "000.png")
    (root / "link").symlink_to(root / "red")
    os.mkfifo(root / "green" / "pipe.png")
    source = find_images(root)
    assert source.classes == ("Red", "blue", "green", "red")
    assert set(source.odd) == {
        OddFile("red/notes.txt", "is no image of a kind that is read"),
        OddFile("red/.DS_Store", "is hidden, and is left out"),
        OddFile(".cache", "is hidden, and is left out"),
        OddFile("empty", "holds no images, and is no class"),
        OddFile("Red", "differs from another class in upper and lower case alone"),
        OddFile("red", "differs from another class in upper and lower case alone"),
        OddFile("loose.png", "is in no class's folder, and is left out"),
        OddFile("blue/float.tiff", "has values of a kind that is not read, by its header (mode F)"),
        OddFile("blue/out.png", "is a link that leads out of the data's folder, and is left out"),
        OddFile("link", "is a link to a folder, and is not followed"),
        OddFile("green/pipe.png", "is no file"),
    }
    names = {example.name for part in source.parts.values() for example in part}
    assert len(names) == 12 + 2  # and the link that stays inside
    assert "blue/in.png" in names


def test_many_odd_files_are_one_sentence():
    odd = [OddFile(f"{i}.txt", "is no image") for i in range(7)] + [OddFile(".x", "is hidden")]
    assert odd_lines(odd) == ["0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 2 more: is no image", ".x: is hidden"]


@pytest.mark.parametrize("compressed", [False, True])
def test_idx_files_are_read(tmp_path, compressed):
    idx_set(tmp_path, compressed)
    source = find_images(tmp_path)
    assert (source.layout, source.classes, source.cut) == ("idx", ("3", "5", "8"), ("val",))
    assert {part: len(own) for part, own in source.parts.items()} == {"train": 36, "val": 4, "test": 10}
    assert labels(source, "val").count(1) == 2
    suffix = ".gz" if compressed else ""
    assert source.parts["test"][1] == Example(f"t10k-images-idx3-ubyte{suffix}#1", 1)


def test_of_several_idx_sets_one_has_to_be_named(tmp_path):
    idx_set(tmp_path, prefix="emnist-digits-")
    idx_set(tmp_path, prefix="emnist-letters-")
    with pytest.raises(InputError, match="holds 2 sets of IDX files: emnist-digits-, emnist-letters-"):
        find_images(tmp_path)
    source = find_images(tmp_path / "emnist-letters-train-images-idx3-ubyte")
    assert source.parts["test"][0].name == "emnist-letters-t10k-images-idx3-ubyte#0"


def test_broken_idx_files_are_refused(tmp_path):
    idx_set(tmp_path)
    idx(tmp_path, "t10k-labels-idx1-ubyte", np.zeros(9, np.uint8))
    with pytest.raises(InputError, match="has 10 images, and t10k-labels-idx1-ubyte 9 labels"):
        find_images(tmp_path)
    idx(tmp_path, "t10k-labels-idx1-ubyte", np.zeros(10, np.uint8))
    with pytest.raises(InputError, match="its label 0 is of no training image"):
        find_images(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x0a1234")
    with pytest.raises(InputError, match="holds less than the 10 bytes that its header says"):
        find_images(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match="it begins 89 50 4e 47, not 00 00 08 01"):
        find_images(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(InputError, match="has no file of labels beside it"):
        find_images(tmp_path)


def test_a_compressed_file_that_is_too_large_is_refused_by_its_header(tmp_path, monkeypatch):
    idx_set(tmp_path, compressed=True)
    monkeypatch.setattr("archlab.train.idx_files.free_memory", lambda: 4 * 40 - 1)
    with pytest.raises(InputError, match="holds 40 B once it is not compressed"):
        find_images(tmp_path)


def table(root, text):
    (root / "data.csv").write_text(text)
    return root / "data.csv"


def test_a_table_names_images_labels_and_parts(tmp_path):
    folders(tmp_path / "images", 3)
    rows = [f"images/{c}/{i:03}.png,{10 - len(c)},{('train', 'val', 'test')[i]}" for c in COLOURS for i in range(3)]
    source = find_images(table(tmp_path, "\n".join(["Path,Label,split", *rows])))
    assert (source.layout, source.classes, source.cut) == ("csv", ("5", "6", "7"), ())
    assert source.parts["val"] == (
        Example("images/blue/001.png", 1), Example("images/green/001.png", 0), Example("images/red/001.png", 2)
    )  # fmt: skip
    assert find_images(tmp_path).parts == source.parts, "one folder and one table"


def test_a_table_s_faults_are_named(tmp_path):
    folders(tmp_path / "images", 3)
    with pytest.raises(InputError, match="has no column of labels: it has 'path', 'x'"):
        find_images(table(tmp_path, "path,x\na,b\n"))
    for path in ("/etc/passwd", "../a.png", ""):
        with pytest.raises(InputError, match="is none below the table's folder"):
            find_images(table(tmp_path, f"path,label\n{path},b\n"))
    with pytest.raises(InputError, match="stands in it twice, with different labels"):
        find_images(table(tmp_path, "path,label\na.png,b\n./a.png,c\n"))
    with pytest.raises(InputError, match="is in a part 'dev'"):
        find_images(table(tmp_path, "path,label,part\na.png,b,dev\n"))
    rows = "path,label\nimages/red/000.png,r\nimages/blue/000.png,b\ngone.png,r\nimages/red/000.png,r\n"
    assert set(find_images(table(tmp_path, rows)).odd) == {
        OddFile("gone.png", "is not there"), OddFile("images/red/000.png", "stands in the table twice"),
    }  # fmt: skip


def test_what_is_no_data_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        find_images(tmp_path / "gone")
    with pytest.raises(InputError, match="holds no images that train"):
        find_images(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="neither a CSV table nor an IDX file"):
        find_images(tmp_path / "a.txt")
    (tmp_path / "one").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "one" / "a.png")
    with pytest.raises(InputError, match="holds images of one class, one"):
        find_images(tmp_path)


def test_the_split_is_written_down(tmp_path):
    source = find_images(folders(tmp_path / "data"), seed=3)
    write_split(source, tmp_path / "split.json")
    data = json.loads((tmp_path / "split.json").read_text())
    assert data["seed"] == 3
    assert data["images"] == {"train": 24, "val": 3, "test": 3}
    assert data["cut"] == {part: [e.name for e in source.parts[part]] for part in ("val", "test")}


def test_finding_images_imports_no_torch(tmp_path):
    folders(tmp_path, 3)
    find = f"from archlab.train import find_images; find_images({str(tmp_path)!r})"
    program = f"import sys; {find}; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=DEADLINE)
    assert run.stdout.strip() == "False"
