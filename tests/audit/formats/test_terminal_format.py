"""The terminal's tables of real models fit five widths, with every name, parameter and MAC whole."""

from __future__ import annotations

import functools

import pytest
from rich.cells import cell_len
from rich.console import Console

from archlab.audit.audit_run import AuditRun
from archlab.audit.formats import Options, render
from archlab.audit.formats.terminal_format import audit_table, print_audit
from archlab.report.terminal_tables import Choice
from archlab.units import format_count
from tests.audit.models import audited as audited_once

MODELS = (
    "torchvision:resnet18",
    "torchvision:mobilenet_v2",
    "timm:swin_tiny_patch4_window7_224",
    "shufflenet_v1_g3",
    "torchvision:fasterrcnn_mobilenet_v3_large_fpn",
)
WIDTHS = (60, 80, 100, 140, 200)
audited = functools.cache(audited_once)


def printed(name: str, width: int, options: Options) -> list[str]:
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        print_audit(console, audited(name), options)
    return captured.get().splitlines()


@pytest.mark.parametrize("by", ["module", "stage", "op"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", MODELS)
def test_no_line_is_wider_than_the_terminal_and_no_cell_is_cut(name, width, by):
    audit = audited(name)
    lines = printed(name, width, Options(by))
    assert max(map(cell_len, lines)) <= width
    assert "…" not in "\n".join(lines).replace(", …", "")
    table = audit_table(audit, Options(by))
    # Names fold in narrow terminals: without folds and indentation all of them are there, in order.
    text = " ".join("\n".join(lines).replace("↳", "").split())
    squeezed = text.replace(" ", "")
    columns = {str(column.header): list(column.cells) for column in table.columns}
    for wanted in ("params", "MACs") if by != "op" else ("MACs",):
        assert f" {wanted} " in text
        assert all(cell.replace(" ", "") in squeezed for cell in columns[wanted])
    if width >= 80:
        assert all(str(cell).strip() in text for cell in columns[by if by != "op" else "operator"])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("options", [Options(), Options(compare=True)], ids=["list", "comparison"])
def test_tables_of_several_models_fit_too(width, options, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    found = [audited(name) for name in MODELS]
    lines = render("terminal", AuditRun(tuple(found)), options).splitlines()
    assert max(map(cell_len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for audit in found:
        assert format_count(audit.params) in text
        assert format_count(audit.macs) in text


def test_macs_and_flops_stand_in_the_first_lines_with_what_tells_them_apart():
    audit = audited(MODELS[0])
    title, totals, note, *_ = printed(MODELS[0], 200, Options())
    assert title == "torchvision:resnet18  1x3x224x224"
    assert f"MACs {audit.macs:,}  FLOPs {2 * audit.macs:,}  " in totals
    assert note.startswith("FLOPs count a product and a sum each, so they are twice the MACs")


def test_layers_have_their_settings_and_the_shapes_that_they_take():
    options = Options(columns=Choice(("kernel", "stride", "padding", "groups", "dilation", "input")))
    lines = printed(MODELS[0], 100, options)
    (heads,) = [line.split() for line in lines if line.startswith(" module")]
    assert heads == ["module", "kernel", "stride", "padding", "input"]  # no groups and no dilation: empty columns
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert rows["conv1"] == ["7x7", "2x2", "3x3", "1x3x224x224"]
    assert rows["maxpool"] == ["3x3", "2x2", "1x1", "1x64x112x112"]
    assert rows["fc"] == ["1x512"]
    assert rows["layer1"] == []
    deep = printed(MODELS[1], 100, Options(depth=9, columns=options.columns))
    assert any(line.split()[1:] == ["3x3", "2x2", "1x1", "96", "1x96x112x112"] for line in deep)
    assert "kernel" in " ".join(printed(MODELS[0], 140, Options()))


def test_a_pipe_keeps_one_line_for_each_row(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    text = render("terminal", AuditRun((audited(MODELS[4]),)))
    assert f"peak at {audited(MODELS[4]).peak.operator}: " in text
    assert "↳" not in text
