"""One forward of a model under the tracer: on meta tensors, or for real where that cannot be."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import GeneratorType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from archlab.audit.tracing.arguments import has_own_memory, is_small
from archlab.audit.tracing.copy_inputs import copy_inputs, named_leaves
from archlab.audit.tracing.fully_sharded import refuse_flattened
from archlab.audit.tracing.meta_tensors import LAZY, Twins
from archlab.audit.tracing.model_copy import copy_model
from archlab.audit.tracing.modules_followed import module_names, modules_followed
from archlab.audit.tracing.other_code import other_code_followed
from archlab.audit.tracing.preserve import preserve_generators, preserve_model, set_mode
from archlab.audit.tracing.ragged import as_jagged, ragged_followed
from archlab.audit.tracing.recording import Recording
from archlab.audit.tracing.script_notes import script_notes
from archlab.audit.tracing.surroundings import traced_surroundings
from archlab.audit.tracing.threads import threads_followed
from archlab.audit.tracing.tracer import Tracer
from archlab.errors import AuditError

_ATTEMPTS = (
    (True, False, False),
    (True, False, True),
    (True, True, False),
    (True, True, True),
    (False, False, False),
    (False, True, False),
)
"""What is tried one after the other: without data or not, above autograd or below it, with room for larger values."""

_COMPILER = "torch._dynamo"

_CHANGED = "The forward changed {}, which could not be put back."

StandIn = Callable[[], contextlib.AbstractContextManager[Any]]
"""Opens a context in which steps that depend on values are replaced."""


@dataclasses.dataclass(frozen=True)
class ForwardPass:
    """What a forward left.

    Attributes:
        model: the module that ran: of a compiled one, what it was compiled from.
        recording: its operators and memory.
        meta: whether it ran on tensors without data.
        reason: why an earlier try failed, where one did.
        inputs: the tensors that it was given, with the paths of the arguments.
        training: the mode that it ran in; None where the modes were left.
    """

    model: nn.Module
    recording: Recording
    meta: bool
    reason: str | None
    inputs: tuple[tuple[str, Tensor], ...]
    training: bool | None


def run_forward(
    original: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    training: bool | None = False,
    stand_in: StandIn = contextlib.nullcontext,
    real: bool = True,
) -> ForwardPass:
    """Run a model once, and leave it as it was.

    Where torch imports its compiler in the middle of that, it runs once more: the import, which a process's first batch
    norm without data brings about, keeps the frames above it until garbage is next collected, and so their tensors.

    Args:
        training: the mode that every module is set to; None leaves the modes.
        stand_in: a context for the pass over meta tensors, in which steps that depend on data are replaced.
        real: whether to run for real where a pass without data fails.

    Raises:
        AuditError: the forward fails on real tensors too, or the model has no real weights to try it with.
    """
    if _COMPILER not in sys.modules and any(isinstance(module, _NormBase) for module in original.modules()):
        importlib.import_module(_COMPILER)
    was_there = _COMPILER in sys.modules
    found = _run_once(original, args, kwargs, training, stand_in, real)
    if found.meta and not was_there and _COMPILER in sys.modules:
        return _run_once(original, args, kwargs, training, stand_in, real)
    return found


def _run_once(
    original: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    training: bool | None,
    stand_in: StandIn,
    real: bool,
) -> ForwardPass:
    """Run a model once, as ``run_forward`` says."""
    model = getattr(original, "_orig_mod", original)  # a compiled one runs as what it was compiled from
    refuse_flattened(model)
    if any(map(_is_lazy, (*model.parameters(), *model.buffers()))):
        model = _with_lazy_shapes(model, args, kwargs)
    names = module_names(model)
    failure = ""
    changed: dict[str, None] = {}
    for meta, gradients, roomy in _ATTEMPTS:
        if gradients and "grad" not in failure:
            continue
        if not meta and (not real or any(p.is_meta for p in original.parameters())):
            break
        recording = Recording()
        try:
            with (
                preserve_model(model, args, kwargs, values=not meta) as preserved,
                traced_surroundings(meta),
                stand_in() if meta else contextlib.nullcontext(),
            ):
                set_mode(model, training)
                for tensor in preserved.tensors:
                    recording.memory.ignore(tensor)
                given = _attempt(model, names, args, kwargs, recording, meta, gradients, roomy)
            for words in (*script_notes(model), *map(_CHANGED.format, changed | dict.fromkeys(preserved.left))):
                recording.note(words)
            reason = None if roomy and not gradients else failure or None
            return ForwardPass(model, recording, meta, reason, given, training)
        except (KeyboardInterrupt, MemoryError, AuditError):
            raise
        except (Exception, SystemExit) as error:  # a model is anybody's code: it may even exit
            where = _innermost(recording)
            changed |= dict.fromkeys(preserved.left)
            last = error, _describe(error, where), meta
            failure = failure or last[1]
    cause, message, meta = last
    if meta:
        hint = "if it needs values, build the model on a real device"
        raise AuditError(f"the forward fails without data: {message}", hint=hint) from cause
    raise AuditError(f"the forward fails: {message}", hint="check the inputs' shapes and types") from cause


def _with_lazy_shapes(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> nn.Module:
    """Copy a model and give its lazy layers the shapes that their first forward would; the original keeps none."""
    model = copy_model(model)
    with preserve_generators(), contextlib.suppress(Exception):  # what fails will fail again, and be reported
        _attempt(model, module_names(model), args, kwargs, Recording(), meta=True, gradients=False)
    return model


def _innermost(recording: Recording) -> str:
    path = max(recording.failed_in, key=len, default="")
    return f" in {path}" if path else ""


def _describe(error: BaseException, where: str) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}{where}: {lines[0][:200]}"


def _attempt(
    model: nn.Module,
    names: dict[int, str],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    recording: Recording,
    meta: bool,
    gradients: bool,
    roomy: bool = False,
) -> tuple[tuple[str, Tensor], ...]:
    tensors = [(n, p) for n, p in model.named_parameters(remove_duplicate=False) if not _is_lazy(p)]
    tracer = Tracer(recording, meta, tensors, roomy)
    for name, buffer in model.named_buffers(remove_duplicate=False):
        if not _is_lazy(buffer):
            recording.memory.ignore(buffer)
            recording.held.setdefault(id(buffer), name)
    for name, parameter in tensors:
        recording.held.setdefault(id(parameter), name)
    guard = torch.enable_grad if gradients else _below_autograd
    with guard():
        twins = Twins()
        prepare = (lambda t: _without_data(as_jagged(t), twins, roomy)) if meta else as_jagged
        args, kwargs, given = copy_inputs(args, kwargs, prepare)
        for _, tensor in given:
            recording.add_input(tensor)
        try:
            with (
                modules_followed(names, recording),
                other_code_followed(tracer),
                ragged_followed(),
                threads_followed(tracer, recording, guard),
                tracer,
            ):
                out = model(*args, **kwargs)
                if isinstance(out, GeneratorType):
                    collections.deque(out, maxlen=0)  # what it yields is computed as it yields it
                    out = None
                named = [(path, leaf) for path, leaf in named_leaves(out) if isinstance(leaf, Tensor)]
                tracer.look_for_strangers([tensor for _, tensor in named])
                recording.outputs = tuple((path, recording.argument(tensor)) for path, tensor in named)
                del out, named
        finally:
            tracer.journal.restore()
    return given


def _without_data(tensor: Tensor, twins: Twins, roomy: bool) -> Tensor:
    """Take the data from a large input; small ones keep them, since a forward may look at them."""
    if tensor.is_meta or is_small(tensor, roomy) or not has_own_memory(tensor):
        return tensor
    return twins.of(tensor)


def _is_lazy(tensor: Tensor) -> bool:
    return isinstance(tensor, LAZY)


@contextlib.contextmanager
def _below_autograd() -> Iterator[None]:
    """Let operators arrive whole, as inference mode does, but with tensors that can be used like any others."""
    with torch.no_grad(), torch._C._AutoDispatchBelowADInplaceOrView():
        yield
