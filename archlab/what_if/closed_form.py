"""Finds the closed form of a network's costs: polynomials in its widths, kernels and depths, exact or not at all.

Every operator's cost depends on few numbers of the text: the channels before and behind it, which are affine in the
widths, and its kernel. So each is a polynomial of degree 2 in widths and in kernels, and is found from the costs of
some draws, with fractions, and checked on others. Repeats count as often as they are there. A number for which this
does not hold, as where channels are rounded, gets no slider.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from archlab.cost import cost
from archlab.elaborate import Source, architecture_of, load
from archlab.errors import InputError
from archlab.what_if.interpolation import Interpolation, find_repeats
from archlab.what_if.open_holes import open_holes
from archlab.what_if.peaks import undominated
from archlab.what_if.polynomials import Monomial, add_to
from archlab.what_if.slider_space import InexactError, SliderSpace
from archlab.what_if.sliders import Position, Slider, Sliders

KINDS = ("width", "depth", "kernel")
_CHECKS = 12
"""Random settings on which the closed form must be exact in the end."""


def sliders_of(source: Source) -> Sliders:
    """Return sliders for the widths, depths and kernels of ``source``, with its costs as polynomials in them.

    >>> found = sliders_of("net n(input=3x8x8)\\na: conv(16) -> repeat(2, basic(16)) -> gap -> fc(5)")
    >>> [(s.name, s.values) for s in found.sliders]
    [('a_width', (8, 16, 24, 32)), ('a.conv.k', (3, 5, 7)), ('a.depth', (1, 2, 3, 4)), ('a.basic.k', (3, 5, 7))]
    >>> found.costs({"a.depth": 3})["params"]
    14565

    Raises:
        InputError: there is nothing that can vary.
        ArchlabError: ``source`` is no architecture, or describes no network.
    """
    architecture = architecture_of(source)
    if not load(architecture).is_reference:
        raise InputError(f"{architecture.name} has holes of its own", hint="fill them first: archlab show NET --text")
    opened = open_holes(architecture, KINDS)
    space = SliderSpace(opened)
    left_out: dict[str, str] = {}
    while True:
        try:
            sliders = space.sliders(left_out)
            found = _closed_form(space, sliders)
        except InexactError as error:
            fewer = set(error.names) - set(left_out) or {slider.name for slider in sliders}
            left_out |= dict.fromkeys(fewer, error.reason)
            continue
        return replace(found, left_out=tuple(sorted(left_out.items())))


def _closed_form(space: SliderSpace, sliders: Sequence[Slider]) -> Sliders:
    """Return the closed form of these sliders.

    Raises:
        InexactError: it is not exact for some of them.
    """
    rng = random.Random(0)
    known = Interpolation(space, sliders, rng)
    params: dict[Monomial, Fraction] = {}
    macs: dict[Monomial, Fraction] = {}
    moments = []
    for number, repeats in enumerate(find_repeats(space, sliders, rng)):
        times = tuple((depth, 1) for depth in repeats)
        add_to(params, known.polynomial(number, "params"), times)
        add_to(macs, known.polynomial(number, "macs"), times)
        moments.append(Position(known.polynomial(number, "live"), repeats))
    form = Sliders(space.architecture, tuple(sliders), params, macs, undominated(moments, sliders), ())
    return _checked(space, form, rng)


def _checked(space: SliderSpace, form: Sliders, rng: random.Random) -> Sliders:
    """Return a closed form that is exact at all settings tried; without the memory where that alone is not.

    Raises:
        InexactError: parameters or MACs are not exact.
    """
    single = [
        {s.name: value} for s in form.sliders for value in (s.values[0], s.values[len(s.values) // 2], s.values[-1])
    ]
    joint = [{s.name: rng.choice(s.values) for s in form.sliders} for _ in range(_CHECKS)]
    for setting in ({}, *single, *joint):
        true, said = cost(space.network(setting)).as_dict(), form.costs(setting)
        if any(true[name] != said[name] for name in ("params", "macs")):
            depths = [s.name for s in form.sliders if s.kind == "depth"]
            names = list(setting) if len(setting) == 1 else depths or list(setting)
            raise InexactError(names, "the costs are no polynomial in it")
        if true["memory"] != said.get("memory", true["memory"]):
            form = replace(form, memory=())
    return form
