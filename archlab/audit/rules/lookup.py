"""What is known of an operator before it runs: its rule, whether it unfolds, what it writes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from archlab.audit.counts import Counts
from archlab.audit.rules.backward import of_outputs
from archlab.audit.rules.own_rules import own_rule
from archlab.audit.rules.rule import Args, Rule, no_arithmetic, per_output
from archlab.audit.rules.rule_table import FILLS, GATHERS, NO_ARITHMETIC, RULES

_STATISTICS = frozenset({"running_mean", "running_var"})
"""Norms in training update these, of which their schemas say nothing."""
_COMPOSITE = "CompositeImplicitAutograd"
_NAMESPACES_WITHOUT_ARITHMETIC = frozenset(
    {"profiler", "c10d", "_c10d_functional", "_c10d_functional_autograd", "symm_mem", "_dtensor", "fsdp"}
)
"""Of profilers, and of collectives, which move values between devices."""


@dataclass(frozen=True, slots=True)
class KnownOperator:
    """What is known of an operator.

    Attributes:
        name: its name without namespace ``aten``, overload and the underscore of in-place ones.
        target: in full, such as ``aten.conv2d.default``.
        rule: its arithmetic; None where it is not known.
        own: the rule is one of the user's own.
        composite: it has no rule, but is made of operators that may have one.
        writes: positions of the arguments that it writes to.
        hidden_writes: positions of those that it may write to though its schema does not say so.
        arguments: the names and defaults of its arguments.
        gathers: it reads only part of its first argument.
        factory: it makes tensors on a device that its caller names.
        fills: its values do not depend on those of its arguments.
        takes_form: of its second argument it takes no more than the shape.
        cacheable: its output's form follows from the form of its arguments.
        in_place: its output is its first argument, of which it changes no more than the values.
    """

    name: str
    target: str
    rule: Rule | None
    own: bool = False
    composite: bool = False
    writes: tuple[int | str, ...] = ()
    hidden_writes: tuple[int, ...] = ()
    arguments: tuple[tuple[str, Any], ...] = ()
    gathers: bool = False
    factory: bool = False
    fills: bool = False
    takes_form: bool = False
    cacheable: bool = False
    in_place: bool = False

    def in_order(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Args:
        """Return all arguments by position."""
        if not kwargs:
            return args
        return [*args, *(kwargs.get(name, default) for name, default in self.arguments[len(args) :])]

    def written_to(self, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Tensor]:
        """Return the tensors that it writes to, or may write to."""
        found: list[Tensor] = []
        for where in (*self.writes, *self.hidden_writes):
            value = kwargs.get(where) if isinstance(where, str) else args[where] if where < len(args) else None
            if isinstance(value, Tensor):
                found.append(value)
            elif isinstance(value, list | tuple):
                found.extend(item for item in value if isinstance(item, Tensor))
        return found


def look_up(operator: Any) -> KnownOperator:
    """Look up an ``OpOverload``."""
    schema = operator._schema
    namespace, _, base = schema.name.partition("::")
    plain = base if base.startswith("__") or base in NO_ARITHMETIC else base.rstrip("_")
    name = plain if namespace == "aten" else f"{namespace}::{plain}"
    rule = _rule(operator, name)
    writes = tuple(
        argument.name if argument.kwarg_only else position
        for position, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    in_place = (
        writes == (0,)
        and base.endswith("_")
        and base not in NO_ARITHMETIC
        and torch.Tag.inplace_view not in operator.tags
    )
    composite = rule is None and torch._C._dispatch_has_kernel_for_dispatch_key(operator.name(), _COMPOSITE)
    names = [argument.name for argument in schema.arguments]
    takes_tensors = any("Tensor" in str(argument.type) for argument in schema.arguments)
    return KnownOperator(
        name=name,
        target=str(operator),
        rule=rule,
        own=own_rule(name) is not None,
        composite=composite,
        writes=writes,
        hidden_writes=tuple(i for i, argument in enumerate(names) if argument in _STATISTICS and i not in writes),
        arguments=tuple((a.name, a.default_value if a.has_default_value() else None) for a in schema.arguments),
        gathers=name in GATHERS,
        fills=name in FILLS,
        takes_form=name in ("expand_as", "view_as", "reshape_as"),
        factory="device" in names and not takes_tensors,
        cacheable=in_place
        or (not writes and not operator.is_view and name not in NO_ARITHMETIC and len(schema.returns) == 1),
        in_place=in_place,
    )


def look_up_higher_order(operator: Any) -> KnownOperator:
    """Look up an operator that takes functions, such as ``flex_attention``: it has a rule or is not counted."""
    name = operator.name()
    return KnownOperator(name, name, own_rule(f"higher_order::{name}") or RULES.get(name))


def _rule(operator: Any, name: str) -> Rule | None:
    own = own_rule(name)
    if own is not None:
        return own
    if name in RULES:
        return RULES[name]
    if name.partition("::")[0] in _NAMESPACES_WITHOUT_ARITHMETIC:
        return no_arithmetic
    if (
        name in NO_ARITHMETIC
        or operator.is_view
        or torch.Tag.view_copy in operator.tags
        or name.removesuffix("_copy") in NO_ARITHMETIC
    ):
        return no_arithmetic
    tags = _tags(operator)
    if torch.Tag.pointwise in tags:
        return _pointwise
    if torch.Tag.reduction in tags:
        return _reduction
    composite = torch._C._dispatch_has_kernel_for_dispatch_key(operator.name(), _COMPOSITE)
    return of_outputs if "_backward" in name and not composite else None


def _tags(operator: Any) -> set[Any]:
    """Return an operator's tags, and an in-place one's plain form's too, since PyTorch tags some of those only."""
    tags = set(operator.tags)
    namespace, _, base = operator._schema.name.partition("::")
    plain = getattr(getattr(torch.ops, namespace), base.rstrip("_"), None) if base.endswith("_") else None
    if isinstance(plain, torch._ops.OpOverloadPacket):
        for overload in plain.overloads():  # type: ignore[no-untyped-call]
            tags.update(getattr(plain, overload).tags)
    return tags


_pointwise = per_output(1)


def _reduction(args: Args, out: Any) -> Counts:
    """Count one operation for each element taken in."""
    return Counts(elementwise=args[0].numel() if isinstance(args[0], Tensor) else 0)
