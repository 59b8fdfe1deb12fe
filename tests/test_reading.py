"""The bounded reader: what it takes, and each way in which a file is refused, by its place."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archlab import reading
from archlab.errors import InputError
from archlab.reading import MAX_DEPTH, read_bytes, read_csv, read_json, read_text, read_toml
from tests.steps import ends_in_processor_time


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "f"


def refused(file: Path, read: Callable[[Path], object], content: str | bytes | None = None) -> str:
    """Return why ``read`` refuses a file of this content, without its folder."""
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        read(file)
    return caught.value.message.replace(f"{file.parent}/", "")


def test_text_is_read_with_its_line_ends_and_without_its_mark(file: Path):
    file.write_bytes(b"\xef\xbb\xbfa\r\nb\xc3\xa9\n")
    assert read_text(file) == "a\r\nbé\n"
    file.write_bytes(b"")
    assert read_text(file) == ""


@pytest.mark.parametrize("read", [read_bytes, read_text, read_json, read_toml, read_csv])
def test_what_is_no_file_is_refused_and_blocks_nothing(tmp_path: Path, read: Callable[[Path], object]):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "round").symlink_to("round")
    os.mknod(tmp_path / "socket", 0o600 | stat.S_IFSOCK)
    reasons = {
        "missing": "No such file or directory",
        ".": "Is a directory",
        "fifo": "it is a pipe, not a file",
        "socket": "it is a socket, not a file",
        "dangling": "No such file or directory",
        "round": "Too many levels of symbolic links",
        "fifo/x": "Not a directory",
        "x" * 300: "File name too long",
    }
    for name, reason in reasons.items():
        assert refused(tmp_path / name, read).endswith(f": {reason}"), name
    assert refused(Path("/dev/zero"), read) == "cannot read zero: it is a device, not a file"
    for name in ("a\0b", "\ud800"):
        assert refused(tmp_path / name, read).endswith(": no file can have this name")


def test_a_pipe_that_takes_the_place_of_a_file_does_not_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    status = os.stat(tmp_path / "file")
    monkeypatch.setattr(Path, "stat", lambda self: status)
    assert refused(tmp_path / "fifo", read_bytes) == "cannot read fifo: it is a pipe, not a file"


def test_a_file_that_may_not_be_read_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch):
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    file.touch()
    monkeypatch.setattr(reading.os, "open", denied)
    assert refused(file, read_text) == "cannot read f: Permission denied"


def test_a_file_is_read_up_to_its_limit(file: Path):
    file.write_bytes(b"x" * 1000)
    assert len(read_bytes(file, most=1000)) == 1000
    assert refused(file, lambda f: read_bytes(f, most=999)) == "cannot read f: it is larger than 999 bytes"


def test_the_byte_that_is_no_utf_8_is_named(file: Path):
    said = "cannot read f: it is not UTF-8 text: byte 0x{} in line {}, {:,} bytes from the start"
    assert refused(file, read_text, b"ab\n\xffc") == said.format("ff", 2, 3)
    assert refused(file, read_text, b"x" * 5000 + b"\xed\xa0\x80") == said.format("ed", 1, 5000)
    assert refused(file, read_text, "x".encode("utf-16")) == said.format("ff", 1, 0)


# --- JSON ---------------------------------------------------------------------------------------------------------


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def test_json_is_read_as_python_reads_it(file: Path):
    text = '{"a": [1, -2.5e3, "é\\u00e9\\ud83d\\ude00", true, null], "b": {"a": 1}, "c": ' + nested(MAX_DEPTH - 1) + "}"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    data = read_json(file)
    assert data["a"] == [1, -2500.0, "éé😀", True, None]
    assert data["b"] == {"a": 1}
    file.write_text("[]", encoding="utf-8")
    assert read_json(file, list) == read_json(file, object) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f is not JSON: it is empty"),
        (" \n", "f is not JSON: it is empty"),
        ('{"a": 1,\n "b" 2}', "f is not JSON: line 2, column 6: expecting ':' delimiter"),
        ("[]", "f must hold an object, not a list"),
        ('"a"', "f must hold an object, not a text"),
        ("true", "f must hold an object, not true or false"),
        ("null", "f must hold an object, not null"),
        ("NaN", "f must hold an object, not a number"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "f: the key 'c' stands twice in one object"),
        ('{"a": [{"b": [0, NaN]}]}', "f: a[0].b[1] is NaN, which is no finite number"),
        ('{"a": -Infinity}', "f: a is -Infinity, which is no finite number"),
        ('{"a": {"": 1e999}}', "f: a. is Infinity, which is no finite number"),
        ('{"a": ' + "9" * 5000 + "}", "f: a number in it has thousands of digits"),
        ('{"a": ' + nested(MAX_DEPTH) + "}", "f is not JSON within limits: it nests deeper than 64"),
        ('{"a": ' + nested(100_000) + "}", "f is not JSON within limits: it nests deeper than 64"),
        ('{"a": [NaN, ' + nested(500) + "]}", "f: a[0] is NaN, which is no finite number"),
        ('{"a": ["x\\ud800"]}', "f: a[0] holds half of a surrogate pair, \\ud800"),
        ('{"a": {"\\udfff": 1}}', "f: a holds half of a surrogate pair, \\udfff"),
        ('{"\\udfff": 1}', "f: an object holds half of a surrogate pair, \\udfff"),
    ],
)
def test_json_that_is_none_is_refused_by_its_place(file: Path, text: str, message: str):
    assert refused(file, read_json, text) == message


def test_many_keys_of_which_the_last_stands_twice_are_refused_soon(file: Path):
    pairs = ", ".join(f'"k{i}": 0' for i in range(100_000))
    with ends_in_processor_time(60):
        assert refused(file, read_json, f'{{{pairs}, "k99999": 1}}') == "f: the key 'k99999' stands twice in one object"


# --- TOML ---------------------------------------------------------------------------------------------------------


def test_toml_of_others_is_read_whatever_it_holds(file: Path):
    file.write_text('[a.b]\nc = inf\nd = 2026-01-01\n"e.f" = [[1]]\n', encoding="utf-8")
    data = read_toml(file)
    assert data["a"]["b"]["c"] == float("inf")
    assert data["a"]["b"]["e.f"] == [[1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "f is not TOML: expected '=' after a key in a key/value pair (at end of document)"),
        ("a = " + nested(10_000), "f is not TOML within limits: it nests deeper than 64"),
        ("a = " + "9" * 5000, "f is not TOML: a number in it has thousands of digits"),
        ("a = 1\x00", re.compile(r"f is not TOML: .*line 1, column 6")),
    ],
)
def test_toml_that_is_none_is_refused_by_its_place(file: Path, text: str, message: Any):
    said = refused(file, read_toml, text)
    assert message.match(said) if isinstance(message, re.Pattern) else said == message


@pytest.mark.parametrize("part", ["a", '"a"', "'a'", "a-b "])
def test_a_key_of_half_a_million_parts_takes_no_time(file: Path, part: str):
    with ends_in_processor_time(60):
        said = refused(file, read_toml, ".".join([part] * 200_000) + " = 1")
    assert said == "f is not TOML within limits: it nests deeper than 64"


# --- CSV ----------------------------------------------------------------------------------------------------------


def test_csv_is_read_as_spreadsheets_write_it(file: Path):
    file.write_bytes(b'\xef\xbb\xbfa,"b,c",\r\n1,"x\ny",\r\n\r\n2,,3\r\n')
    assert read_csv(file) == [{"a": "1", "b,c": "x\ny", "": ""}, {"a": "2", "b,c": "", "": "3"}]
    file.write_bytes(b"a\n")
    assert read_csv(file) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f is not CSV: its first line names no columns"),
        ("a,b,a\n", "f: two columns have the name 'a'"),
        ("a,b\n1,2\n3\n", "f, line 3: it has 1 cells, not 2"),
        ('a\n"1', "f is not CSV: line 2: unexpected end of data"),
        ("a\n" + "1" * 200_000, "f is not CSV: line 2: field larger than field limit (131072)"),
    ],
)
def test_csv_that_is_none_is_refused_by_its_line(file: Path, text: str, message: str):
    assert refused(file, read_csv, text) == message
