"""What a model is called with: ``3x224x224``, or a file that describes any call.

A file holds JSON: ``{"args": […], "kwargs": {…}}``, either of which may be left out. In it
``{"shape": ["N", 3, 224, 224]}`` is a tensor, with ``"dtype"`` (float32 by default) and, for integers, ``"high"``
(values are below it; 2 by default), and ``"N"`` is the batch. Lists and objects nest; numbers, texts, true, false and
null are handed over as they are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from archlab.errors import InputError, did_you_mean, quote
from archlab.ir import show_shape
from archlab.reading import read_json

MAX_ELEMENTS = 2**34
MAX_DIMS = 64
MAX_SPEC_BYTES = 2**20
_SHAPE = re.compile(r"([0-9]{1,18}(?:x[0-9]{1,18})*)(?::([a-z0-9]+))?")
_NAMES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64")
_DTYPES: dict[str, torch.dtype] = {name: getattr(torch, name) for name in _NAMES}


@dataclass(frozen=True)
class TensorSpec:
    """A tensor to make: its shape, the batch included, and for integers the bound of its values."""

    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32
    high: int = 2

    def make(self, device: str) -> torch.Tensor:
        """Make the tensor: without data on the meta device, random elsewhere.

        Raises:
            InputError: there is no memory for it.
        """
        try:
            return self._made(device)
        except RuntimeError as error:
            said = str(error).splitlines()[0][:200]
            raise InputError(f"a tensor of {show_shape(self.shape)[:80]} cannot be made: {said}") from error

    def _made(self, device: str) -> torch.Tensor:
        if device == "meta":
            return torch.empty(self.shape, dtype=self.dtype, device=device)
        if self.dtype.is_floating_point or self.dtype.is_complex:
            return torch.rand(self.shape, dtype=self.dtype, device=device)
        return torch.randint(0, self.high, self.shape, device=device).to(self.dtype)


@dataclass(frozen=True)
class InputSpec:
    """Arguments with tensors still to be made; ``note`` says what a reader of the audit should know of them."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None
    note: str = ""

    def make(self, device: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with their tensors made on ``device``."""
        return _make(self.args, device), _make(dict(self.kwargs or {}), device)

    def __str__(self) -> str:
        return ", ".join([*map(_describe, self.args), *(f"{k}={_describe(v)}" for k, v in (self.kwargs or {}).items())])


def images(*shapes: Sequence[int], batch: int = 1) -> InputSpec:
    """Describe a call with one batch for each shape."""
    return InputSpec(tuple(TensorSpec((batch, *shape)) for shape in shapes))


def parse_inputs(texts: Sequence[str], batch: int | None) -> InputSpec | None:
    """Read what ``--input`` describes: shapes without the batch, one for each tensor, or one file.

    Args:
        batch: how many images; None where nobody asked for a number, which is one.

    Raises:
        InputError: a text is neither, the file does not describe a call, or it has no batch and one was asked for; the
            message says where.
    """
    if not texts:
        return None
    if any(text.endswith(".json") for text in texts):
        if len(texts) > 1:
            raise InputError("--input takes one file, or shapes", hint="describe all inputs in the file")
        return read_spec(Path(texts[0]), batch)
    return InputSpec(tuple(_parse_shape(text, batch or 1) for text in texts))


def is_shape_text(text: str) -> bool:
    """Return whether ``parse_inputs`` takes a text for a shape."""
    return _SHAPE.fullmatch(text) is not None


def tensor_of(shape: Sequence[int], where: str) -> TensorSpec:
    """Describe a tensor of a whole shape, the batch included.

    Raises:
        InputError: a size is negative, or the tensor is too large; the message begins with ``where``.
    """
    return _checked(shape, "float32", 2, where)


def _parse_shape(text: str, batch: int) -> TensorSpec:
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise InputError(f"the input {text!r} is no shape", hint="write it like 3x224x224, 128:int64 or spec.json")
    return _checked((batch, *map(int, match[1].split("x"))), match[2] or "float32", 2, f"the input {text!r}")


def read_spec(path: Path, batch: int | None) -> InputSpec:
    """Read the call that a file describes; see the module.

    Raises:
        InputError: the file cannot be read, does not describe a call, or has no batch and one was asked for; the
            message says where.
    """
    data = read_json(path, dict, MAX_SPEC_BYTES)
    if not set(data) <= {"args", "kwargs"}:
        raise InputError(
            f"{path} must hold an object of args and kwargs", hint='such as {"args": [{"shape": ["N", 3, 224, 224]}]}'
        )
    args, kwargs = data.get("args", []), data.get("kwargs", {})
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise InputError(f"{path}: args must be a list and kwargs an object")
    if batch is not None and not _has_batch([args, kwargs]):
        raise InputError(
            f'{path}: --batch {batch} would change nothing, since no shape in it has "N"',
            hint='write "N" where the batch stands, such as {"shape": ["N", 3, 224, 224]}, or leave --batch out',
        )
    size = batch or 1
    # Item by item: an argument may be called "shape".
    return InputSpec(
        tuple(_parse(args, size, f"{path}: args")),
        {name: _parse(value, size, f"{path}: kwargs.{name}") for name, value in kwargs.items()},
    )


def _has_batch(value: Any) -> bool:
    """Whether a shape in a value has the batch among its sizes."""
    if isinstance(value, list):
        return any(map(_has_batch, value))
    if not isinstance(value, dict):
        return False
    shape = value.get("shape")
    return (isinstance(shape, list) and "N" in shape) or any(map(_has_batch, value.values()))


def _parse(value: Any, batch: int, where: str) -> Any:
    if isinstance(value, list):
        return [_parse(item, batch, f"{where}[{i}]") for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if "shape" not in value:
        return {name: _parse(item, batch, f"{where}.{name}") for name, item in value.items()}
    unknown = set(value) - {"shape", "dtype", "high"}
    if unknown:
        raise InputError(f"{where}: a tensor has no {quote(min(unknown))}", hint="it has shape, dtype and high")
    shape, high = value["shape"], value.get("high", 2)
    if not isinstance(shape, list) or type(high) is not int or not 1 <= high < 2**63:
        raise InputError(f"{where}: shape must be a list and high a whole number from 1 to 2**63 - 1")
    return _checked([batch if n == "N" else n for n in shape], value.get("dtype", "float32"), high, where)


def _checked(shape: Sequence[Any], dtype: Any, high: int, where: str) -> TensorSpec:
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in shape):
        raise InputError(f'{where}: sizes must be whole numbers or "N", not {quote(str(list(shape)))}')
    if len(shape) > MAX_DIMS:
        raise InputError(f"{where}: {len(shape):,} dimensions are more than {MAX_DIMS}")
    if max(shape, default=0) > MAX_ELEMENTS or math.prod(shape) > MAX_ELEMENTS:
        raise InputError(f"{where}: {show_shape(tuple(shape))[:80]} is more than {MAX_ELEMENTS} elements")
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise InputError(f"{where}: there is no type {quote(str(dtype))}", hint=did_you_mean(str(dtype), _DTYPES))
    return TensorSpec(tuple(shape), _DTYPES[dtype], high)


def _make(value: Any, device: str) -> Any:
    if isinstance(value, TensorSpec):
        return value.make(device)
    if isinstance(value, list | tuple):
        return type(value)(_make(item, device) for item in value)
    if isinstance(value, dict):
        return {name: _make(item, device) for name, item in value.items()}
    return value


def _describe(value: Any) -> str:
    if isinstance(value, TensorSpec):
        return show_shape(value.shape) + ("" if value.dtype is torch.float32 else f" {str(value.dtype)[6:]}")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_describe, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k}: {_describe(v)}' for k, v in value.items())}}}"
    return repr(value)
