from __future__ import annotations

import pytest

from archlab.errors import InputError, LimitError, SyntaxProblem
from archlab.grammar import ast, parse, parse_file

N = "net n(input=3x8x8)\n"


def body(text):
    return parse(N + f"s: {text}").stages[0].body


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1 + 2 * 3", ast.Binary("+", ast.Number(1), ast.Binary("*", ast.Number(2), ast.Number(3)))),
        ("8 - 4 - 2", ast.Binary("-", ast.Binary("-", ast.Number(8), ast.Number(4)), ast.Number(2))),
        ("a -> b -> c", ast.Sequence((ast.Name("a"), ast.Name("b"), ast.Name("c")))),
        ("a -> (b -> c)", ast.Sequence((ast.Name("a"), ast.Sequence((ast.Name("b"), ast.Name("c")))))),
        ("a if x < 1 else b", ast.Conditional(ast.Name("a"), "<", ast.Name("x"), ast.Number(1), ast.Name("b"))),
        ("iffy", ast.Name("iffy")),
        ("0.5", ast.Number(0.5)),
        ("1x3", ast.Size((1, 3))),
        ("[1..4]", ast.Range(1, 4)),
        ("[1 .. 4 step 2 default 3]", ast.Range(1, 4, 2, 3)),
        ("{a, b,}", ast.Choice((ast.Name("a"), ast.Name("b")))),
        ("f(a, k=1,)", ast.Call("f", (ast.Name("a"),), (("k", ast.Number(1)),))),
    ],
)
def test_an_expression_is_read_as_it_is_meant(text, tree):
    assert body(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        N + "s: a ->\n  b",
        N + "s: a\n  -> b",
        N + "s: (a\n->\nb)",
        N + "\n\n  s:\ta -> b  # a comment\n\n",
        "# a comment\n" + N + "s: a -> b",
        (N + "s: a -> b\n").replace("\n", "\r\n"),
        (N + "s: a -> b\n").replace("\n", "\r"),
        "\ufeff" + N + "s: a -> b",
    ],
)
def test_line_breaks_blanks_and_comments_change_nothing(text):
    assert parse(text) == parse(N + "s: a -> b")


def test_nodes_know_where_they_stand_and_compare_without_it():
    call = parse(N + "s: a -> conv(8, k=3)").stages[0].body.items[1]
    assert (call.at, call.args[0].at, call.key_at) == ((2, 9), (2, 14), ((2, 17),))
    assert call == ast.Call("conv", (ast.Number(8),), (("k", ast.Number(3)),))


def test_an_error_behind_windows_line_ends_shows_a_clean_line():
    with pytest.raises(SyntaxProblem) as caught:
        parse(N.replace("\n", "\r\n") + "s: a b\r\n", "n.arch")
    assert str(caught.value).splitlines()[1:3] == ["  s: a b", "       ^"]


def test_an_error_shows_no_control_characters():
    with pytest.raises(SyntaxProblem) as caught:
        parse(N + "s: \x1b[31m\x00\udc80", "bad\udc80name.arch")
    assert str(caught.value) == ("bad�name.arch:2:4: the character '\\x1b' means nothing here\n  s: �[31m��\n     ^")


def test_a_file_is_read_and_named_in_errors(tmp_path):
    path = tmp_path / "net.arch"
    path.write_bytes(b"\xef\xbb\xbf" + (N + "s: a\n").encode())
    assert parse_file(path) == parse(N + "s: a")
    path.write_text(N + "s: ->", encoding="utf-8")
    with pytest.raises(SyntaxProblem, match=r"^net\.arch:2:4: found '->'"):
        parse_file(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"net \xff\xfe\x00",
            "it is not UTF-8 text: byte 0xff in line 1, 4 bytes from the start\n  hint: save it as UTF-8",
        ),
        (None, "No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, reason):
    path = tmp_path / "net.arch"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        parse_file(path)
    assert str(caught.value) == f"cannot read {path}: {reason}"


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match="Is a directory"):
        parse_file(tmp_path)


def test_a_long_text_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "net.arch"
    path.write_text(N + "#" * 10**6, encoding="utf-8")
    with pytest.raises(LimitError) as caught:
        parse_file(path)
    assert str(caught.value) == "net.arch: the text is longer than 100000 characters"
