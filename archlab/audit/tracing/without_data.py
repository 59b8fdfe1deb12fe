"""How an operator runs on a pass over tensors without data: on its arguments' twins, or for real where all are small.

Its output's form is looked up where arguments of the same form came before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from archlab.audit.rules.lookup import KnownOperator
from archlab.audit.tracing.arguments import (
    form_of,
    have_same_memory,
    is_meta,
    is_small,
    map_tensors,
    off_device,
    on_meta,
    stand_in,
    with_values,
)
from archlab.audit.tracing.known_places import blank_of_form, with_known_places
from archlab.audit.tracing.meta_tensors import Journal, Twins, tensors_in
from archlab.audit.tracing.own_forms import form_with_sparse, own_form
from archlab.audit.tracing.recording import Recording

_META = torch.device("meta")
_UNKNOWN_LAYOUT = "A sparse matrix without values is counted as if it stored every element: the count is a bound."


class NeedsValuesError(Exception):
    """The forward asks for a value that a tensor without data does not have."""


class WithoutData:
    """Runs operators without data, and keeps what they write to.

    Args:
        recording: which memory the pass allocated, and where notes go.
        roomy: whether larger tensors than small ones keep their values too.
    """

    def __init__(self, recording: Recording, roomy: bool) -> None:
        self.recording = recording
        self.roomy = roomy
        self.journal = Journal()
        self.makes_numbers = True
        """Whether small tensors of numbers that are made on meta get values; autograd wants them with the weights."""
        self._twins = Twins()
        self._forms: dict[Any, tuple[Any, ...]] = {}
        self._parameters: dict[int, str] = {}
        self._twin_of: dict[int, tuple[Tensor, Tensor]] = {}

    def on_meta(
        self, func: Any, known: KnownOperator, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]
    ) -> tuple[Any, Sequence[Any]]:
        """Return the output, without data or small and real, and the arguments that it was made from."""
        if known.fills and tensors[0].is_meta and self._may_make(kwargs.get("dtype") or tensors[0].dtype):
            args, tensors = (stand_in(tensors[0], known, self.roomy), *args[1:]), []
        if known.takes_form and self.stays_real(tensors[:1]):
            args, tensors = (args[0], blank_of_form(tensors[1])), tensors[:1]
        if any(t.layout is not torch.strided for t in tensors):
            form = form_with_sparse(known.name, known.in_order(args, kwargs))
            if form is not None:
                if any(t.layout is not torch.strided and t.is_meta for t in tensors):
                    self.recording.note(_UNKNOWN_LAYOUT)
                return form, args
        if tensors and all(t.is_meta for t in tensors):
            self._note_writes(known, args, kwargs)
            return self._with_form(func, known, args, off_device(kwargs)), args
        if self.stays_real(tensors):
            out = self._for_real(func, known, args, kwargs)
            if out is not NotImplemented:
                return out, args
        func, args, kwargs = with_known_places(known.name.rstrip("_"), (func, args, kwargs))
        args, kwargs = self.to_meta(args), {name: self.to_meta((v,))[0] for name, v in kwargs.items()}
        if known.factory:
            kwargs["device"] = _META
        self._note_writes(known, args, kwargs)
        return self._with_form(func, known, args, off_device(kwargs)), args

    def stays_real(self, tensors: list[Tensor]) -> bool:
        return all(
            not t.is_meta and id(t) not in self._parameters and is_small(t, self.roomy) and not self._twins.replaces(t)
            for t in tensors
        )

    def _for_real(self, func: Any, known: KnownOperator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result computed on real data, or NotImplemented where that would be large."""
        try:
            twins = Twins()
            trial = func(
                *map_tensors(args, twins.of),
                **{k: map_tensors((v,), twins.of)[0] for k, v in on_meta(kwargs, known).items()},
            )
        except (NotImplementedError, RuntimeError):
            trial = ()  # such as nonzero: only the data say how large its output is
        made = tensors_in((trial,) if isinstance(trial, Tensor) else iterable(trial), [])
        if not all(is_small(t, self.roomy) for t in made):
            return NotImplemented
        if known.factory and is_meta(kwargs.get("device")) and not all(self._may_make(t.dtype) for t in made):
            return NotImplemented
        self.remember_writes(known, args, kwargs)
        try:
            # Where the pass put tensors on meta, a forward that asks for that device means where its values are.
            return func(*map(with_values, args), **{name: with_values(value) for name, value in kwargs.items()})
        except RuntimeError:
            if known.name != "scaled_dot_product_attention":
                raise
            return NotImplemented  # the processor's kernel alone takes no mask of a larger batch

    def _may_make(self, dtype: torch.dtype) -> bool:
        return self.makes_numbers or not (dtype.is_floating_point or dtype.is_complex)

    def remember_writes(self, known: KnownOperator, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        for tensor in known.written_to(args, kwargs):
            self.keep(tensor)

    def _note_writes(self, known: KnownOperator, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        for tensor in known.written_to(args, kwargs):
            self._twins.note_write(tensor)

    def keep(self, tensor: Tensor) -> None:
        """Journal the memory behind a tensor that is not the pass's own, before something writes to it."""
        if not tensor.is_meta and tensor.layout is torch.strided and not self.recording.memory.has_allocated(tensor):
            self.journal.keep(tensor)

    def to_meta(self, values: Sequence[Any]) -> tuple[Any, ...]:
        return map_tensors(values, self._twin)

    def _twin(self, tensor: Tensor) -> Tensor:
        if tensor.is_meta:
            return tensor
        if tensor.layout is not torch.strided:
            raise NeedsValuesError(f"a tensor in {tensor.layout} layout has no form without its values")
        kept = self._twin_of.get(id(tensor))
        if kept is None:
            twin = self._twins.of(tensor)
            self.recording.memory.ignore(twin)
            if id(tensor) not in self._parameters:
                return twin
            kept = self._twin_of[id(tensor)] = tensor, twin
            self._parameters[id(twin)] = self._parameters[id(tensor)]
        return kept[1]

    def _with_form(self, func: Any, known: KnownOperator, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Return the output without data; its form is known where arguments of the same form came before."""
        own = own_form(known.name, known.in_order(args, kwargs))
        if own is not None:
            return own
        if not known.cacheable:
            return func(*args, **kwargs)
        try:
            key = (func, *map(form_of, args), *((name, form_of(value)) for name, value in kwargs.items()))
            form = self._forms.get(key)
        except TypeError:
            return func(*args, **kwargs)
        if form is not None:
            if known.in_place:
                return args[0]
            return torch.empty_strided(form[0], form[1], dtype=form[2], device=_META)
        out = func(*args, **kwargs)
        if known.in_place:
            self._forms[key] = ()
        elif isinstance(out, Tensor) and out.layout is torch.strided and out.is_meta:
            inputs = tensors_in(kwargs.values(), tensors_in(args, []))
            if not any(have_same_memory(out, t) for t in inputs):
                self._forms[key] = tuple(out.shape), out.stride(), out.dtype
        return out


def iterable(value: Any) -> Sequence[Any]:
    """Return the parts of what an operator puts out, where it puts out several."""
    return value if isinstance(value, tuple | list) else ()
