"""Measuring a profile: network after network until the time is over, written down as it goes."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from archlab.elaborate import Network, Space, space_of
from archlab.errors import BuildError, InputError
from archlab.latency.assemble import judge, laws_of, points_of
from archlab.latency.backend import Setting
from archlab.latency.carriers import GENERAL, carriers_of, general_carriers
from archlab.latency.conditions import block_of, load, megahertz, this_machine
from archlab.latency.gather import Carrier, run_carrier, spread_of
from archlab.latency.partial import read_partial, write_partial
from archlab.latency.profile import Profile, State
from archlab.units import format_percent

SECONDS = {True: 520.0, False: 130.0}
"""After which a general profile, and one of a space, measures no further network: at most 10 and 3 minutes with all."""
MOST = {True: 320, False: 120}
"""Networks of a general profile, and of one of a space."""
FEWEST = 10
"""Networks without which there is no profile."""
MOST_SPREAD = 0.2
"""Of a network's runs; see ``State``. A profile with more is refused."""
SEED = 0
DETECTORS = "detection"
"""The shipped space whose RoI align and heads are measured; ONNX has no one operator for them."""
_DETECTOR_EVERY = 10
_EVERY = 5
"""Networks after which what was measured is written down."""

Say = Callable[[str], None]


def make_profile(space: Space | None, setting: Setting, out: Path, say: Say = lambda _: None) -> Profile:
    """Measure kernels in draws of ``space``, or of a general one, and return the profile of this machine.

    What was measured stands in a file beside ``out`` until the profile is whole, so that the same call goes on.

    Raises:
        InputError: a package is missing, the file cannot be written, the machine was too busy, or too few networks of
            the space can be run.
    """
    setting = block_of(setting)
    name = GENERAL if space is None else space.name
    machine = this_machine(setting)
    of = {"machine": dataclasses.asdict(machine), "setting": dataclasses.asdict(setting), "space": name}
    partial = out.with_name(f"{out.name}.part")
    began, before, loads = time.monotonic(), megahertz(), [load()]

    def watched(words: str) -> None:
        loads.append(load())
        say(words)

    with threads_of(setting):
        carriers = gather(space, setting, partial, of, watched)
    if len(carriers) < FEWEST:
        raise InputError(
            f"only {len(carriers)} networks of {name} could be measured, and a profile needs {FEWEST}",
            hint="the same command goes on" if os.path.exists(partial) else "take another space",
        )
    spread = spread_of(carriers)
    if spread > MOST_SPREAD:
        partial.unlink(missing_ok=True)
        raise InputError(
            f"the profile is too noisy: the runs of a network spread by {format_percent(spread, 0)} of their "
            f"median, and at most {format_percent(MOST_SPREAD, 0)} is taken (load {sum(loads) / len(loads):.1f})",
            hint="let other work on this machine end, and measure again",
        )
    say("fitting")
    profile = assembled(carriers, setting, name, tuple(loads), before, time.monotonic() - began)
    with suppress(OSError):
        partial.unlink()
    return profile


def assembled(
    carriers: list[Carrier], setting: Setting, name: str, loads: tuple[float, ...], before: float | None, seconds: float
) -> Profile:
    """Return the profile that is made of measured networks."""
    points = points_of(carriers)
    scale, overhead, accuracy = judge(carriers)
    clock = "the processor's time of the one thread" if setting.threads == 1 else "the wall's time"
    clock = "CUDA's events" if setting.device == "cuda" else clock
    frequencies = tuple(value for value in (before, megahertz()) if value is not None)
    return Profile(
        setting=setting,
        machine=this_machine(setting),
        state=State(round(sum(loads) / len(loads), 2), frequencies, round(spread_of(carriers), 4), clock),
        space=name,
        points=points,
        laws=laws_of(points),
        scale=scale,
        overhead=overhead,
        accuracy=accuracy,
        seconds=round(seconds, 1),
    )


def gather(space: Space | None, setting: Setting, partial: Path, of: dict[str, Any], say: Say) -> list[Carrier]:
    """Return networks as they were run, those that an earlier call had run among them."""
    carriers = read_partial(partial, of)
    general = space is None
    deadline = time.monotonic() + SECONDS[general]
    try:
        for number, network in enumerate(networks_for(space, setting)):
            if number < len(carriers):
                continue
            if number >= MOST[general] or time.monotonic() > deadline:
                break
            left = math.ceil(max(deadline - time.monotonic(), 0) / 60)
            say(f"measuring network {number + 1} of at most {MOST[general]}, {left} min left at most")
            try:
                carriers.append(run_carrier(network, setting))
            except BuildError as error:  # an operator that the backend does not have
                say(error.one_line)
                carriers.append(Carrier(network.name, (), ()))
            if len(carriers) % _EVERY == 0:
                write_partial(partial, of, carriers)
    finally:
        write_partial(partial, of, carriers)
    return [carrier for carrier in carriers if carrier.whole]


def networks_for(space: Space | None, setting: Setting) -> Iterator[Network]:
    """Yield the networks that a profile measures, in order; under torch a general one has detectors among them."""
    if space is not None:
        yield from carriers_of(space, setting, SEED)
        return
    detectors = carriers_of(space_of(DETECTORS), setting, SEED)
    for number, network in enumerate(general_carriers(SEED), start=1):
        yield next(detectors) if setting.backend == "torch" and number % _DETECTOR_EVERY == 0 else network


def threads_of(setting: Setting) -> AbstractContextManager[None]:
    """Return a context in which torch runs on the setting's threads."""
    from archlab.nn.latency import on_threads

    return on_threads(setting.threads)
