"""The networks in which a profile measures kernels: draws of the space that is searched, or of a general one."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from archlab.elaborate import Draw, Hole, Interpreter, Network, Random, Space, Value, defaults, load
from archlab.errors import ArchlabError
from archlab.grammar import parse_file, with_input
from archlab.latency.backend import Setting, piece_of
from archlab.latency.kernels import Kernel

GENERAL = "general"
_SIZES = ("3x224x224", "3x224x224", "3x128x128", "3x160x160", "3x192x192", "3x256x256", "3x299x299")
_WIDTHS = (0.5, 0.6, 0.75, 0.9, 1.0, 1.0, 1.1, 1.25, 1.4, 1.75)
_MOST_MACS = 4_000_000_000
_MOST_PARAMS = 60_000_000
"""Of a network of the general space: a larger one would keep a profile from all others for too long."""
_OF = 4
"""Draws of a space of which one is measured."""
_MOST_VAIN = 1000


def general_carriers(seed: int) -> Iterator[Network]:
    """Yield networks of the general space, without end: other blocks, widths and image sizes each time."""
    rng = random.Random(seed)
    architecture = parse_file(Path(__file__).with_name("general.arch"))
    spaces = {size: Interpreter(load(with_input(architecture, size))) for size in dict.fromkeys(_SIZES)}
    while True:
        interpreter, width, drawn = spaces[rng.choice(_SIZES)], rng.choice(_WIDTHS), Random(rng)

        def draw(hole: Hole, width: float = width, drawn: Random = drawn) -> Value:
            return width if hole.name == "width_mult" else drawn(hole)

        try:
            network = interpreter.network(draw)
        except ArchlabError:  # widths that a grouped convolution cannot have
            continue
        if network.body.macs <= _MOST_MACS and network.body.params <= _MOST_PARAMS:
            yield replace(network, name=GENERAL)


def carriers_of(space: Space, setting: Setting, seed: int) -> Iterator[Network]:
    """Yield draws of a space without end, its default first: of several the one with the most kernels that are new."""
    interpreter, rng = Interpreter(space), random.Random(seed)
    seen: set[Kernel] = set()
    draws: Iterator[Draw] = itertools.chain([defaults], iter(lambda: Random(rng), None))
    tried, vain = 0, 0
    best: tuple[int, Network, set[Kernel]] | None = None
    for draw in draws:
        try:
            network = interpreter.network(draw)
            kernels = set(piece_of(network.graph, setting).kernels)
        except ArchlabError:
            vain += 1
            if vain > _MOST_VAIN and not seen:
                return
            continue
        tried += 1
        new = len(kernels - seen)
        best = (new, network, kernels) if best is None or new > best[0] else best
        if tried == 1 or tried % _OF == 0:
            seen |= best[2]
            yield best[1]
            best = None
