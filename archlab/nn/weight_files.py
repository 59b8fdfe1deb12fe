"""Weights in files: safetensors, or a state dict as torch saves it; loaded as tensors alone, so that no code is run."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archlab.errors import InputError, printable
from archlab.files import write_atomic

SAFETENSORS = ".safetensors"
"""The end of a file's name by which its format is known; any other is torch's own."""

NESTED = ("state_dict", "model_state_dict", "model", "weights")
"""Keys under which others keep the state dict."""


def save_weights(module: nn.Module, path: Path, told: Mapping[str, str] | None = None) -> None:
    """Write a module's state dict, on the CPU: safetensors where ``path`` ends so, else as ``torch.save`` does.

    Args:
        told: what else a safetensors file says, by name; ``told_in`` reads it.

    Raises:
        InputError: the file cannot be written.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    if path.suffix != SAFETENSORS:
        save(state, path)
        return
    from safetensors.torch import save as to_bytes

    # Each on its own: the format refuses tensors that share their memory.
    tensors = {name: tensor.clone() for name, tensor in state.items()}
    write_atomic(path, to_bytes(tensors, None if told is None else dict(told)))


def load_weights(module: nn.Module, path: Path) -> None:
    """Copy the weights in a file into a module that has tensors of the same names and shapes, on its device.

    Raises:
        InputError: as ``load_state``; or names or shapes differ, and the message names the first that does.
    """
    put_state(module, load_state(path), str(path))


def put_state(module: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copy a state dict into a module that has tensors of the same names and shapes.

    Args:
        source: where it is from, for the message.

    Raises:
        InputError: names or shapes differ; the message names the first that does.
    """
    _refuse_difference(source, module.state_dict(), state)
    module.load_state_dict(dict(state))


def load_state(path: Path) -> dict[str, Tensor]:
    """Return the state dict in a file, on the CPU.

    The file is safetensors; or a state dict of torch's, or a dictionary that holds one as its ``state_dict``,
    ``model`` or ``weights``, without any code.

    Raises:
        InputError: there is no such file, or it holds more than tensors.
    """
    if path.suffix == SAFETENSORS:
        return _load_safetensors(path)
    found = load(path)
    nested = next((found[key] for key in NESTED if isinstance(found.get(key), Mapping)), None)
    state: Mapping[str, Any] = found if nested is None else nested
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    _refuse_missing(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        first = _reason(error)
        raise InputError(f"{path} cannot be read as safetensors: {first}") from error


def told_in(path: Path) -> dict[str, str]:
    """Return what a safetensors file says besides its tensors, by name.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    _refuse_missing(path)
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        first = printable(str(error).strip().split("\n")[0])[:200]
        raise InputError(f"{path} cannot be read as safetensors: {first}") from error


def digest(module: nn.Module) -> str:
    """Return a hash of a module's tensors, their names, shapes and values."""
    text = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        text.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        text.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return text.hexdigest()[:16]


def save(data: Mapping[str, Any], path: Path) -> None:
    """Write a dictionary of tensors and plain values in torch's format, the whole file or none of it.

    Raises:
        InputError: the file cannot be written.
    """
    content = io.BytesIO()
    torch.save(dict(data), content)
    write_atomic(path, content.getvalue())


def load(path: Path) -> dict[str, Any]:
    """Return the dictionary of tensors and plain values in a file of torch's format, on the CPU.

    Raises:
        InputError: there is no such file, or it holds anything else.
    """
    _refuse_missing(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, KeyError, EOFError, OSError, AttributeError) as error:
        first = _reason(error)
        raise InputError(
            f"{path} cannot be read as weights: {first}",
            hint="save them with torch.save(module.state_dict(), FILE): tensors alone, without classes of your own",
        ) from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise InputError(f"{path} holds {type(found).__name__}, and weights are a dictionary from names to tensors")
    return found


def _reason(error: Exception) -> str:
    """Return the first line of what a reader says, in words where that is a pickle's code alone."""
    if isinstance(error, pickle.UnpicklingError):
        return "it holds other things than tensors, or is no file of torch's"  # torch's advice is to run what is in it
    first = printable(str(error).strip().split("\n")[0])[:200]
    return first if " " in first else f"it is no such file ({type(error).__name__}: {first})"


def _refuse_missing(path: Path) -> None:
    if not os.path.isfile(path):
        raise InputError(f"there is no file of weights {path}")


def _refuse_difference(source: str, own: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    for name, tensor in own.items():
        if not isinstance(state.get(name), Tensor):
            near = f"; it has {printable(next(iter(state)))[:80]}" if state else ""
            raise InputError(f"{source} has no tensor {name}{near}", hint="give the weights of this very network")
        if state[name].shape != tensor.shape:
            shapes = " and ".join("x".join(map(str, t.shape)) or "a number" for t in (state[name], tensor))
            raise InputError(f"{source}: {name} and the network's differ in shape, {shapes}")
    extra = next((name for name in state if name not in own), None)
    if extra is not None:
        raise InputError(f"{source} has a tensor {printable(extra)[:80]}, and the network has none of that name")
