"""Operators that take functions, run as they are written: the bodies of loops and branches are counted as they run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor


class Pass(Protocol):
    """The pass in which bodies run."""

    def note(self, words: str) -> None:
        """Note what of a loop or branch is not known."""
        ...

    def larger(self, branches: Sequence[Callable[..., Any]], operands: Sequence[Any], words: str) -> Any:
        """Run the branch that has more arithmetic; note ``words`` where they differ."""
        ...


_EITHER = "Which branch of a cond runs depends on values: the one with more MACs is counted."
_ONCE = "The body of a while_loop is counted once: how often it runs depends on values."


def run_bodies(name: str, args: Sequence[Any], here: Pass) -> Any:
    """Run an operator of ``torch._higher_order_ops`` by its own definition; NotImplemented where it is none of these.

    Args:
        name: of the operator, such as ``scan``.
        args: what it is called with.
        here: told where a trip count or a branch is not known.
    """
    run = _RUN.get(name)
    return NotImplemented if run is None else run(args, here)


def _cond(args: Sequence[Any], here: Pass) -> Any:
    predicate, yes, no, operands = args
    if _is_unknown(predicate):
        return here.larger((yes, no), operands, _EITHER)
    return (yes if bool(predicate) else no)(*operands)


def _switch(args: Sequence[Any], here: Pass) -> Any:
    index, branches, operands = args
    if _is_unknown(index):
        return here.larger(branches, operands, _EITHER)
    return branches[int(index)](*operands)


def _is_unknown(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_meta


def _while_loop(args: Sequence[Any], here: Pass) -> Any:
    go_on, body, carried, additional = args
    while True:
        wanted = go_on(*carried, *additional)
        if _is_unknown(wanted):
            here.note(_ONCE)
            return tuple(body(*carried, *additional))
        if not bool(wanted):
            return tuple(carried)
        carried = body(*carried, *additional)


def _scan(args: Sequence[Any], here: Pass) -> Any:
    combine, carried, slices, additional = args
    kept = []
    for i in range(slices[0].shape[0]):
        out = combine(*carried, *(one[i] for one in slices), *additional)
        carried, found = out[: len(carried)], out[len(carried) :]
        kept.append(found)
    return (*carried, *(torch.stack(each) for each in zip(*kept, strict=True)))


def _map(args: Sequence[Any], here: Pass) -> Any:
    function, slices, additional = args
    found = [function(*(one[i] for one in slices), *additional) for i in range(slices[0].shape[0])]
    return tuple(torch.stack(each) for each in zip(*found, strict=True))


def _associative_scan(args: Sequence[Any], here: Pass) -> Any:
    from torch._higher_order_ops.associative_scan import generic_associative_scan

    combine, slices, additional = args
    return generic_associative_scan(combine, slices, additional_inputs=additional)  # type: ignore[no-untyped-call]


def _first_applied(args: Sequence[Any], here: Pass) -> Any:
    function, operands, *_ = args
    return function(*operands)


def _subgraph(args: Sequence[Any], here: Pass) -> Any:
    function, _, *operands = args
    return function(*operands)


_RUN: dict[str, Callable[[Sequence[Any], Pass], Any]] = {
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
