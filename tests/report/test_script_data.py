"""Draws are read back from their short code."""

from __future__ import annotations

from archlab.report.objectives_and_costs import measures
from archlab.report.script_data import encode_draws
from archlab.report.search_views import trial_rows
from tests.report import results


def test_draws_are_read_back_from_their_code():
    draws = [row.draws for row in trial_rows(results.search(200), measures(results.search(200)))]
    code = encode_draws(draws)
    read = []
    for text in code["rows"]:
        digits = [code["alphabet"].index(c) for c in text]
        read.append({h["name"]: h["values"][d - 1] for h, d in zip(code["holes"], digits, strict=True) if d})
    assert code["width"] == 1
    assert read == [{hole: str(value) for hole, value in draw.items()} for draw in draws]
    many = encode_draws([{"x": i / 7} for i in range(500)])
    assert (many["width"], len(many["rows"][0])) == (2, 2)
