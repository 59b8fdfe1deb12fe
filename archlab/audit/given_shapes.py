"""Shapes in place of tensors: ``audit(model, (1, 3, 224, 224))`` and ``audit(model, "3x224x224")``.

A tuple is a whole shape, the batch included; a text is read as ``--input`` is, see ``input_spec``. Where any argument
is a tensor, or anything else than numbers, texts and containers of them, nothing is a shape: ``model(x, (7, 7))`` is
called as it stands. What could be either is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archlab.audit.input_spec import InputSpec, TensorSpec, is_shape_text, parse_inputs, tensor_of
from archlab.errors import InputError, quote

_ATOMS = (str, bytes, int, float, complex, type(None))
_WAY_OUT = "give tensors, or describe the call in a file such as spec.json"


def shapes_given(args: Sequence[Any], kwargs: Mapping[str, Any]) -> InputSpec | None:
    """Return the call whose tensors these arguments describe; None where they describe none.

    Raises:
        InputError: an argument looks like a shape and is none, or could be a shape and a value.
    """
    if not all(map(_is_plain, (*args, *kwargs.values()))):
        return None
    if any(isinstance(arg, str) and arg.endswith(".json") for arg in args):
        if len(args) > 1 or kwargs:
            raise InputError("a file describes the whole call", hint="give nothing beside it")
        return parse_inputs(args, 1)
    positional = tuple(_positional(arg, f"argument {i}") for i, arg in enumerate(args, start=1))
    described = any(isinstance(arg, TensorSpec) for arg in positional)
    by_name = {name: _keyword(value, name, described) for name, value in kwargs.items()}
    described = described or any(isinstance(value, TensorSpec) for value in by_name.values())
    return InputSpec(positional, by_name) if described else None


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, _ATOMS)


def _positional(value: Any, where: str) -> Any:
    """Return the tensor that an argument describes, or the argument where it can be none."""
    if isinstance(value, str):
        parsed = parse_inputs((value,), 1)
        assert parsed is not None
        return parsed.args[0]
    if isinstance(value, tuple) and value and all(map(_is_size, value)):
        return tensor_of(value, f"{where}, {value}")
    if isinstance(value, list) and len(value) > 1 and all(map(_is_size, value)):
        raise InputError(
            f"{where}, {_cut(value)}, could be a shape or values",
            hint=f"write a shape as a tuple; or {_WAY_OUT}",
        )
    if isinstance(value, list | tuple) and any(map(_looks_like_shape, value)):
        raise InputError(
            f"{where}, {_cut(value)}, could be several tensors or a list of them",
            hint=f"give each shape as an argument of its own; or {_WAY_OUT}",
        )
    if isinstance(value, tuple):
        raise InputError(
            f"{where}, {_cut(value)}, is no shape: its sizes must be whole numbers from 0",
            hint="write it like (1, 3, 224, 224)",
        )
    return value


def _keyword(value: Any, name: str, described: bool) -> Any:
    """Return the tensor that a keyword describes, or its value; beside other shapes it could be either."""
    if not _looks_like_shape(value):
        return value
    if described:
        raise InputError(f"{name}={_cut(value)} could be the shape of a tensor or a value", hint=_WAY_OUT)
    return _positional(value, name)


def _looks_like_shape(value: Any) -> bool:
    if isinstance(value, str):
        return is_shape_text(value)
    return isinstance(value, tuple) and bool(value) and all(map(_is_size, value))


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _cut(value: Any) -> str:
    return quote(repr(value))[1:-1]
