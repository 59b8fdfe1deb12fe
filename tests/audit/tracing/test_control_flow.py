"""Bodies of loops and branches are counted as often as they run, where that is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch._higher_order_ops.associative_scan import associative_scan
from torch._higher_order_ops.map import map as map_over
from torch._higher_order_ops.scan import scan
from torch._higher_order_ops.while_loop import while_loop

import archlab
from tests.audit.tracing.traps import Fn

LAYER = 8 * 8


def macs(function, *inputs):
    audit = archlab.audit(Fn(function, layer=nn.Linear(8, 8, bias=False)), *inputs)
    assert audit.uncounted == ()
    return audit.macs, audit.notes


def test_a_while_loop_by_a_counter_runs_as_often_as_it_says():
    def forward(self, x):
        count = torch.zeros((), dtype=torch.long)
        return while_loop(lambda i, y: i < 5, lambda i, y: (i + 1, self.layer(y)), (count, x))[1]

    assert macs(forward, torch.ones(2, 8)) == (5 * 2 * LAYER, ())


def test_a_while_loop_by_values_is_counted_once_and_said_to_be():
    def forward(self, x):
        return while_loop(lambda y: y.sum() < 5, lambda y: (self.layer(y),), (x,))[0]

    many = torch.ones(4096, 8)
    expected = 4096 * LAYER, ("The body of a while_loop is counted once: how often it runs depends on values.",)
    assert macs(forward, many) == expected


def test_a_scan_and_a_map_run_once_for_each_slice():
    def scanned(self, x):
        def step(carry, one):
            out = self.layer(carry + one)
            return out, out.clone()

        return scan(step, torch.zeros(2, 8), x)[1]

    assert macs(scanned, torch.ones(7, 2, 8)) == (7 * 2 * LAYER, ())
    assert macs(lambda self, x: map_over(self.layer, x), torch.ones(7, 2, 8)) == (7 * 2 * LAYER, ())


def test_an_associative_scan_is_counted_by_its_pairs():
    audit = archlab.audit(Fn(lambda self, x: associative_scan(torch.add, x, dim=0, combine_mode="generic")),
                          torch.ones(8, 4))  # fmt: skip
    added = sum(o.elementwise for o in audit.operators if o.op == "add")
    assert added == (4 + 2 + 1 + 1 + 3) * 4, "three levels up, and back down"


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_of_a_branch_that_values_choose_the_larger_is_counted_and_said_to_be(device):
    def forward(self, x):
        def twice(x):
            return self.layer(self.layer(x))

        return torch.cond(self.layer(x).sum() > 0, lambda x: self.layer(x) + 1, twice, (x,))

    with torch.device(device):
        model = Fn(forward, layer=nn.Linear(8, 8, bias=False))
    audit = archlab.audit(model, torch.ones(2, 8))
    words = "Which branch of a cond runs depends on values: the one with more MACs is counted."
    assert (audit.macs, audit.notes, audit.device) == (3 * 2 * LAYER, (words,), "meta")
    assert {m.path: m.calls for m in audit.modules} == {"": 1, "layer": 3}


def test_branches_that_cost_the_same_need_no_word():
    def forward(self, x):
        return torch.cond(self.layer(x).sum() > 0, lambda x: self.layer(x) + 1, lambda x: self.layer(x) - 1, (x,))

    assert macs(forward, torch.ones(2, 8)) == (2 * 2 * LAYER, ())


def test_a_branch_by_a_known_value_is_the_one_that_runs():
    def forward(self, x):
        return torch.cond(torch.tensor(x.shape[0] > 4), lambda x: self.layer(self.layer(x)), self.layer, (x,))

    assert macs(forward, torch.ones(2, 8)) == (2 * LAYER, ())
    assert macs(forward, torch.ones(8, 8)) == (2 * 8 * LAYER, ())
