"""Operators that take functions, run as they are written: the bodies of loops and branches are counted as they run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Note = Callable[[str], None]
"""Is told what of a loop is not known."""

_ONCE = "The body of a while_loop is counted once: how often it runs depends on values."


def run_bodies(name: str, args: Sequence[Any], note: Note) -> Any:
    """Run an operator of ``torch._higher_order_ops`` by its own definition; NotImplemented where it is none of these.

    Args:
        name: of the operator, such as ``scan``.
        args: what it is called with.
        note: told where a trip count is not known.
    """
    run = _RUN.get(name)
    return NotImplemented if run is None else run(args, note)


def _cond(args: Sequence[Any], note: Note) -> Any:
    predicate, yes, no, operands = args
    return (yes if bool(predicate) else no)(*operands)


def _switch(args: Sequence[Any], note: Note) -> Any:
    index, branches, operands = args
    return branches[int(index)](*operands)


def _while_loop(args: Sequence[Any], note: Note) -> Any:
    go_on, body, carried, additional = args
    while True:
        wanted = go_on(*carried, *additional)
        if isinstance(wanted, Tensor) and wanted.is_meta:
            note(_ONCE)
            return tuple(body(*carried, *additional))
        if not bool(wanted):
            return tuple(carried)
        carried = body(*carried, *additional)


def _scan(args: Sequence[Any], note: Note) -> Any:
    combine, carried, slices, additional = args
    kept = []
    for i in range(slices[0].shape[0]):
        out = combine(*carried, *(one[i] for one in slices), *additional)
        carried, found = out[: len(carried)], out[len(carried) :]
        kept.append(found)
    return (*carried, *(torch.stack(each) for each in zip(*kept, strict=True)))


def _map(args: Sequence[Any], note: Note) -> Any:
    function, slices, additional = args
    found = [function(*(one[i] for one in slices), *additional) for i in range(slices[0].shape[0])]
    return tuple(torch.stack(each) for each in zip(*found, strict=True))


def _associative_scan(args: Sequence[Any], note: Note) -> Any:
    from torch._higher_order_ops.associative_scan import generic_associative_scan

    combine, slices, additional = args
    return generic_associative_scan(combine, slices, additional_inputs=additional)  # type: ignore[no-untyped-call]


def _first_applied(args: Sequence[Any], note: Note) -> Any:
    function, operands, *_ = args
    return function(*operands)


def _subgraph(args: Sequence[Any], note: Note) -> Any:
    function, _, *operands = args
    return function(*operands)


_RUN: dict[str, Callable[[Sequence[Any], Note], Any]] = {
    "associative_scan": _associative_scan,
    "cond": _cond,
    "hints_wrapper": _first_applied,
    "invoke_subgraph": _subgraph,
    "map_impl": _map,
    "out_dtype": _subgraph,
    "scan": _scan,
    "strict_mode": _first_applied,
    "switch": _switch,
    "while_loop": _while_loop,
}
