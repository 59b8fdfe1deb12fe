from __future__ import annotations

from archlab.cost import Budget
from archlab.search.objective import parse_goals
from archlab.search.plan import Stage
from archlab.search.result import Trial
from archlab.search.stages.stage_results import merge_found, stages_in_numbers
from archlab.search.study.history import History


def history(*states):
    made = History()
    for number, state in enumerate(states):
        made.add(number, Trial(number, state, {}, {}, seconds=0.5))
    return made


def test_each_stage_lets_through_what_the_next_one_judges():
    first = Stage("s", parse_goals(["macs"]), Budget(), trials=9)
    later = Stage("s/2-params", parse_goals(["params"]), Budget(), trials=2, number=2)
    one, two = stages_in_numbers(
        [(first, history("scored", "over_budget", "failed", "scored")), (later, history("scored", "pruned"))]
    )
    assert (one.candidates, one.scored, one.pruned, one.failed, one.survivors, one.seconds) == (3, 2, 0, 1, 2, 2.0)
    assert (two.candidates, two.scored, two.pruned, two.failed, two.survivors) == (2, 1, 1, 0, 0)
    assert (one.objectives, two.objectives) == (("macs",), ("params",))


def test_what_a_later_stage_finds_is_added_to_the_trial_that_it_judged():
    trials = {n: Trial(n, "scored", {"x": n}, {"macs": 1.0}, {"macs": 1.0}, seconds=1.0) for n in (4, 7)}
    found = [
        Trial(0, "scored", {}, {"latency": 2.0}, {"ap": 0.5}, seconds=2.0),
        Trial(1, "pruned", {}, {}, reason="too slow"),
    ]
    merged = merge_found(trials, found, {0: 7, 1: 4}, stage=2)
    assert merged[7] == Trial(7, "scored", {"x": 7}, {"macs": 1.0, "latency": 2.0}, {"macs": 1.0, "ap": 0.5},
                              seconds=3.0, reached=2)  # fmt: skip
    assert merged[4].reason == "pruned in stage 2: too slow"
    assert (merged[4].state, merged[4].reached, merged[4].values) == ("scored", 2, {"macs": 1.0})
