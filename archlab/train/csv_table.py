"""A CSV table of images: a column of paths, one of labels, and perhaps one that says which part each is in."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePath

from archlab.errors import InputError, printable, quote
from archlab.images.inside import Inside
from archlab.reading import read_csv
from archlab.train.found import Found
from archlab.train.image_headers import read_headers
from archlab.train.image_source import OUTSIDE, PART_NAMES, Example, OddFile, PartName

PATH_COLUMNS = ("path", "file", "filename", "image", "image_path")
LABEL_COLUMNS = ("label", "class", "target")
PART_COLUMNS = ("part", "split", "set")

MOST_BYTES = 256 * 2**20


def read_csv_table(file: Path) -> Found:
    """Return the images that a table names, by paths as seen from its folder.

    Classes are in the order of their names, or of their numbers where all are whole numbers.

    Raises:
        InputError: it is no such table; an image stands in it twice with different labels; a path leads out of the
            folder; or a part is called what no part is.
    """
    rows = read_csv(file, MOST_BYTES)
    columns = list(rows[0]) if rows else []
    path, label = _column(file, columns, PATH_COLUMNS, "paths"), _column(file, columns, LABEL_COLUMNS, "labels")
    part = next((name for name in columns if name.strip().lower() in PART_COLUMNS), None)
    root = file.parent
    labels, parts, odd = _read(file, [(row[path], row[label], row[part] if part else "train") for row in rows])
    headers = read_headers(root, list(labels))
    given: dict[PartName, list[tuple[str, str]]] = defaultdict(list)
    for name in sorted(headers.lengths):
        given[parts[name]].append((name, labels[name]))
    classes = _in_order({label for _, label in given["train"]})
    number = {name: i for i, name in enumerate(classes)}
    for name, own in ((name, own) for each in given.values() for name, own in each):
        if own not in number:
            raise InputError(f"{file}: {printable(name)} is of the class {quote(own)}, and no training image is")
    made = {key: tuple(Example(name, number[own]) for name, own in value) for key, value in given.items()}
    return Found(root, "csv", classes, made, (*odd, *headers.odd), headers.lengths, headers.is_wide)


def _column(file: Path, columns: Sequence[str], names: Sequence[str], what: str) -> str:
    found = next((column for column in columns if column.strip().lower() in names), None)
    if found is None:
        has = ", ".join(map(quote, columns[:12])) or "no rows"
        raise InputError(
            f"{file} has no column of {what}: it has {has}", hint=f"call the column {names[0]} in its first line"
        )
    return found


def _read(
    file: Path, rows: Sequence[tuple[str, str, str]]
) -> tuple[dict[str, str], dict[str, PartName], list[OddFile]]:
    """Return label and part by name, and the names that are left out."""
    inside = Inside(file.parent)
    labels: dict[str, str] = {}
    parts: dict[str, PartName] = {}
    odd: list[OddFile] = []
    for written, label, part in rows:
        path = PurePath(written)
        if not written or "\0" in written or path.is_absolute() or ".." in path.parts:
            raise InputError(f"{file}: the path {quote(written)} is none below the table's folder")
        name = path.as_posix()
        known = next((key for key, names in PART_NAMES.items() if part.strip().lower() in names), None)
        if known is None:
            raise InputError(f"{file}: {printable(name)} is in a part {quote(part)}", hint="parts are train, val, test")
        if name in labels:
            if (labels[name], parts[name]) != (label.strip(), known):
                raise InputError(f"{file}: {printable(name)} stands in it twice, with different labels or parts")
            odd.append(OddFile(name, "stands in the table twice"))
        elif os.path.lexists(file.parent / path) and not inside.holds(inside.resolved(file.parent / path)):
            odd.append(OddFile(name, OUTSIDE))
        else:
            labels[name], parts[name] = label.strip(), known
    return labels, parts, odd


def _in_order(labels: set[str]) -> tuple[str, ...]:
    if all(label.isdecimal() for label in labels):
        return tuple(sorted(labels, key=lambda label: (int(label[:18]), label)))
    return tuple(sorted(labels))
