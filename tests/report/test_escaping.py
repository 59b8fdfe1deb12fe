"""Text in JSON and in plots stays text."""

from __future__ import annotations

from archlab.report.escaping import json_block, plotly_text


def test_text_in_json_and_in_plots_cannot_end_its_place():
    assert str(json_block(["</script>&\u2028"])) == '["\\u003c/script\\u003e\\u0026\\u2028"]'
    assert plotly_text("<a href='javascript:x'>%{x}") == "&lt;a href='javascript:x'&gt;%&#123;x}"
