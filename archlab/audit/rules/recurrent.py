"""Recurrent layers and cells: every weight matrix is multiplied once for every row that it sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from archlab.audit.counts import Counts
from archlab.audit.rules.rule import Args, Rule


def layer(gates: int) -> Rule:
    """Make the rule of a whole layer, as ``aten::lstm`` and its kin have it.

    The arguments are (input, hidden, weights, …), or (data, batch_sizes, hidden, weights, …) for a packed sequence,
    where every row of ``data`` is one step of one sequence. ``gates`` are the element-wise operations for each unit
    and step.
    """

    def rule(args: Args, out: Any) -> Counts:
        weights = next(a for a in args if _is_weights(a))
        rows = args[0].numel() // args[0].shape[-1]
        return recurrence(rows, weights, gates, out[0].numel())

    return rule


def _is_weights(value: Any) -> bool:
    """Whether this is the list of weights: its first is a matrix; an LSTM's hidden states have three dimensions."""
    return isinstance(value, list | tuple) and len(value) >= 2 and isinstance(value[0], Tensor) and value[0].dim() == 2


def cell(gates: int) -> Rule:
    """Make the rule of one step: (input, hidden, w_ih, w_hh, b_ih, b_hh)."""

    def rule(args: Args, out: Any) -> Counts:
        weights = [w for w in args[2:] if isinstance(w, Tensor)]
        rows = args[0].numel() // args[0].shape[-1]
        first = out[0] if isinstance(out, tuple | list) else out
        return recurrence(rows, weights, gates, first.numel())

    return rule


def recurrence(rows: int, weights: Iterable[Tensor], gates: int, out: int) -> Counts:
    """Count ``rows`` steps, all batches and sequences together, through all of ``weights``."""
    matrices = [w for w in weights if w.dim() == 2]
    biases = sum(w.numel() for w in weights if w.dim() == 1)
    # The input's and the hidden state's matrix have a row for each gate of each unit.
    units = sum(m.shape[0] for m in matrices) // 2
    macs = rows * sum(m.numel() for m in matrices)
    return Counts(macs, rows * biases, elementwise=rows * units * gates, activations=out)
