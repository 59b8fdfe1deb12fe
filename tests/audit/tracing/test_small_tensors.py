"""Small tensors keep their values on a pass without data, wherever the forward makes or moves them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import archlab
from tests.audit.tracing.traps import Fn

FORWARDS = {
    "made on the input's device": lambda s, x, m: (
        s.layer(x) if (torch.arange(3, device=x.device) < 3).all() else s.layer(s.layer(x))
    ),
    "moved to the input's device": lambda s, x, m: s.layer(x) if m.to(x.device).all() else s.layer(s.layer(x)),
    "made like a small one": lambda s, x, m: (
        s.layer(x) if not torch.zeros_like(m, device=x.device).any() else s.layer(s.layer(x))
    ),
    "made by a tensor without data": lambda s, x, m: (
        s.layer(x) if x.new_ones(3).sum().item() == 3 else s.layer(s.layer(x))
    ),
    "read as a number": lambda s, x, m: s.layer(x)[: int(m.sum(1).max().to(x.device).item())],
    "looked at after it met one without data": lambda s, x, m: (
        s.layer(x) * m.sum() if (m.view(-1)[:512, None] * x).numel() and m.all() else s.layer(s.layer(x))
    ),
    "a literal GPU that is not there": lambda s, x, m: s.layer(x.cuda()) if m.cuda().all() else x,
}


@pytest.mark.parametrize("weights", ["real", "meta"])
@pytest.mark.parametrize("forward", FORWARDS)
def test_a_forward_that_looks_at_them_needs_no_real_run(forward, weights):
    with torch.device("meta" if weights == "meta" else "cpu"):
        model = Fn(FORWARDS[forward], layer=nn.Linear(64, 64, bias=False))
    audit = archlab.audit(model, torch.ones(512, 64), torch.ones(2, 512, dtype=torch.long))
    assert (audit.device, audit.reason) == ("meta", None)
    assert audit.macs == 512 * 64 * 64


def test_what_a_small_one_is_given_without_data_takes_its_values_away():
    def forward(self, x):
        kept = torch.zeros(4, device=x.device)
        kept[0] = self.layer(x)[0, 0]
        return x if kept.sum() > 0 else self.layer(x)

    audit = archlab.audit(Fn(forward, layer=nn.Linear(64, 64)), torch.ones(512, 64))
    assert audit.device == "real", "its sum is not known without data"


def test_a_mask_of_a_long_batch_is_looked_at_too():
    model = Fn(lambda s, x, m: s.layer(x) if m.all() else x, layer=nn.Linear(64, 64, bias=False))
    audit = archlab.audit(model, torch.ones(512, 64), torch.ones(32, 4096, dtype=torch.bool))
    assert (audit.device, audit.macs) == ("meta", 512 * 64 * 64)


@pytest.mark.parametrize("weights", ["real", "meta"])
def test_a_forward_may_look_at_numbers_as_many_as_an_image_has(weights):
    def forward(self, x):
        mask = torch.ones(len(x), 512, 512, device=x.device)
        return self.layer(x) if mask[0].sum() == 512 * 512 else x

    with torch.device("meta" if weights == "meta" else "cpu"):
        model = Fn(forward, layer=nn.Linear(64, 64, bias=False))
    audit = archlab.audit(model, torch.ones(8, 64))
    assert (audit.device, audit.reason, audit.macs) == ("meta", None, 8 * 64 * 64)


ROW = 64 * 64
PLACES = {
    "a mask": (lambda s, y, m: s.layer(y[m]), 7),
    "a mask of the first axis, then a slice": (lambda s, y, m: s.layer(y[m, :]), 7),
    "a mask of both axes": (lambda s, y, m: s.layer(y[m[:, None].expand_as(y)].view(-1, 64)), 7),
    "masked_select": (lambda s, y, m: s.layer(y.masked_select(m[:, None]).view(-1, 64)), 7),
    "values put by a mask": (lambda s, y, m: y.index_put_((m,), s.layer(y[m])), 7),
    "as many repeats as a tensor says": (lambda s, y, m: s.layer(y.repeat_interleave(m.long() + 1, dim=0)), 307),
    "cut where a tensor says": (lambda s, y, m: s.layer(y.tensor_split(m.sum()[None])[0]), 7),
    "cut in as many as a tensor says": (lambda s, y, m: s.layer(y[:280].tensor_split(m.sum())[0]), 40),
    "narrowed from where a tensor says": (lambda s, y, m: s.layer(y.narrow(0, m.sum(), 4)), 4),
}


@pytest.mark.parametrize("select", PLACES)
def test_a_small_tensor_says_how_much_of_a_large_one_is_taken(select):
    function, rows = PLACES[select]
    model = Fn(lambda s, x, m: function(s, s.layer(x), m), layer=nn.Linear(64, 64, bias=False))
    audit = archlab.audit(model, torch.ones(300, 64), torch.arange(300) < 7)
    assert (audit.device, audit.macs, audit.uncounted) == ("meta", (300 + rows) * ROW, ())


def test_a_loss_of_sequences_needs_no_lengths_without_data():
    def forward(self, x):
        scores = self.layer(x)[:, None].log_softmax(-1)
        return F.ctc_loss(scores, torch.ones(1, 4, dtype=torch.long), torch.tensor([300]), torch.tensor([4]))

    model = Fn(forward, layer=nn.Linear(64, 64, bias=False))
    audit = archlab.audit(model, torch.ones(300, 64), backward=True)
    assert (audit.device, audit.macs, audit.uncounted) == ("meta", 300 * ROW, ())
    assert (audit.backward.macs, audit.backward.uncounted) == (300 * ROW, ()), "its input has no gradient"
