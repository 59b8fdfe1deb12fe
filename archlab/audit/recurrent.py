"""Recurrent layers and cells: every weight matrix is multiplied once for every row that it sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from archlab.audit.rule import Args, Count, Rule


def _layer(gates: int) -> Rule:
    """A whole layer, as ``aten::lstm`` and its kin have it.

    The arguments are (input, hidden, weights, …), or (data, batch_sizes, hidden, weights, …) for a packed sequence,
    where every row of ``data`` is one step of one sequence. ``gates`` are the element-wise operations for each unit
    and step.
    """

    def rule(args: Args, out: Any) -> Count:
        weights = next(a for a in args if _is_weights(a))
        rows = args[0].numel() // args[0].shape[-1]
        return _count(rows, weights, gates, out[0].numel())

    return rule


def _is_weights(value: Any) -> bool:
    """The list of weights, whose first is a matrix; an LSTM's list of hidden states has three dimensions."""
    return isinstance(value, list | tuple) and len(value) >= 2 and isinstance(value[0], Tensor) and value[0].dim() == 2


def _cell(gates: int) -> Rule:
    """One step: (input, hidden, w_ih, w_hh, b_ih, b_hh)."""

    def rule(args: Args, out: Any) -> Count:
        weights = [w for w in args[2:] if isinstance(w, Tensor)]
        rows = args[0].numel() // args[0].shape[-1]
        first = out[0] if isinstance(out, tuple | list) else out
        return _count(rows, weights, gates, first.numel())

    return rule


def _count(rows: int, weights: Iterable[Tensor], gates: int, out: int) -> Count:
    """``rows`` steps, all batches and sequences together, through all of ``weights``."""
    matrices = [w for w in weights if w.dim() == 2]
    biases = sum(w.numel() for w in weights if w.dim() == 1)
    # The input's and the hidden state's matrix have a row for each gate of each unit.
    units = sum(m.shape[0] for m in matrices) // 2
    return Count(rows * sum(m.numel() for m in matrices), rows * biases, 0, 0, rows * units * gates, out)


RECURRENT: dict[str, Rule] = {
    # A gate is a sum and its activation; what joins the gates is less than one more for each.
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _layer(3)),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _cell(3)),
}
