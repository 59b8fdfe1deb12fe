"""What stands where in a drawing."""

from __future__ import annotations

from archlab.report.diagram_layout import Edge, layout


def test_a_residual_keeps_its_lane_and_its_shortcut_passes_beside_it():
    placed = layout([("in", ()), ("a", ["in"]), ("b", ["a"]), ("add", ["b", "in"])])
    assert placed.rank == {"in": 0, "a": 1, "b": 2, "add": 3}
    assert set(placed.lane.values()) == {0}
    assert placed.edges == (Edge("in", "a"), Edge("a", "b"), Edge("b", "add"), Edge("in", "add", passing=0))
    assert (placed.ranks, placed.lanes, placed.passings) == (4, 1, 1)


def test_branches_stand_side_by_side():
    placed = layout([("in", ()), ("a", ["in"]), ("b", ["in"]), ("b2", ["b"]), ("cat", ["a", "b2"])])
    assert placed.lane == {"in": 0, "a": 0, "b": 1, "b2": 1, "cat": 1}
    # a's output waits in its own lane for the longer branch.
    assert placed.edges[-2] == Edge("a", "cat")


def test_two_shortcuts_over_the_same_ranks_get_a_lane_each():
    placed = layout([("in", ()), ("a", ["in"]), ("b", ["a"]), ("c", ["b", "a"]), ("d", ["c", "in"])])
    passing = [edge.passing for edge in placed.edges if edge.passing is not None]
    assert sorted(passing) == [0, 1]
