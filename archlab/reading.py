"""Reading files that anybody may have written: whole and within limits, or refused in one sentence.

Every JSON, TOML, CSV and text file that archlab is given comes in here. Pipes, devices and folders are refused before
they could block; bytes that are no UTF-8, keys that stand twice, numbers that are none and nesting without end are
refused by their place.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import re
import stat
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archlab.errors import InputError, quote

MAX_BYTES = 16 * 2**20
"""The largest file that is read where its reader says nothing else."""
MAX_TOML_BYTES = 2**20
"""tomllib is Python, and slow."""
MAX_DEPTH = 64
"""How deep lists and objects may nest."""
_BOM = b"\xef\xbb\xbf"
_KINDS = {
    object: "an object or a list",
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
}
_FILE_TYPES = (
    (stat.S_ISDIR, os.strerror(errno.EISDIR)),
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
)
# Only an escape can bring half of a surrogate pair into a text that was UTF-8.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# What tomllib does with a dotted key takes the square of its parts.
_LONG_KEY = re.compile(rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MAX_DEPTH}}}""", re.ASCII)


def read_bytes(path: Path, most: int = MAX_BYTES) -> bytes:
    """Return what a regular file holds.

    Args:
        most: the number of bytes up to which it is read.

    Raises:
        InputError: it is missing, unreadable, larger, or no regular file.
    """
    try:
        _refuse_irregular(path, path.stat().st_mode)
        # Not blocking, for what became a pipe since.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(handle, "rb") as file:
            _refuse_irregular(path, os.fstat(handle).st_mode)
            content = file.read(most + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # a NUL, or half of a surrogate pair
        raise InputError(f"cannot read {quote(str(path))}: no file can have this name") from error
    if len(content) > most:
        raise InputError(f"cannot read {path}: it is larger than {most:,} bytes")
    return content


def read_text(path: Path, most: int = MAX_BYTES) -> str:
    """Return the text in a UTF-8 file, with or without a byte order mark, as it stands there.

    Raises:
        InputError: as ``read_bytes``, or the bytes are no UTF-8; the message names the first that is not.
    """
    content = read_bytes(path, most).removeprefix(_BOM)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        odd = f"byte 0x{content[error.start]:02x} in line {line}, {error.start:,} bytes from the start"
        raise InputError(f"cannot read {path}: it is not UTF-8 text: {odd}", hint="save it as UTF-8") from error


def read_json(path: Path, top: type = dict, most: int = MAX_BYTES) -> Any:
    """Return what a JSON file holds: ``top``, an object or a list, or ``object`` for either.

    All numbers in it that are not whole are finite, all texts can be encoded, and nothing nests deeper than
    ``MAX_DEPTH``.

    Raises:
        InputError: as ``read_text``, or it is not such JSON; the message says where.
    """
    text = read_text(path, most)
    if not text.strip():
        raise InputError(f"{path} is not JSON: it is empty")
    try:
        data = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{path} is not JSON: {where}: {error.msg[:1].lower()}{error.msg[1:]}") from error
    except RecursionError as error:
        raise _too_deep(path, "JSON") from error
    except _TwiceError as error:
        raise InputError(f"{path}: the key {quote(error.key)} stands twice in one object") from error
    except ValueError as error:  # Python's limit on the digits of a whole number
        raise InputError(f"{path}: a number in it has thousands of digits") from error
    if not isinstance(data, top) or not isinstance(data, dict | list):
        raise InputError(f"{path} must hold {_KINDS[top]}, not {_KINDS.get(type(data), 'null')}")
    _check_values(path, data)
    if _SURROGATE.search(text):
        _check_texts(path, data)
    return data


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds.

    Raises:
        InputError: as ``read_text``, or it is not TOML; the message says where.
    """
    text = read_text(path, MAX_TOML_BYTES)
    if _LONG_KEY.search(text):
        raise _too_deep(path, "TOML")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise _too_deep(path, "TOML") from error
    except ValueError as error:
        said = str(error)
        said = "a number in it has thousands of digits" if "int_max_str_digits" in said else said
        raise InputError(f"{path} is not TOML: {said[:1].lower()}{said[1:200]}") from error


def read_csv(path: Path, most: int = MAX_BYTES) -> list[dict[str, str]]:
    """Return the rows of a CSV file below its first, each by the names in the first; empty lines are left out.

    Raises:
        InputError: as ``read_text``, or a name stands twice, or a row has more or fewer cells than the first.
    """
    table = csv.reader(io.StringIO(read_text(path, most), newline=""), strict=True)
    rows: list[dict[str, str]] = []
    try:
        names = next(table, [])
        if not names:
            raise InputError(f"{path} is not CSV: its first line names no columns")
        named = [name for name in names if name]
        if len(set(named)) < len(named):
            raise InputError(f"{path}: two columns have the name {quote(_twice(named))}")
        for cells in table:
            if cells and len(cells) != len(names):
                raise InputError(f"{path}, line {table.line_num}: it has {len(cells)} cells, not {len(names)}")
            if cells:
                rows.append(dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        raise InputError(f"{path} is not CSV: line {table.line_num}: {error}") from error
    return rows


def _refuse_irregular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        what = next((name for is_type, name in _FILE_TYPES if is_type(mode)), "it is not a file")
        raise InputError(f"cannot read {path}: {what}")


class _TwiceError(ValueError):
    """A key that stands twice in one object."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _TwiceError(_twice([key for key, _ in pairs]))
    return made


def _twice(names: list[str]) -> str:
    """Return the name of which there are most."""
    return Counter(names).most_common(1)[0][0]


def _too_deep(path: Path, form: str) -> InputError:
    return InputError(f"{path} is not {form} within limits: it nests deeper than {MAX_DEPTH}")


def _check_values(path: Path, data: Any) -> None:
    """Refuse deep nesting and numbers that are not finite: level by level, since there may be millions of values."""
    level = [data]
    for _ in range(MAX_DEPTH):
        below = []
        for item in level:
            for value in item.values() if type(item) is dict else item:
                kind = type(value)
                if kind is dict or kind is list:
                    below.append(value)
                elif kind is float and not math.isfinite(value):
                    where = next(place for place, found in _places(data) if found is value)
                    raise InputError(f"{path}: {where} is {json.dumps(value)}, which is no finite number")
        if not below:
            return
        level = below
    raise _too_deep(path, "JSON")


def _check_texts(path: Path, data: Any) -> None:
    """Refuse texts, keys included, that are no Unicode and that no file, page or terminal could be given."""
    for place, value in _places(data):
        for text in [value] if isinstance(value, str) else value if isinstance(value, dict) else ():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise InputError(
                    f"{path}: {place or 'an object'} holds half of a surrogate pair, \\u{ord(text[error.start]):04x}"
                ) from error


def _places(data: Any) -> Iterator[tuple[str, Any]]:
    """Yield everything in JSON data, however deep, with its place, such as ``images[3].width``."""
    waiting = [("", data)]
    while waiting:
        place, value = waiting.pop()
        yield place, value
        if isinstance(value, list):
            waiting += [(f"{place}[{i}]", item) for i, item in enumerate(value)]
        elif isinstance(value, dict):
            waiting += [(f"{place}.{key[:40]}".lstrip("."), item) for key, item in value.items()]
