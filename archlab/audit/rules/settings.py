"""What an operator is set to: kernel, stride, padding, dilation and groups, read off its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

Settings = dict[str, int | str | tuple[int, ...]]
"""By name; of an operator that has none of them it is empty."""

NAMES = ("kernel", "stride", "padding", "dilation", "groups")
_HAS_SETTINGS = frozenset({"stride", "groups", "kernel_size", "num_groups"})
_ALIASES = {"kernel_size": "kernel", "num_groups": "groups"}


def settings_of(arguments: Sequence[tuple[str, Any]], args: Sequence[Any]) -> Settings:
    """Return the settings among an operator's arguments.

    Args:
        arguments: their names and defaults, in the order of its schema; ``args`` may end before them.
    """
    if not _HAS_SETTINGS & {name for name, _ in arguments}:
        return {}
    values = {name: args[i] if i < len(args) else default for i, (name, default) in enumerate(arguments)}
    found: Settings = {}
    for name, value in values.items():
        known = _ALIASES.get(name, name)
        if known in NAMES and isinstance(value, int | str | list | tuple):
            found[known] = tuple(value) if isinstance(value, list | tuple) else value
        elif name == "weight" and isinstance(value, Tensor) and "stride" in values:
            found["kernel"] = tuple(value.shape[2:])
    if found.get("stride") == () and "kernel" in found:
        found["stride"] = found["kernel"]  # pooling without a stride steps by its kernel
    return {name: found[name] for name in NAMES if name in found}
