"""A training step's backward pass: by hand, beside FlopCounterMode, and with nothing left behind."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.utils.checkpoint
import torchvision
from torch import nn
from torch._higher_order_ops.while_loop import while_loop
from torch.utils.flop_counter import FlopCounterMode

import archlab
from archlab.audit.audit_run import AuditRun
from archlab.audit.formats import Options, render
from archlab.errors import AuditError
from tests.audit.tracing.traps import Fn


def backward(model, *inputs):
    return archlab.audit(model, *inputs, backward=True).backward


def test_a_linear_layer_behind_another_has_two_products_and_the_first_has_one():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    counted = backward(model, torch.ones(5, 8))
    assert counted.macs_of["0"] == 5 * 8 * 16
    assert counted.macs_of["2"] == 2 * 5 * 16 * 4
    assert counted.macs == counted.macs_of[""] == 640 + 640
    assert counted.uncounted == ()


def test_convolutions_grouped_transposed_and_with_frozen_weights():
    def macs(model, size):
        return backward(nn.Sequential(nn.Conv2d(4, 4, 1), model), torch.ones(1, 4, 7, 7)).macs - 49 * 16 == size

    assert macs(nn.Conv2d(4, 8, 3, groups=2), 2 * 25 * 8 * 2 * 9)
    assert macs(nn.ConvTranspose2d(4, 8, 3), 2 * 49 * 4 * 8 * 9)
    frozen = nn.Conv2d(4, 8, 3)
    frozen.weight.requires_grad_(False)
    assert macs(frozen, 25 * 8 * 4 * 9)


def test_attention_and_a_recurrent_layer():
    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        return nn.functional.scaled_dot_product_attention(q, k, v)

    attention = backward(Fn(forward, qkv=nn.Linear(16, 48)), torch.ones(2, 5, 16))
    assert attention.macs - 2 * 5 * 16 * 48 in (2 * 25 * 16 * 4, 2 * 25 * 16 * 5), "as the kernel does"
    lstm = backward(nn.LSTM(8, 16), torch.ones(5, 2, 8))
    assert lstm.macs == 10 * 64 * 24 + 4 * 2 * 64 * 16, "weights at each step, the state at all but the first"


def test_a_resnet_is_counted_as_by_torch():
    model, x = torchvision.models.resnet18(weights=None), torch.ones(2, 3, 64, 64)
    with FlopCounterMode(display=False):
        out = model(x)
    with FlopCounterMode(display=False) as counter:
        out.sum().backward()
    assert backward(model, x).macs == counter.get_total_flops() // 2


def test_the_steps_memory_is_that_of_what_is_kept_for_the_gradients():
    model = nn.Sequential(*[nn.Sequential(nn.Linear(64, 64, bias=False), nn.Tanh()) for _ in range(4)])
    audit = archlab.audit(model, torch.ones(1024, 64), backward=True)
    activation, weight = 1024 * 64 * 4, 64 * 64 * 4
    assert audit.memory == 3 * activation
    assert 5 * activation <= audit.backward.memory <= 8 * activation + 4 * weight


def test_model_and_gradients_are_as_before():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    model.eval()
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    backward(model, torch.ones(2, 3, 8, 8))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [p.grad for p in model.parameters()] == [None] * 4
    assert not any(module.training for module in model.modules())
    assert torch.equal(torch.get_rng_state(), random)


def test_what_has_no_gradient_or_needs_values_is_said():
    with pytest.raises(AuditError, match="nothing that has a gradient"):
        backward(nn.Softmax(-1), torch.ones(2, 3))
    with pytest.raises(AuditError, match="the backward pass fails without data: RuntimeError"):
        backward(Fn(lambda s, x: s.layer(x) if s.layer(x).sum().item() else x, layer=nn.Linear(8, 8)), torch.ones(2, 8))


def test_it_is_printed_and_in_the_json_and_the_page():
    run = AuditRun((archlab.audit(nn.Linear(8, 16), torch.ones(5, 8), backward=True),))
    texts = {name: render(name, run, Options("module", None, False)) for name in ("terminal", "json", "html")}
    assert "backward  MACs 640, all operations" in texts["terminal"]
    assert '"macs_of": {' in texts["json"]
    assert "Backward pass" in texts["html"]


@pytest.mark.parametrize("reentrant", [False, True])
def test_what_a_checkpoint_computes_again_is_part_of_the_backward_pass(reentrant):
    def forward(self, x):
        return torch.utils.checkpoint.checkpoint(self.inner, self.first(x), use_reentrant=reentrant)

    inner = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
    counted = backward(Fn(forward, first=nn.Linear(8, 8), inner=inner), torch.ones(4, 8))
    again = 2 if reentrant else 1  # the other form stops where no more is needed
    assert counted.macs_of["inner"] == (again + 4) * 256
    assert counted.macs == counted.macs_of["inner"] + 256, "and the first layer's weight"


def test_branches_and_loops_have_gradients():
    def forward(self, x):
        y = torch.cond(self.layer(x).sum() > 0, lambda x: self.layer(x) + 1, lambda x: self.layer(x) - 1, (x,))
        count = torch.zeros((), dtype=torch.long)
        return while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, self.layer(y)), (count, y))[1]

    audit = archlab.audit(Fn(forward, layer=nn.Linear(8, 8, bias=False)), torch.ones(2, 8), backward=True)
    one = 2 * 8 * 8
    assert audit.macs == (2 + 3) * one
    assert audit.backward.macs == one + 3 * 2 * one, (
        "of the branch its weight's, of each round its weight's and input's"
    )
