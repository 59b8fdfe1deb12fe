"""Recurrent layers and attention."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.audit.tracing.trap import Fn, case, ones, weights


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
def lstm():
    model = Fn(lambda s, x: s.r(x)[0], r=nn.LSTM(32, 48, bias=False, batch_first=True))
    return model, (torch.ones(2, 10, 32),), {}, 4 * 48 * (32 + 48), 2 * 10 * 4 * 48 * (32 + 48)


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
def mha_module():
    attention = nn.MultiheadAttention(64, 4, bias=False, batch_first=True)
    model = Fn(lambda s, x: s.a(x, x, x, need_weights=False)[0], a=attention)
    return model, (torch.ones(2, 32, 64),), {}, 4 * 64 * 64, 2 * 32 * 64 * 64 * 4 + 2 * 2 * 32 * 32 * 64
