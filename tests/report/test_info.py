"""The data behind plots and tables, with exact expectations on results made by hand."""

from __future__ import annotations

import dataclasses

import pytest

from archlab.report.finalists import finalists
from archlab.report.info import Candidate, ImportanceRow, candidates, history, importance, pareto
from archlab.report.measures import Measure, finite, measures
from archlab.search.result import Finalist, Objective, SearchResult, Trial


def trial(number: int, state: str = "scored", score: float | None = None, macs: float = 1e6, **more: object) -> Trial:
    values = {} if score is None else {"score": score}
    return Trial(number, state, {"stage1.k": 3}, {"macs": macs}, values, **more)  # type: ignore[arg-type]


TRIALS = (
    trial(0, score=1.0, macs=100e6),
    trial(1, "over_budget", macs=900e6),
    trial(2, score=3.0, macs=200e6),
    trial(3, "repeated", repeat_of=0, macs=100e6),
    trial(4, score=2.0, macs=250e6),
    trial(5, "failed", reason="out of memory", macs=150e6),
    trial(6, score=3.0, macs=300e6),
    trial(7, "pruned", macs=120e6),
)


def result(**changes: object) -> SearchResult:
    base = SearchResult(
        space="s",
        space_text="",
        command="",
        seed=0,
        sampler="",
        versions={},
        machine="",
        budgets={"macs": 400e6},
        objectives=(Objective("score", "maximize"),),
        trials=TRIALS,
        finalists=(),
        smallest={},
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def test_measures_have_one_unit_and_four_figures():
    by = measures(result())
    assert by.objectives == (Measure("objective", "score", "score", digits=3, direction="maximize"),)
    assert by.costs == (Measure("cost", "macs", "MACs", "M", 1e6, digits=1, limit=400e6),)
    assert by.costs[0].title == "MACs (M)"
    assert by.costs[0].with_unit(203_004_928) == "203.0 M"
    assert by.costs[0].shown(None) == "–"


def test_a_cost_that_is_an_objective_counts_once():
    trials = tuple(dataclasses.replace(t, values={"macs": t.cost["macs"]}) for t in TRIALS)
    by = measures(result(trials=trials, objectives=(Objective("macs", "minimize"),)))
    assert [m.key for m in by.all] == ["objective:macs"]
    assert by.objectives[0].title == "MACs (M)"


def test_huge_scores_are_written_with_an_exponent_as_javascript_does():
    by = measures(result(trials=(trial(0, score=1.5e21),)))
    assert by.objectives[0].shown(1.5e21) == "1.500e+21"
    assert by.objectives[0].shown(2.5e-7) == "2.500e-7"


@pytest.mark.parametrize("value", [None, True, "3", float("nan"), float("inf"), 10**400, 1e200])
def test_what_is_no_plain_number_has_no_place(value: object):
    assert finite(value) is None


def test_the_front_holds_who_is_beaten_by_none():
    # 6 has the score of 2 at more MACs, 4 less at more: both are beaten.
    (view,) = pareto(result(), measures(result()))
    assert (view.x.name, view.y.name, view.front) == ("macs", "score", (0, 2))


def test_each_pair_of_objectives_is_a_view_and_the_front_follows_their_directions():
    trials = tuple(dataclasses.replace(t, values={**t.values, "size": 9.0 - t.number}) for t in TRIALS)
    both = result(trials=trials, objectives=(Objective("score", "maximize"), Objective("size", "minimize")))
    views = {(v.y.name, v.x.name): v.front for v in pareto(both, measures(both))}
    assert views == {("score", "size"): (6,), ("score", "macs"): (0, 2), ("size", "macs"): (0, 2, 4, 6)}


def test_history_has_every_draw_once():
    (view,) = history(result(), measures(result()))
    assert view.scored == ((0, 1.0), (2, 3.0), (4, 2.0), (6, 3.0))
    assert view.best == ((0, 1.0), (2, 3.0))
    assert view.unscored == {"over_budget": (1,), "repeated": (3,), "failed": (5,), "pruned": (7,)}


def test_best_so_far_of_what_is_minimised_falls():
    down = result(objectives=(Objective("score", "minimize"),))
    assert history(down, measures(down))[0].best == ((0, 1.0),)


def test_importance_is_sorted_and_without_zeros():
    shares = {"a": 0.1, "b": 0.7, "c": 0.0, "d": float("nan")}
    assert importance(result(importance={"score": shares, "other": {}})) == {
        "score": (ImportanceRow("b", 0.7), ImportanceRow("a", 0.1))
    }


def test_candidates_come_best_first_then_in_running_order():
    finalist = Finalist(2, "n", "n.arch", "", {}, {})
    rows = candidates(result(finalists=(finalist,)), measures(result()))
    assert [row.number for row in rows] == [2, 6, 4, 0, 1, 3, 5, 7]
    assert rows[0] == Candidate(2, "scored", (3.0, 200e6), 1, "", {"stage1.k": 3})
    assert [row.note for row in rows[4:]] == ["", "the same network as trial 0", "out of memory", ""]


TEXT = """net n(input=3x32x32)
stem: conv(8, 3, s=2)
body: separable(16, k=5, s=2) -> repeat(2, inverted(16, k=3, e=2))
head: gap -> fc(10)
"""


def test_stages_of_a_finalist():
    (info,) = finalists(result(finalists=(Finalist(0, "n", "n.arch", TEXT, {"macs": 1.0}, {}),)))
    stem, body, head = info.stages
    assert (stem.blocks, stem.depth, stem.shape, stem.kernels) == (("conv",), 1, (8, 16, 16), (3,))
    assert (body.blocks, body.depth, body.width, body.resolution) == (("separable", "inverted"), 3, 16, "8×8")
    assert body.kernels == (3, 5)
    assert (head.blocks, head.shape, head.kernels) == (("gap", "fc"), (10,), ())
    # 3x3 of 3 channels to 8 on 16x16; 16 features to 10.
    assert (stem.macs, head.macs) == (27 * 8 * 16 * 16, 160)
    # 5x5 depthwise and 1x1 to 16, then twice 1x1 to 32, 3x3 depthwise, 1x1 to 16; all on 8x8 but the stem.
    assert body.macs == 64 * (8 * 25 + 8 * 16 + 2 * (16 * 32 + 32 * 9 + 32 * 16))
    assert sum(stage.share for stage in info.stages) == pytest.approx(1)
    assert info.recounted == sum(stage.macs for stage in info.stages)
    assert [(o.op, o.nodes) for o in info.operators][:2] == [("conv2d", 9), ("linear", 1)]
    assert info.operators[0].share == pytest.approx(1 - 160 / info.recounted)


def test_a_finalist_that_is_no_network_says_why():
    (info,) = finalists(result(finalists=(Finalist(0, "n", "n.arch", "net n(input=3x8x8)\nstem: kanv(8)\n", {}, {}),)))
    assert info.graph is None
    assert info.stages == ()
    assert "n.arch:2:7: nothing is named 'kanv'" in (info.problem or "")
