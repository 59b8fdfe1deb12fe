"""Tables for the terminal: columns leave, headings and names fold, tables are divided; nothing is cut short."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.console import Console

from archlab.errors import InputError
from archlab.report.folding import fold, fold_name
from archlab.report.terminal_tables import (
    WHAT_FITS,
    Choice,
    choice_of,
    console_for,
    plain_text,
    print_fitted,
    print_lines,
    safe,
    table_of,
)

COLUMNS = {
    "network": "detection_17",
    "level_entropy": "7.3109",
    "MACs": "18.63 M",
    "none": "",
    "activations": "184.1 k",
    "memory": "440.0 KiB",
}
LONG = "an_extraordinarily_long_name_that_nobody_would_give.to_a_layer_of_his_network"


def table_with(columns: dict[str, str]):
    table = table_of(*columns, title="best")
    table.add_row(*map(safe, columns.values()))
    return table


def shown(columns: dict[str, str], width: int, choice: Choice = WHAT_FITS, **options) -> list[str]:
    console = Console(width=width, no_color=True, **options)
    with console.capture() as captured:
        print_fitted(console, table_with(columns), ("activations", "memory"), choice)
    return captured.get().splitlines()


def joined(lines: list[str]) -> str:
    """What folded text says, without its folds."""
    return "".join(line.strip().removeprefix("↳ ").split("   ")[0].rstrip() for line in lines)


@pytest.mark.parametrize(
    ("width", "left_out"), [(160, set()), (60, {"activations"}), (48, {"activations", "memory"})]
)  # fmt: skip
def test_a_narrow_terminal_gets_fewer_columns_and_whole_cells(width, left_out):
    lines = shown(COLUMNS, width)
    text = "\n".join(lines)
    for head, cell in COLUMNS.items():
        assert ((head in text) and (cell in text)) == (head not in left_out | {"none"})
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [32, 40, 80, 100, 140])
def test_long_names_fold_and_many_columns_are_divided(width):
    columns = {"network": LONG, **{f"an_objective_of_a_long_name_{i}": f"0.{i}" * 3 for i in range(6)}}
    lines = shown(columns, width)
    assert max(map(cell_len, lines)) <= width
    words = " ".join(lines).split()
    assert all(cell in words for cell in list(columns.values())[1:])
    assert LONG in joined(lines)


def test_names_that_are_as_wide_as_they_are_long_or_wider_fold_too():
    for name in ("層" * 50, "        " * 6 + LONG, "[/red]" * 12):
        lines = shown({"network": name, "MACs": "18.63 M"}, 40)
        assert max(map(cell_len, lines)) <= 40
        assert name.strip() in joined(lines)


def test_a_reader_chooses_columns_and_their_order_or_all():
    heads = shown(COLUMNS, 48, Choice(("memory", "macs")))[2].split()
    assert heads == ["network", "memory", "MACs"]
    wide = shown(COLUMNS, 20, Choice(wide=True))
    assert wide[2].split() == [head for head in COLUMNS if head != "none"]
    assert len(wide) == len(shown(COLUMNS, 160))


def test_a_column_that_there_is_not_is_refused_with_those_that_there_are():
    assert choice_of(" macs, params", False, ("params", "MACs")) == Choice(("macs", "params"))
    assert choice_of(None, True, ()) == Choice(wide=True)
    with pytest.raises(InputError, match=r"there is no column 'pramas'(.|\n)*params"):
        choice_of("pramas", False, ("params", "MACs"))


def test_a_pipe_has_no_width_but_that_of_columns(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert (console_for(220).width, console_for(220).soft_wrap) == (220, True)
    assert LONG in "\n".join(shown({"network": LONG, "MACs": "1"}, 40, soft_wrap=True))
    monkeypatch.setenv("COLUMNS", "66")
    assert (console_for(220).width, console_for(220).soft_wrap) == (66, False)
    assert plain_text(lambda console: console.print(console.width)) == "66\n"
    for nonsense in ("0", "x", "9" * 30):
        monkeypatch.setenv("COLUMNS", nonsense)
        assert console_for(220).width == 220


def test_lines_fold_between_words_and_never_within_a_number():
    line = "peak at layer1.0.conv: layer1.0.conv2d 10.05 MiB, " + LONG
    console = Console(width=40, no_color=True)
    with console.capture() as captured:
        print_lines(console, [line])
    lines = captured.get().splitlines()
    assert lines[:3] == [
        "peak at layer1.0.conv: layer1.0.conv2d",
        "    10.05 MiB,",
        "    an_extraordinarily_long_name_that_",
    ]
    assert max(map(len, lines)) <= 40
    assert "".join(line.split()) == "".join("".join(lines).split())


@pytest.mark.parametrize("width", range(1, 60, 3))
@pytest.mark.parametrize("text", ["", " ", LONG, "a " * 50, "    層層 [x] " + LONG, "1,234,567,890 B " * 9, "." * 99])
def test_folding_loses_nothing_whatever_the_width(text, width):
    for lines in (fold(text, width), fold_name(text, width, "> ")):
        assert max(map(cell_len, lines)) <= max(width, 8)
        assert "".join("".join(lines).replace("> ", "").split()) == "".join(text.split())
