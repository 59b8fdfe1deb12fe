"""Rules of users' own: what their operators count, where archlab knows none or another."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from archlab.audit.counts import Counts
from archlab.audit.rules.rule import Args, Rule, elements
from archlab.errors import AuditError, InputError, quote

Amount = int | Callable[[Args, Any], int]
"""A number, or a function of an operator's arguments (all of them, by position) and its output."""

_NAME = re.compile(r"[A-Za-z_]\w*::[A-Za-z_]\w*")
_RULES: dict[str, Rule] = {}


def audit_rule(
    operator: str,
    *,
    macs: Amount = 0,
    bias: Amount = 0,
    norm: Amount = 0,
    pool: Amount = 0,
    elementwise: Amount = 0,
) -> None:
    """Say what an operator of your own counts, for every audit of this process from now on.

    An operator that is made of others is then counted as a whole. One that archlab counts can be given another rule,
    and an audit notes the rules of your own that it used. The same operator again replaces its rule.

    Args:
        operator: as it is registered, with its namespace and without overload, such as ``"mylib::rotate"``.
        macs, bias, norm, pool, elementwise: what one call counts (see ``Counts``): a number, or a function of the
            arguments and the output, such as ``lambda args, out: out.numel() * args[1].shape[-1]``.

    Raises:
        InputError: ``operator`` is no operator's name.
    """
    if not isinstance(operator, str) or not _NAME.fullmatch(operator):
        raise InputError(
            f"{quote(str(operator))} is no operator's name", hint="it has a namespace, such as mylib::rotate"
        )
    amounts = {"macs": macs, "bias": bias, "norm": norm, "pool": pool, "elementwise": elementwise}

    def rule(args: Args, out: Any) -> Counts:
        counted = {name: _amount(operator, name, amount, args, out) for name, amount in amounts.items()}
        return Counts(**counted, activations=elements(out) if counted["macs"] and out is not None else 0)

    _RULES[operator.removeprefix("aten::")] = rule


def own_rule(name: str) -> Rule | None:
    """Return the rule of a user's own for an operator, known by its name without namespace ``aten``."""
    return _RULES.get(name)


def _amount(operator: str, name: str, amount: Amount, args: Args, out: Any) -> int:
    try:
        value = amount(args, out) if callable(amount) else amount
        if isinstance(value, bool) or value != int(value) or value < 0:
            raise ValueError(f"{value!r} is no count")
        return int(value)
    except Exception as error:  # a user's own code
        words = f"{type(error).__name__}: {error}".splitlines()[0][:160]
        raise AuditError(f"the rule of your own for {operator} fails at {name}: {words}") from error
