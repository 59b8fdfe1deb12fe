"""Small models whose parameters and MACs are known by hand: function () -> (model, args, kwargs, params, macs)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import nn
from torch.nn.utils import parametrizations

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


class Fn(nn.Module):
    """A module whose forward is the given function of (self, *args, **kwargs)."""

    def __init__(self, function, **attributes):
        super().__init__()
        self.function = function
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, *args, **kwargs):
        return self.function(self, *args, **kwargs)


def weights(*shape):
    return nn.Parameter(torch.ones(*shape))


def linear(n, m):
    return nn.Linear(n, m, bias=False)


ones = torch.ones


@case
def conv_transpose_grouped():
    return (
        nn.ConvTranspose2d(8, 16, 4, 2, 1, bias=False, groups=2),
        (ones(1, 8, 8, 8),),
        {},
        8 * 8 * 16,
        8 * 64 * 8 * 16,
    )


@case
def padding_in_words():
    return nn.Conv2d(8, 8, 3, padding="same", bias=False), (ones(1, 8, 8, 8),), {}, 576, 64 * 576


@case
def padding_circular():
    model = nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular", bias=False)
    return model, (ones(1, 8, 8, 8),), {}, 576, 64 * 576


@case
def gru_bidirectional():
    model = nn.GRU(32, 48, bias=False, batch_first=True, bidirectional=True)
    return model, (ones(2, 10, 32),), {}, 2 * 3 * 48 * 80, 2 * 10 * 2 * 3 * 48 * 80


@case
def lstm_projected_two_layers():
    macs = 20 * (4 * 48 * (32 + 16) + 48 * 16 + 4 * 48 * (16 + 16) + 48 * 16)
    return nn.LSTM(32, 48, bias=False, num_layers=2, proj_size=16), (ones(10, 2, 32),), {}, macs // 20, macs


@case
def rnn_cell():
    return nn.RNNCell(32, 48, bias=False), (ones(2, 32),), {}, 48 * 80, 2 * 48 * 80


@case
def packed_sequence():
    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        return self.rnn(packed)[0]

    model = Fn(forward, rnn=nn.LSTM(32, 48, bias=False, batch_first=True))
    # Fifteen steps, not twenty: what is padded is not computed.
    return model, (ones(2, 10, 32), torch.tensor([10, 5])), {}, 4 * 48 * 80, 15 * 4 * 48 * 80


@case
def einsum_of_three():
    model = Fn(lambda self, a, b, c: torch.einsum("ij,jk,kl->il", a, b, c), w=weights(1))
    # (4x8 · 8x16) · 16x2: 512 + 128, or the other way round 256 + 64; which one ran is in the operators.
    return model, (ones(4, 8), ones(8, 16), ones(16, 2)), {}, 1, None


@case
def tensordot():
    model = Fn(lambda self, x: torch.tensordot(x, self.w, dims=([1, 2], [1, 0])), w=weights(8, 4, 5))
    return model, (ones(3, 4, 8),), {}, 160, 3 * 32 * 5


@case
def unfold_and_multiply():
    model = Fn(lambda self, x: self.w @ F.unfold(x, 3), w=weights(4, 72))
    return model, (ones(1, 8, 6, 6),), {}, 288, 4 * 72 * 16


@case
def grouped_query_attention():
    model = Fn(
        lambda self, q, k: F.scaled_dot_product_attention(q, k, k, enable_gqa=True, is_causal=True), w=weights(1)
    )
    return model, (ones(2, 8, 16, 32), ones(2, 2, 16, 32)), {}, 1, 2 * 8 * 16 * 16 * 64


@case
def explicit_attention():
    def forward(self, q, k, v):
        return (q @ k.transpose(-2, -1) / 32**0.5).softmax(-1) @ v

    return Fn(forward, w=weights(1)), (ones(2, 4, 64, 32),) * 3, {}, 1, 2 * 2 * 4 * 64 * 64 * 32


@case
def encoder_layer_in_evaluation():
    model = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True, bias=False).eval()
    params = 4 * 64 * 64 + 2 * 64 * 128 + 2 * 64
    return model, (ones(2, 10, 64),), {}, params, 20 * (4 * 64 * 64 + 2 * 64 * 128) + 2 * 2 * 100 * 64


@case
def weight_norm():
    return parametrizations.weight_norm(linear(64, 32)), (ones(8, 64),), {}, 64 * 32 + 32, 8 * 64 * 32


@case
def lazy_layers():
    return nn.Sequential(nn.LazyLinear(32, bias=False)), (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def checkpointed():
    model = Fn(lambda self, x: torch.utils.checkpoint.checkpoint(self.a, x, use_reentrant=False), a=linear(64, 32))
    return model, (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def scripted():
    return torch.jit.script(nn.Sequential(linear(64, 32), nn.ReLU())), (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def vectorised():
    model = Fn(lambda self, x: torch.vmap(lambda row: row @ self.w)(x), w=weights(64, 32))
    return model, (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def under_inference_mode():
    model = Fn(torch.inference_mode()(lambda self, x: self.a(x) @ self.a.weight), a=linear(64, 32))
    return model, (ones(8, 64),), {}, 64 * 32, 2 * 8 * 64 * 32


@case
def looks_at_its_values():
    def forward(self, x):
        x = self.a(x)
        return self.b(x) if x.isnan().any() else x

    return Fn(forward, a=linear(64, 64), b=linear(64, 32)), (ones(8, 64),), {}, 64 * 96, 8 * 64 * 64


@case
def takes_a_gradient():
    model = Fn(lambda self, x: torch.autograd.grad(self.a(x).sum(), self.a.weight)[0], a=linear(64, 32))
    # Forward, and the weight's gradient: one product each.
    return model, (ones(8, 64),), {}, 64 * 32, 2 * 8 * 64 * 32


@case
def hands_out_numpy():
    model = Fn(lambda self, x: self.a(x).detach().numpy(), a=linear(64, 32))
    return model, (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def sizes_in_python():
    model = Fn(lambda self, x: self.a(x[:, : round(x.shape[1] * 0.5)]), a=linear(32, 32))
    return model, (ones(8, 64),), {}, 32 * 32, 8 * 32 * 32


@case
def autocast_by_device():
    def forward(self, x):
        with torch.autocast(device_type=x.device.type, enabled=False):
            return self.a(x)

    return Fn(forward, a=linear(300, 32)), (ones(800, 300),), {}, 9600, 800 * 9600


@case
def tied_by_memory():
    first, second = linear(64, 64), linear(64, 64)
    second.weight = nn.Parameter(first.weight.data)
    return nn.Sequential(first, second), (ones(8, 64),), {}, 64 * 64, 2 * 8 * 64 * 64


@case
def nested_inputs():
    model = Fn(lambda self, batch, flag: self.a(batch["x"][0]) if flag else None, a=linear(64, 32))
    return model, (), {"batch": {"x": [ones(8, 64)]}, "flag": True}, 64 * 32, 8 * 64 * 32


@case
def bilinear():
    return nn.Bilinear(8, 6, 4, bias=False), (ones(3, 8), ones(3, 6)), {}, 192, 3 * 192


@case
def sparse_product():
    model = Fn(lambda self, x: torch.sparse.mm(self.sparse, x), w=weights(1), sparse=torch.eye(8).to_sparse())
    return model, (ones(8, 64),), {}, 1, 8 * 64


@case
def alters_itself():
    def forward(self, x):
        self.calls += 1
        self.seen.append(x)
        self.table["k"].append(self.calls)
        self.count += 1
        self.last = x
        self.new = 3
        self.a.weight.requires_grad_(False)
        self.a.weight.data.mul_(2)
        torch.rand(1)
        return self.drop(self.bn(self.a(x)))

    model = Fn(
        forward,
        calls=0,
        seen=[],
        table={"k": [0]},
        last=None,
        a=linear(8, 8),
        bn=nn.BatchNorm1d(8),
        drop=nn.Dropout(),
    )
    model.register_buffer("count", torch.zeros(3))
    return model, (ones(4, 8),), {}, 64 + 16, 4 * 64


@case
def compiled():
    return torch.compile(nn.Sequential(linear(64, 32))), (ones(8, 64),), {}, 64 * 32, 8 * 64 * 32


@case
def branch_as_an_operator():
    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda x: self.a(x), lambda x: x, (x,))

    return Fn(forward, a=linear(8, 8)), (ones(4, 8),), {}, 64, 4 * 64


@case
def yields_its_outputs():
    return Fn(lambda self, x: (self.a(x) for _ in range(3)), a=linear(8, 8)), (ones(4, 8),), {}, 64, 3 * 4 * 64


@case
def hook_that_multiplies():
    model = nn.Sequential(linear(8, 8))
    model[0].register_forward_hook(lambda module, args, out: out @ module.weight)
    return model, (ones(4, 8),), {}, 64, 2 * 4 * 64


# --- plain layers and calls: an excerpt of ../shared/audit_traps.py ---------------------------------------------------


@case
def linear_layer():
    return nn.Sequential(linear(64, 128)), (torch.ones(8, 64),), {}, 64 * 128, 8 * 64 * 128


@case
def conv_grouped():
    model = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1, groups=4, bias=False))
    return model, (torch.ones(2, 16, 16, 16),), {}, 32 * 4 * 9, 2 * 256 * 32 * 4 * 9


@case
def mha_module():
    attention = nn.MultiheadAttention(64, 4, bias=False, batch_first=True)
    model = Fn(lambda s, x: s.a(x, x, x, need_weights=False)[0], a=attention)
    return model, (torch.ones(2, 32, 64),), {}, 4 * 64 * 64, 2 * 32 * 64 * 64 * 4 + 2 * 2 * 32 * 32 * 64


@case
def lstm():
    model = Fn(lambda s, x: s.r(x)[0], r=nn.LSTM(32, 48, bias=False, batch_first=True))
    return model, (torch.ones(2, 10, 32),), {}, 4 * 48 * (32 + 48), 2 * 10 * 4 * 48 * (32 + 48)


@case
def module_called_three_times():
    model = Fn(lambda s, x: s.a(s.a(s.a(x))), a=linear(64, 64))
    return model, (torch.ones(8, 64),), {}, 64 * 64, 3 * 8 * 64 * 64


@case
def keyword_arguments_only():
    model = Fn(lambda s, *, x, y: s.a(x) + s.a(y), a=linear(64, 64))
    return model, (), {"x": torch.ones(8, 64), "y": torch.ones(8, 64)}, 64 * 64, 2 * 8 * 64 * 64


@case
def dictionary_as_output():
    model = Fn(lambda s, x: {"out": s.a(x), "aux": [x]}, a=linear(64, 64))
    return model, (torch.ones(8, 64),), {}, 64 * 64, 8 * 64 * 64
