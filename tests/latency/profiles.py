"""Profiles of this machine that nobody measured: a microsecond for each kernel, and a nanosecond for each kMAC."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from archlab.elaborate import Network
from archlab.latency.backend import Setting, piece_of
from archlab.latency.conditions import block_of, this_machine
from archlab.latency.laws import work_of
from archlab.latency.profile import Accuracy, Point, Profile, State, write_profile

KERNEL = 1e-6
MAC = 1e-12
KINDS = (
    "pointwise", "convolution", "depthwise", "grouped", "linear", "bn", "relu", "relu6", "hardswish", "add", "cat",
    "maxpool", "avgpool", "gap", "flatten", "shuffle", "slice", "stretched", "sigmoid", "dropout",
    "upsample_like", "upsample", "roi_align",
)  # fmt: skip
STATE = State(load=0.5, megahertz=(2600.0, 2600.0), spread=0.01, clock="the processor's time of the one thread")


def setting_of(backend: str = "torch") -> Setting:
    return block_of(Setting(backend))  # type: ignore[arg-type]


def profile_here(backend: str = "torch", error: float = 0.1, points: tuple[Point, ...] = ()) -> Profile:
    setting = setting_of(backend)
    names = [*KINDS, *(f"{kind} of blocks" for kind in KINDS), *(f"plain {kind}" for kind in KINDS)]
    names += ["convolution of plain", "norm of blocks", "reorder to blocks", "reorder to plain"]
    law = (KERNEL, MAC) + (0.0,) * 10
    return Profile(
        setting=setting,
        machine=this_machine(setting),
        state=STATE,
        space="general",
        points=points or (Point(_some_kernel(), KERNEL, KERNEL, KERNEL, 6),),
        laws=dict.fromkeys(names, law),
        scale=1.0,
        overhead=0.0,
        accuracy=Accuracy(networks=50, error=error, median_error=error / 3, within_10_percent=0.9),
        seconds=60.0,
    )


def _some_kernel():  # type: ignore[no-untyped-def]
    from archlab.latency.onnx_rules import PLAIN, reorder

    return reorder(PLAIN, 3, 5, 7)


def by_hand(network: Network, backend: str = "torch") -> float:
    """The seconds that a profile of ``profile_here`` gives a network."""
    kernels = piece_of(network.graph, setting_of(backend)).kernels
    return sum(KERNEL + MAC * work_of(kernel)[1] for kernel in kernels)


def write_here(path: Path, **changes: object) -> Path:
    write_profile(path, dataclasses.replace(profile_here(), **changes))  # type: ignore[arg-type]
    return path
