"""A device that is none: tensors that say they are elsewhere, are computed on the CPU, and refuse to meet it.

What runs on it with the right numbers moves everything to the device that it was given, and makes nothing beside it.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "pretend"
aten = torch.ops.aten
KERNELS = torch.library.Library("aten", "IMPL")


class Elsewhere(torch.Tensor):
    """A tensor of the pretended device, which holds one of the CPU."""

    @staticmethod
    def __new__(cls, held):
        made = torch.Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype,
            device=torch.device(NAME, 0), requires_grad=False,
        )  # fmt: skip
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return on_device(func, args, kwargs or {})


def on_device(func, args, kwargs):
    """Run an operator of which some tensor, or what it makes, is elsewhere."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    theirs = [leaf for leaf in tensors if isinstance(leaf, Elsewhere)]
    moves = func in (aten._to_copy.default, aten.copy_.default)
    strangers = [leaf for leaf in tensors if not isinstance(leaf, Elsewhere) and leaf.dim() > 0]
    indexes = func in (aten.index.Tensor, aten.index_put_.default, aten._index_put_impl_.default)  # may be of the CPU
    if theirs and strangers and not moves and not (indexes and isinstance(args[0], Elsewhere)):
        raise AssertionError(f"{func} mixes a tensor of the device with {tuple(strangers[0].shape)} of the CPU")
    device = kwargs.get("device")
    is_there = bool(theirs) if device is None else torch.device(device).type == NAME
    if func is aten.copy_.default:
        is_there = isinstance(args[0], Elsewhere)
    plain = {key: "cpu" if key == "device" and value is not None else value for key, value in kwargs.items()}
    held = tree_map(lambda x: x.held if isinstance(x, Elsewhere) else x, (args, plain))
    out = func(*held[0], **held[1])
    known = {id(leaf.held): leaf for leaf in theirs}  # what works in place gives what it was given

    def wrapped(x):
        if not is_there or not isinstance(x, torch.Tensor):
            return x
        return known[id(x)] if id(x) in known else Elsewhere(x)

    return tree_map(wrapped, out)


def _empty(size, stride, dtype=None, layout=None, device=None, pin_memory=None):
    return Elsewhere(torch.empty_strided(size, stride, dtype=dtype, device="cpu"))


def _copy_from(source, target, non_blocking=False):
    held_of(target).copy_(held_of(source))
    return target


def held_of(x):
    return x.held if isinstance(x, Elsewhere) else x


class Here(TorchDispatchMode):
    """Makes tensors that are asked for on the pretended device, and counts what is made on either."""

    def __init__(self):
        super().__init__()
        self.there = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = on_device(func, args, kwargs or {})
        self.there += sum(isinstance(leaf, Elsewhere) for leaf in tree_leaves(out))
        return out


def register():
    """Make the device known to torch, once in a process."""
    if torch.utils.backend_registration._get_privateuse1_backend_name() != NAME:
        torch.utils.backend_registration._setup_privateuseone_for_python_backend(NAME)
        # ``torch.tensor(…, device=…)`` asks the device itself, past every mode.
        KERNELS.impl("empty_strided", lambda size, stride, **kwargs: _empty(size, stride, **kwargs), "PrivateUse1")
        KERNELS.impl("_copy_from", _copy_from, "PrivateUse1")


@contextmanager
def pretended():
    """Have torch know the device inside."""
    register()
    with ExitStack() as stack:
        yield stack.enter_context(Here())
