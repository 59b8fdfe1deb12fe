"""Write the ``splits.json`` that train.py reads, for a folder with a folder of images for each class.

    python examples/sign_digits/split.py FOLDER

Of each class the first 70 % by name are for training, 15 % for validation and the last 15 % for testing. By name, not
by chance: photographs taken one after another look alike, and the same hand in two splits would flatter every network.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PIL import Image


def main() -> None:
    """Split the images of a folder, and print how many of each class went where."""
    if len(sys.argv) != 2:
        sys.exit("usage: python split.py FOLDER")
    folder = Path(sys.argv[1])
    target = folder / "splits.json"
    if target.exists():
        sys.exit(f"split.py: {target} is there already: move it away to split again")
    classes = images_by_class(folder)
    if len(classes) < 2:
        sys.exit(f"split.py: {folder} must have a folder of images for each class; it has {len(classes)} of them")
    target.write_text(json.dumps(split(folder, classes), indent=0) + "\n", encoding="utf-8")
    for label, (name, files) in enumerate(classes.items()):
        print(f"{label}  {name}  {len(files)} images")


def images_by_class(folder: Path) -> dict[str, list[Path]]:
    """Return the images in every folder that has some, by the folder's name, both in the order of their names."""
    known = Image.registered_extensions()
    classes: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in known:
            classes.setdefault(file.parent.name, []).append(file)
    return dict(sorted(classes.items()))


def split(folder: Path, classes: dict[str, list[Path]]) -> dict[str, list[dict[str, str | int]]]:
    """Return what ``splits.json`` holds; a class's label is its place among the classes."""
    splits: dict[str, list[dict[str, str | int]]] = {"train": [], "val": [], "test": []}
    for label, files in enumerate(classes.values()):
        first, second = round(0.7 * len(files)), round(0.85 * len(files))
        for name, part in zip(splits, (files[:first], files[first:second], files[second:]), strict=True):
            splits[name] += [{"file": file.relative_to(folder).as_posix(), "label": label} for file in part]
    return splits


if __name__ == "__main__":
    main()
