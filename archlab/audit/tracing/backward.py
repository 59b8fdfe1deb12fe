"""One training step under the tracer: the forward on a copy without weights, and what autograd runs after it."""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import GeneratorType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from archlab.audit.tracing.arguments import has_own_memory, is_small
from archlab.audit.tracing.control_flow import run_bodies
from archlab.audit.tracing.copy_inputs import copy_inputs
from archlab.audit.tracing.meta_tensors import Twins
from archlab.audit.tracing.model_copy import copy_without_values
from archlab.audit.tracing.modules_followed import module_names, modules_followed
from archlab.audit.tracing.other_code import other_code_followed
from archlab.audit.tracing.preserve import preserve_model, set_mode
from archlab.audit.tracing.ragged import as_jagged, ragged_followed
from archlab.audit.tracing.recording import OperatorCall, Recording
from archlab.audit.tracing.surroundings import replaced, traced_surroundings
from archlab.audit.tracing.threads import threads_followed
from archlab.audit.tracing.tracer import Tracer
from archlab.errors import AuditError


@dataclass(frozen=True)
class BackwardPass:
    """What autograd ran: its operators, each in the module whose forward it belongs to, and the peak of the step."""

    calls: tuple[OperatorCall, ...]
    peak: int


def run_backward(original: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> BackwardPass:
    """Run a training step without data: a forward in training mode, and the gradients of all that is trained.

    Raises:
        AuditError: the step fails without data, or nothing in it has a gradient.
    """
    recording = Recording()
    try:
        original = getattr(original, "_orig_mod", original)
        with preserve_model(original), traced_surroundings(meta=True):
            return _step(original, args, kwargs, recording)
    except (KeyboardInterrupt, MemoryError, AuditError):
        raise
    except (Exception, SystemExit) as error:  # a model is anybody's code
        words = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise AuditError(f"the backward pass fails without data: {words}") from error


def _step(original: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], recording: Recording) -> BackwardPass:
    model = copy_without_values(original, small_buffers=True)
    set_mode(model, training=True)
    places = _Places(recording)
    tracer = Tracer(recording, True, model.named_parameters(remove_duplicate=False))
    tracer.makes_numbers = False
    for buffer in model.buffers():
        recording.memory.ignore(buffer)
    twins = Twins()
    with torch.enable_grad():
        args, kwargs, given = copy_inputs(args, kwargs, lambda t: as_jagged(t) if _is_kept(t) else twins.of(t))
        for _, tensor in given:
            recording.add_input(tensor)
        with (
            modules_followed(module_names(model), recording, places.note),
            other_code_followed(tracer),
            ragged_followed(),
            _bodies_below_autograd(tracer),
            threads_followed(tracer, recording, torch.enable_grad),
            tracer,
        ):
            out = model(*args, **kwargs)
            if isinstance(out, GeneratorType):
                out = list(out)
            results = [t for t in pytree.tree_leaves(out) if isinstance(t, Tensor) and t.requires_grad]
            trained = [p for p in model.parameters() if p.requires_grad]
            if not results or not trained:
                raise AuditError("the forward puts out nothing that has a gradient")
            seeds = [torch.empty_like(t) for t in results]
            first = len(recording.calls)
            with _Placing(places):
                torch.autograd.backward(results, seeds)  # not grad(): a reentrant checkpoint refuses it
            del out, results
    return BackwardPass(tuple(recording.calls[first:]), recording.memory.peak)


@contextlib.contextmanager
def _bodies_below_autograd(tracer: Tracer) -> Iterator[None]:
    """Run the bodies of loops and branches where they are called, so that autograd sees what they are made of."""
    kind = torch._ops.HigherOrderOperator
    original: Any = kind.__call__

    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        done = NotImplemented if kwargs or tracer.is_busy() else run_bodies(self.name(), args, tracer)
        return original(self, *args, **kwargs) if done is NotImplemented else done

    with replaced(kind, "__call__", call):
        yield


def _is_kept(tensor: Tensor) -> bool:
    """Return whether an input keeps its values: small integers and truth values, and what has no form without them."""
    is_number = tensor.is_floating_point() or tensor.is_complex()
    return tensor.is_meta or not has_own_memory(tensor) or tensor.is_nested or (is_small(tensor) and not is_number)


class _Places:
    """Which module made which nodes of autograd's graph: nodes are numbered as they are made."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._numbers: list[int] = []
        self._paths: list[str] = []

    def note(self) -> None:
        """Note that what is made from now on belongs to the module that runs now."""
        self._numbers.append(torch._C._autograd._get_sequence_nr())
        self._paths.append(self.recording.stack[-1])

    def of(self, node: Any) -> str:
        """Return the path of the module that made a node."""
        if node is None:
            return ""
        place = bisect.bisect_right(self._numbers, node._sequence_nr())
        return self._paths[place - 1] if place else ""


class _Placing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Let each operator of the backward pass stand in the module to whose forward it belongs."""

    supports_higher_order_operators = True

    def __init__(self, places: _Places) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._places = places

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        # The lowest of the stack: above it are modules that run again, as in a checkpoint.
        self._places.recording.stack[0] = self._places.of(torch._C._current_autograd_node())
        return func(*args, **(kwargs or {}))
