"""What a YOLO data set is made of: the file data.yaml, or folders ``images`` and ``labels`` without one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archlab.errors import InputError, quote
from archlab.images.inside import Inside
from archlab.reading import read_text

YAML = (".yaml", ".yml")
PARTS: Mapping[str, tuple[str, ...]] = {"train": ("train",), "val": ("val", "valid", "validation")}
"""What the parts may be called."""

NAME_FILES = ("classes.txt", "obj.names", "labels/classes.txt")
"""Where annotation tools list the classes, a line each, without a data.yaml."""


@dataclass(frozen=True, slots=True)
class YoloSet:
    """A YOLO data set.

    Attributes:
        root: the folder out of which no name leads.
        names: of the classes, by their number; None where no file says them.
        parts: the lists or folders of images of each part.
    """

    root: Path
    names: tuple[str, ...] | None
    parts: Mapping[str, tuple[Path, ...]]


def find_yolo(path: Path) -> Path | None:
    """Return what stands for the YOLO data set at ``path``: its yaml, a list of images, or a folder; None for none."""
    if os.path.isfile(path):
        return path if path.suffix.lower() in (*YAML, ".txt") else None
    own = sorted(entry for suffix in YAML for entry in path.glob(f"*{suffix}") if not entry.name.startswith("."))
    named = [entry for entry in own if entry.stem == "data"] or own
    if len(named) == 1:
        return named[0]
    pairs = (("images", "labels"), ("train/images", "train/labels"))
    return path if any(all(os.path.isdir(path / name) for name in pair) for pair in pairs) else None


def read_yolo_set(source: Path) -> YoloSet:
    """Return what ``source``, as ``find_yolo`` returned it, describes.

    Raises:
        InputError: it is broken, or leads out of its folder; the message has file, line where there is one, and rule.
    """
    if source.suffix.lower() in YAML and os.path.isfile(source):
        return _described(source)
    if os.path.isfile(source):
        beside = next((source.parent / f"data{s}" for s in YAML if os.path.isfile(source.parent / f"data{s}")), None)
        names = _described(beside).names if beside else _names_beside(source.parent)
        return YoloSet(source.parent, names, {"train": (source,)})
    return YoloSet(source, _names_beside(source), _folders(source))


def _folders(root: Path) -> dict[str, tuple[Path, ...]]:
    """Return ``images/train`` and ``images/val``, ``train/images`` and ``val/images``, or ``images`` alone."""
    found: dict[str, tuple[Path, ...]] = {}
    for part, names in PARTS.items():
        places = [root / place for name in names for place in (f"images/{name}", f"{name}/images")]
        place = next((place for place in places if os.path.isdir(place)), None)
        if place is not None:
            found[part] = (place,)
    return found if "train" in found else {"train": (root / "images",)}


def _names_beside(folder: Path) -> tuple[str, ...] | None:
    file = next((folder / name for name in NAME_FILES if os.path.isfile(folder / name)), None)
    if file is None:
        return None
    return tuple(line.strip() for line in read_text(file).splitlines() if line.strip())


def _described(source: Path) -> YoloSet:
    from archlab.detect.read_yaml import read_yaml  # PyYAML takes its time

    data = read_yaml(source)
    root = source.parent
    inside = Inside(root)
    base = root
    if isinstance(data.get("path"), str):
        # What YOLO's own files say is often where the data lay on another machine: then its folder is that of the yaml.
        given = root / data["path"]
        base = given if os.path.isdir(given) and _is_inside(given, root, inside) else root
    parts = {}
    for part, keys in PARTS.items():
        value = next((data[key] for key in keys if data.get(key)), None)
        if value is None:
            continue
        entries = value if isinstance(value, list) else [value]
        if not all(isinstance(entry, str) for entry in entries):
            raise InputError(f"{source}: {part} is {quote(str(value))}, not a file or a folder, or a list of them")
        parts[part] = tuple(_place(source, part, entry, base, inside) for entry in entries)
    if "train" not in parts:
        raise InputError(
            f"{source}: it has no train", hint="name the folder or the list of the training images: train: images/train"
        )
    return YoloSet(root, _names(source, data), parts)


def _is_inside(path: Path, root: Path, inside: Inside) -> bool:
    real = os.path.realpath(path)
    return real == os.path.realpath(root) or inside.holds(real)


def _place(source: Path, part: str, entry: str, base: Path, inside: Inside) -> Path:
    """Return the list or folder; Roboflow's ``../train/images`` is meant without the dots."""
    tried = [base / entry, base / entry.removeprefix("../"), source.parent / entry]
    there = [path for path in tried if "\0" not in entry and os.path.exists(path)]
    for path in there:
        if _is_inside(path, source.parent, inside):
            return path
    if there:
        raise InputError(
            f"{source}: {part} is {quote(entry)}, which leads out of the folder of {source.name}",
            hint=f"put {source.name} into the folder that holds images and labels, with paths seen from there",
        )
    raise InputError(
        f"{source}: {part} is {quote(entry)}, and there is no such file or folder in {base}",
        hint="paths are seen from path, or from the file's own folder",
    )


def _names(source: Path, data: Mapping[str, Any]) -> tuple[str, ...]:
    names = data.get("names")
    if isinstance(names, dict):
        if set(names) != set(range(len(names))):
            raise InputError(f"{source}: the numbers of names are {quote(str(list(names)))}, not 0 to {len(names) - 1}")
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list) or not names or not all(isinstance(name, str | int | float) for name in names):
        raise InputError(f"{source}: names is {quote(str(names))}, not a list of the classes", hint="names: [cat, dog]")
    count = data.get("nc", len(names))
    if count != len(names):
        raise InputError(f"{source}: nc is {quote(str(count))}, and names has {len(names)}", hint="delete nc")
    return tuple(map(str, names))
