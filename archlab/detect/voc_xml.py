"""One Pascal VOC file: an image's name, size and boxes, read with the lines that messages name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from archlab.errors import InputError, quote
from archlab.reading import read_text

CORNERS = ("xmin", "ymin", "xmax", "ymax")
MOST_DEPTH = 32


@dataclass(frozen=True, slots=True)
class VocBox:
    """A box: its class, and x1, y1, x2, y2 in pixels as the file has them."""

    name: str
    corners: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class VocImage:
    """What a file says of its image; ``size`` is width and height, None where it is left out or 0."""

    filename: str
    size: tuple[int, int] | None
    boxes: tuple[VocBox, ...]


@dataclass(slots=True)
class _Element:
    tag: str
    line: int
    text: str = ""
    children: list[_Element] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[_Element]:
        return (child for child in self.children if child.tag == tag)

    def first(self, tag: str) -> _Element | None:
        return next(self.all(tag), None)


def read_voc_xml(path: Path) -> VocImage:
    """Return what a VOC file says. Nothing but its own text is read: entities are refused.

    Raises:
        InputError: it is no such file; the message has file, line and rule.
    """
    top = _parse(path)
    if top.tag != "annotation":
        raise InputError(f"{path}: line {top.line}: the element is {quote(top.tag)}, not annotation")
    name = top.first("filename")
    return VocImage(name.text.strip() if name else "", _size(path, top), tuple(_boxes(path, top)))


def _size(path: Path, top: _Element) -> tuple[int, int] | None:
    size = top.first("size")
    if size is None:
        return None
    sides = [int(_number(path, size, tag)) for tag in ("width", "height")]
    return (sides[0], sides[1]) if min(sides) > 0 else None


def _boxes(path: Path, top: _Element) -> Iterator[VocBox]:
    for item in top.all("object"):
        name = item.first("name")
        if name is None or not name.text.strip():
            raise InputError(f"{path}: line {item.line}: the object has no name")
        box = item.first("bndbox")
        if box is None:
            raise InputError(f"{path}: line {item.line}: the object {quote(name.text.strip())} has no bndbox")
        x1, y1, x2, y2 = (_number(path, box, tag) for tag in CORNERS)
        if x1 > x2 or y1 > y2:
            raise InputError(
                f"{path}: line {box.line}: the box {x1:g}, {y1:g}, {x2:g}, {y2:g} has no right order: "
                "xmin must not be above xmax, nor ymin above ymax"
            )
        yield VocBox(name.text.strip(), (x1, y1, x2, y2))


def _number(path: Path, parent: _Element, tag: str) -> float:
    element = parent.first(tag)
    if element is None:
        raise InputError(f"{path}: line {parent.line}: {parent.tag} has no {tag}")
    try:
        value = float(element.text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{path}: line {element.line}: {tag} is {quote(element.text.strip())}, not a number")
    return value


def _parse(path: Path) -> _Element:
    root = _Element("", 0)
    open_elements = [root]
    parser = expat.ParserCreate()

    def start(tag: str, _: dict[str, str]) -> None:
        if len(open_elements) > MOST_DEPTH:
            raise InputError(f"{path}: line {parser.CurrentLineNumber}: it nests deeper than {MOST_DEPTH} elements")
        open_elements[-1].children.append(_Element(tag, parser.CurrentLineNumber))
        open_elements.append(open_elements[-1].children[-1])

    def end(_: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        open_elements[-1].text += data

    def doctype(*_: object) -> None:
        raise InputError(f"{path}: line {parser.CurrentLineNumber}: a DOCTYPE is not read", hint="delete it")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(read_text(path), True)
    except expat.ExpatError as error:
        raise InputError(f"{path}: line {error.lineno}: it is not XML: {expat.ErrorString(error.code)}") from error
    return root.children[0]
