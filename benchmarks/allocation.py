"""What a forward pass really allocates, by torch's profiler: the measured side of ``archlab.cost``'s memory."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import fx
from torch.profiler import ProfilerActivity, profile

from archlab.ir import Shape
from archlab.nn.blank_inputs import blank_inputs_for


@dataclass(frozen=True, slots=True)
class Allocated:
    """Bytes that one forward pass had allocated at most, the caller's input and the parameters aside.

    Attributes:
        peak: at any moment, what operators allocate for themselves included.
        values: at the end of any operator, when only the values that live on are left: what the closed form counts.
    """

    peak: int
    values: int


def allocated(module: fx.GraphModule, input_shape: Shape, channels_last: bool = True) -> Allocated:
    """Return what ``module``, in evaluation mode, allocates for one image of ``input_shape`` (C, H, W) on the CPU.

    ``values`` equals the closed form ``archlab.cost.cost(network).memory`` to the byte wherever the peak lies behind
    the first operator (before that the closed form counts the input, which here is the caller's). ``peak`` is larger
    by what the operators need for a moment:

    - oneDNN brings a convolution's weights into its own blocked layout: up to 9 MiB for a 3x3 of 512 channels;
    - where the tensors are not channels-last, it copies a convolution's input and output into blocked layout as
      well, and torch's im2col convolution unfolds its input; hence ``channels_last``, which is also the faster one;
    - batch norms hold two vectors of their channels.

    Torch's CPU allocator reports the bytes asked for; the 64 bytes to which it aligns each tensor are not among them.
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format
    image, *boxes = blank_inputs_for(module, input_shape)
    x = (image.contiguous(memory_format=layout), *boxes)
    module = copy.deepcopy(module).to(memory_format=layout)
    with torch.no_grad():
        module(*x)  # the first pass also allocates what stays, such as the library's scratch memory
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            module(*x)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    return peaks(events)


def peaks(events: Iterable[dict[str, Any]]) -> Allocated:
    """Return the peaks in a profiler's trace: its memory events, and the ends of the outermost operators among them."""
    moments: list[tuple[float, int, int]] = []
    calls = []
    for event in events:
        if event.get("name") == "[memory]":
            moments.append((event["ts"], 0, event["args"]["Bytes"]))
        elif event.get("cat") == "cpu_op":
            calls.append((event["ts"], event["ts"] + event["dur"]))
    end = float("-inf")
    for start, stop in sorted(calls, key=lambda call: (call[0], -call[1])):
        if start >= end:
            end = stop
            moments.append((stop, 1, 0))
    live = peak = values = 0
    # By time alone where an operator and an event meet: sorting is stable, and memory events are listed in order.
    for _, is_end, size in sorted(moments, key=lambda moment: moment[:2]):
        live += size
        peak = max(peak, live)
        values = max(values, live) if is_end else values
    return Allocated(peak, values)
