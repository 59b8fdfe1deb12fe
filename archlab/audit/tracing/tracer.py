"""The tracer: one forward under a dispatch mode that sees every operator with its arguments, its output and its module.

The forward runs in inference mode, below autograd, where operators arrive as the model calls them (``conv2d``,
``linear``, ``scaled_dot_product_attention``, ``lstm``) and not in the pieces into which a device would break them.
So counts, and bytes in and out, are the same on every device. Only operators without a rule unfold into their pieces.

On meta tensors nothing is computed. Small real tensors that are no parameters (sizes, masks, anchors, schedules)
are computed for real all the same, so that a forward may look at them; what meets a tensor without data loses its
own. A model is never written to: what it would overwrite is journalled, and put back.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from archlab.audit.counts import Counts
from archlab.audit.operands import Argument
from archlab.audit.rules.lookup import KnownOperator, look_up, look_up_higher_order
from archlab.audit.rules.rule import NOTHING, complex_product
from archlab.audit.rules.settings import settings_of
from archlab.audit.tracing.control_flow import run_bodies
from archlab.audit.tracing.meta_tensors import tensors_in
from archlab.audit.tracing.recording import OTHER_THREADS, Recording
from archlab.audit.tracing.without_data import WithoutData, iterable

_META = torch.device("meta")
_MAY_TAKE_DATA = torch.ops.aten._has_compatible_shallow_copy_type.default
"""What ``parameter.data = tensor`` asks first."""

_TAKES_NEW = frozenset({"lift_fresh", "lift_fresh_copy", "lift"})
"""What takes tensors that were made of numbers, which no operator does."""


class Tracer(WithoutData, TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Record every operator of a forward.

    Args:
        recording: what the operators are written to.
        meta: whether to compute on tensors without data.
        parameters: the model's parameters by name; their twins stand for them.
        roomy: whether larger tensors than small ones keep their values too.
    """

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return no: to keep the compiler away takes importing all of it, and nothing compiled runs here."""
        return False

    def __init__(
        self, recording: Recording, meta: bool, parameters: Iterable[tuple[str, Tensor]], roomy: bool = False
    ) -> None:
        WithoutData.__init__(self, recording, roomy)
        TorchDispatchMode.__init__(self)  # type: ignore[no-untyped-call]
        self.meta = meta
        self._known: dict[Any, KnownOperator] = {}
        self.muted = False
        """Whether what runs is not the forward's own, such as a library's working out of shapes."""
        self.is_over = False
        """Whether the pass has ended: threads that it left behind run on unseen."""
        self.others_worked: Callable[[], bool] = lambda: False
        """Whether other threads, which are not followed, have worked since the pass began."""
        self._lock = threading.RLock()
        self._owner: int | None = None
        self._in_part = False
        """Whether this process's part of an operator runs, which is recorded for all processes at once."""
        self.fake = False
        """Whether the model itself is made of fake tensors."""
        for name, parameter in parameters:
            self._parameters.setdefault(id(parameter), name)
            self.fake |= type(parameter).__name__ == "FakeTensor"
            self.recording.memory.ignore(parameter)

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        with self._lock:
            before, self._owner = self._owner, threading.get_ident()
            try:
                return self._dispatch(func, types, args, kwargs or {})
            finally:
                self._owner = before

    def is_busy(self) -> bool:
        """Return whether this thread is in an operator that the tracer runs."""
        return self._owner == threading.get_ident()

    def _dispatch(self, func: Any, types: Sequence[type], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.muted or (not self.fake and any(kind.__name__ == "FakeTensor" for kind in types)):
            return func(*args, **kwargs)
        if func is _MAY_TAKE_DATA:  # asked of the tensors themselves: a parameter with data must not lose it
            return func(*args)
        if types and any(not _treated_as_plain(kind) for kind in types):
            if not self._in_part and any(kind.__name__ == "DTensor" for kind in types):
                return self._divided(func, args, kwargs)
            return NotImplemented  # a wrapper of tensors: it unfolds into operators on what it wraps
        if isinstance(func, torch._ops.HigherOrderOperator):
            return self._higher_order(func, args, kwargs)
        known = self.known(func)
        tensors = tensors_in(args, [])
        if kwargs:
            tensors_in(kwargs.values(), tensors)
        if known.composite:
            out = self._unfolded(func, args, kwargs, tensors)
            if out is not NotImplemented:
                return out
        sources = self.recording.sources(tensors)
        arguments = tuple(map(self.recording.argument, known.in_order(args, kwargs)))
        used = [self._parameters[id(t)] for t in tensors if id(t) in self._parameters]
        if len(sources) + len(used) < len(tensors) and not self._in_part and known.name not in _TAKES_NEW:
            self.look_for_strangers(tensors)
        if self.meta:
            out, given = self.on_meta(func, known, args, kwargs, tensors)
        else:
            self.remember_writes(known, args, kwargs)
            out, given = func(*args, **kwargs), args
        self._record(known, given, kwargs, tensors, out, sources, used, arguments)
        return out

    def _divided(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operator on tensors that are divided among processes, and record it as the one that it is for all."""
        known = self.known(func)
        tensors = tensors_in(kwargs.values(), tensors_in(args, []))
        if known.composite:
            out = self._unfolded(func, args, kwargs, [])
            if out is not NotImplemented:
                return out
        sources = self.recording.sources(tensors)
        arguments = tuple(map(self.recording.argument, known.in_order(args, kwargs)))
        used = [self._parameters[id(t)] for t in tensors if id(t) in self._parameters]
        self._in_part = True
        try:
            with self:
                out = func(*args, **kwargs)
        finally:
            self._in_part = False
        self._record(known, args, kwargs, tensors, out, sources, used, arguments)
        return out

    def _unfolded(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]) -> Any:
        """Run the operator in the pieces that it is made of, each of which comes back here."""
        if self.meta and not all(t.is_meta for t in tensors) and not self.stays_real(tensors):
            # Some look at the devices of their arguments before they unfold.
            args, kwargs = self.to_meta(args), {name: self.to_meta((v,))[0] for name, v in kwargs.items()}
        with self:
            return func.decompose(*args, **kwargs)

    def known(self, func: Any) -> KnownOperator:
        """Return what is known of an operator; it is looked up once."""
        known = self._known.get(func)
        if known is None:
            known = self._known[func] = look_up(func)
        return known

    def _higher_order(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operator that takes functions: those of control flow run these here; others have a rule or none."""
        with self:
            done = run_bodies(func.name(), args, self)
        if done is not NotImplemented:
            return done
        tensors = tensors_in(args, [])
        sources = self.recording.sources(tensors)
        arguments = tuple(map(self.recording.argument, args))
        out = func(*(self.to_meta(args) if self.meta else args), **kwargs)
        self._record(look_up_higher_order(func), args, {}, tensors, out, sources, [], arguments)
        return out

    def note(self, words: str) -> None:
        """Note what a reader should know."""
        self.recording.note(words)

    def larger(self, branches: Sequence[Callable[..., Any]], operands: Sequence[Any], words: str) -> Any:
        """Run the branch that has more arithmetic; note ``words`` where they differ."""
        costs = [self._cost(branch, operands) for branch in branches]
        if len(set(costs)) > 1:
            self.note(words)
        return branches[costs.index(max(costs))](*operands)

    def _cost(self, branch: Callable[..., Any], operands: Sequence[Any]) -> tuple[int, int]:
        """Return the MACs and all operations of a branch, and forget that it ran."""
        kept, calls = self.recording, dict(self.recording.module_calls)
        self.recording = kept.aside()
        try:
            branch(*operands)
            total = sum((call.counts for call in self.recording.calls), Counts())
        finally:
            self.recording = kept
            kept.module_calls.clear()
            kept.module_calls.update(calls)
        return total.macs, total.operations

    def look_for_strangers(self, tensors: list[Tensor]) -> None:
        """Note a tensor that nothing here made while other threads worked: it may be theirs."""
        if threading.active_count() == 1 or not any(map(self.recording.memory.is_strange, tensors)):
            return
        if self.others_worked():
            self.recording.note(OTHER_THREADS)

    # --- recording ----------------------------------------------------------------------------------------------

    def _record(
        self,
        known: KnownOperator,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        tensors: list[Tensor],
        out: Any,
        sources: tuple[int, ...],
        used: list[str],
        arguments: tuple[Argument, ...],
    ) -> None:
        if self._in_part:
            return
        outputs = [out] if isinstance(out, Tensor) else tensors_in(iterable(out), [])
        given = known.in_order(args, kwargs)
        arithmetic: Counts = NOTHING if known.rule is None else known.rule(given, out)
        if arithmetic.macs and outputs and outputs[0].is_complex():
            arithmetic = complex_product(arithmetic)
        settings = settings_of(known.arguments, given)
        self.recording.add_call(known, arithmetic, sources, used, settings, arguments, tensors, outputs)


@functools.cache
def _treated_as_plain(kind: type) -> bool:
    """Whether tensors of this class are what they look like, and no wrappers with operators of their own."""
    own = next(base for base in kind.__mro__ if "__torch_dispatch__" in vars(base) or base is Tensor)
    return own is Tensor or kind.__name__ == "FakeTensor"
