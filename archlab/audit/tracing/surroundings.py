"""What of PyTorch is different while a forward is traced: it is put back afterwards.

No attention kernel is fused, nothing is compiled, and no forward needs a GPU that is not there.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn


@contextlib.contextmanager
def traced_surroundings(meta: bool) -> Iterator[None]:
    """Open all of them; ``meta`` says whether tensors have no data, and so need no device."""
    no_gpu = _gpu_not_needed() if meta else contextlib.nullcontext()
    with _attention_unfused(), _autocast_knows_meta(), _compiler_off(), no_gpu:
        yield


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Put ``value`` in the place of an attribute, and what was there back."""
    own = name in vars(owner)
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)


@contextlib.contextmanager
def _attention_unfused() -> Iterator[None]:
    """Run attention modules operator by operator, not in the one fused kernel that they have for inference."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextlib.contextmanager
def _autocast_knows_meta() -> Iterator[None]:
    """Let ``torch.autocast("meta", …)`` do nothing: it knows no meta device, even where it is not enabled."""
    original = torch.autocast.__init__

    def init(self: torch.autocast, device_type: str, *args: Any, **kwargs: Any) -> None:
        if device_type == "meta":
            original(self, "cpu", enabled=False)
        else:
            original(self, device_type, *args, **kwargs)

    with replaced(torch.autocast, "__init__", init):
        yield


@contextlib.contextmanager
def _compiler_off() -> Iterator[None]:
    """Run what is compiled as what it was compiled from, and compile nothing.

    Where the compiler was never imported nothing is compiled yet, and importing it would take seconds.
    """

    def compiled(model: Callable[..., Any] | None = None, **_: Any) -> Any:
        return (lambda function: function) if model is None else model

    with contextlib.ExitStack() as stack:
        stack.enter_context(replaced(torch, "compile", compiled))
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


@contextlib.contextmanager
def _gpu_not_needed() -> Iterator[None]:
    """Let a literal ``.cuda()`` leave a tensor or module where it is: without data it is nowhere."""
    if torch.cuda.is_available():
        yield
        return

    def stay(self: Any, *_: Any, **__: Any) -> Any:
        return self

    with replaced(Tensor, "cuda", stay), replaced(nn.Module, "cuda", stay):
        yield
