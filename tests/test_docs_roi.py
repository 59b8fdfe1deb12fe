"""The first program of docs/roi.md runs as it stands."""

from __future__ import annotations

from tests.pages import blocks, page


def test_the_program_runs(capsys):
    program = next(block.body for block in blocks(page("docs/roi.md")) if block.language == "python")
    exec(compile(program, "roi.md", "exec"), {})
    assert capsys.readouterr().out.strip() == "torch.Size([2, 256, 7, 7])"
