"""Ragged batches are counted by their sequences, on tensors without data and with the results of PyTorch's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import archlab
from archlab.audit.tracing.ragged import ragged_followed
from tests.audit.tracing.trap import Fn, linear

LENGTHS = (3, 5)


def ragged(features, times=1, layout=torch.jagged):
    parts = [torch.randn(n * times, features) for n in LENGTHS]
    return torch.nested.nested_tensor(parts, layout=layout)


def heads(x):
    return x.unflatten(-1, [2, 8]).transpose(1, 2)


def attend(self, x, y=None):
    y = x if y is None else y
    query, key, value = heads(self.q(x)), heads(self.k(y)), heads(self.v(y))
    return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(-2)


def model(features=16):
    return Fn(attend, **{name: linear(features, 16) for name in "qkv"})


PROJECTED, ATTENDED = 8 * 16 * 16 * 3, (9 + 25) * 16 * 2


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("layout", [torch.jagged, torch.strided])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_attention_is_counted_sequence_by_sequence(layout, device):
    with torch.device(device):
        made = model()
    audit = archlab.audit(made, ragged(16, layout=layout))
    assert (audit.macs, audit.device, audit.uncounted) == (PROJECTED + ATTENDED, "meta", ())
    assert audit.inputs[0].shape == (2, 5, 16)


def test_large_ones_run_without_data_too():
    audit = archlab.audit(model(256), ragged(256, times=100))
    assert (audit.macs, audit.device) == (800 * 256 * 16 * 3 + 10_000 * ATTENDED, "meta")


def test_keys_of_other_lengths_and_a_batch_that_the_forward_makes():
    def crossed(self, a, b, y):
        x = torch.nested.as_nested_tensor([a, b], layout=torch.jagged)
        return F.scaled_dot_product_attention(heads(x), heads(y), heads(y))

    other = torch.nested.nested_tensor([torch.randn(4, 16), torch.randn(7, 16)], layout=torch.jagged)
    audit = archlab.audit(Fn(crossed), torch.randn(3, 16), torch.randn(5, 16), other)
    assert audit.macs == (3 * 4 + 5 * 7) * 16 * 2


def test_the_gradients_of_a_ragged_batch_are_counted():
    backward = archlab.audit(model(), ragged(16), backward=True).backward
    assert backward.macs == PROJECTED + 2 * ATTENDED, "no gradient of the input; four products for two"


def test_what_stands_in_for_pytorchs_attention_has_its_results():
    made, x = model(), ragged(16)
    expected = made(x)
    with ragged_followed():
        found = made(x)
    torch.testing.assert_close(found.values(), expected.values())
    assert found.offsets().tolist() == [0, 3, 8]
