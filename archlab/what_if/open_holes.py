"""A network's text opened as a space of networks around it, which is the space's default draw."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from archlab.elaborate import Source, architecture_of, elaborate
from archlab.errors import ArchlabError, InputError, did_you_mean
from archlab.grammar import ast
from archlab.grammar.lexer import MAX_NAME
from archlab.what_if.reach import AROUND, Reach
from archlab.what_if.slots import Role, Slot, fill_slots
from archlab.what_if.trial import Numbers, Trial, names_of
from archlab.what_if.widths import Width, free_widths

KINDS = ("width", "inner", "depth", "kernel", "groups", "expansion", "block")
"""What can be opened: trunk widths, widths in branches and blocks, repeat counts, kernels, groups, expansions, and
which block it is."""

TRUNK, INNER = "width", "inner"
"""What the names of the vars of opened widths end with, before a number that tells them apart."""

_ALTERNATIVES = ("basic", "bottleneck", "inverted", "separable")
_KERNELS = (3, 5, 7)
_SIZES: tuple[Role, ...] = ("kernel", "groups", "expansion")


def open_holes(source: Source, kinds: Iterable[str] = KINDS[:5], reach: Reach = AROUND) -> ast.Architecture:
    """Return the text of ``source`` as a space around its present values; its default draw is the network itself.

    Widths go from half to twice what is written, in steps that groups divide, depths from 1 to twice; kernels, groups
    and expansions are choices near what is written. Widths that must be equal, so that no draw has a projection that
    the network never had or lacks a shortcut that it has, are tied by a ``var``. Every draw of widths, inner widths,
    kernels, groups and expansions has the network's operators; a number that cannot vary so stays as it is.

    Args:
        source: a shipped name, an ``.arch`` file, a text or an architecture.
        kinds: of ``KINDS``.
        reach: how far from what is written; with ``BELOW`` no number is larger.

    >>> from archlab.grammar import unparse
    >>> text = "net n\\na: conv(16) -> repeat(2, basic(16)) -> gap -> fc(3)"
    >>> print(unparse(open_holes(text, ["width", "depth"])), end="")
    net n
    var a_width = [8..32 step 8 default 16]
    a: conv(a_width) -> repeat([1..4 default 2], basic(a_width)) -> gap -> fc(3)

    Raises:
        InputError: there is no such kind, or nothing of these kinds can be opened.
        ArchlabError: ``source`` is no architecture, or describes no network.
    """
    asked = list(kinds)
    refuse_unknown(asked)
    architecture = architecture_of(source)
    roles = [role for role in _SIZES if role in asked]
    trial = Trial(architecture, [*roles, "depth"])
    options = {number: _options(trial, number, reach) for role in roles for number in _slots(trial, role)}
    filled: dict[int, ast.Expr] = {n: ast.Choice(tuple(map(ast.Number, o))) for n, o in options.items() if len(o) > 1}
    for number in _slots(trial, "depth") if "depth" in asked else ():
        most = int(reach.most * trial.slots[number].value)
        if most > 1 and all(trial.elaborates({number: count}) for count in (1, most)):
            filled[number] = ast.Range(1, most, None, trial.slots[number].value)
    for number in _slots(trial, "block") if "block" in asked else ():
        if choice := _blocks(trial, number):
            filled[number] = choice
    trunk = {"width": True, "inner": False}
    wide = [n for n in _slots(trial, "channels") if any(trial.slots[n].trunk == trunk.get(kind) for kind in asked)]
    # What is divided: kernels change nothing about it.
    dividing: list[Role] = [role for role in roles if role != "kernel"]
    widths = free_widths(
        Trial(architecture, ["channels", *dividing]), wide, _together(trial.slots, options, dividing), reach
    )
    variables = _variables(architecture, trial.slots, widths)
    for var, width in zip(variables, widths, strict=True):
        filled |= {slot: ast.Name(var.name) for slot in width.slots}
    if not filled:
        raise InputError(f"{architecture.name} has nothing to open as {', '.join(asked)}", hint="ask for other kinds")
    opened = fill_slots(architecture, filled)
    return replace(opened, vars=(*variables, *opened.vars), source="<python>", text="", at=None, key_at=())


def refuse_unknown(kinds: Iterable[str]) -> None:
    """Raise an InputError where one of ``kinds`` is none of ``KINDS``."""
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(f"there are no holes of kind {kind!r}", hint=did_you_mean(kind, KINDS))


def _slots(trial: Trial, role: Role) -> list[int]:
    return [number for number, slot in enumerate(trial.slots) if slot.role == role]


def _options(trial: Trial, number: int, reach: Reach) -> list[int | float]:
    """Return what is written in a slot, and what else it could be with the same operators."""
    slot = trial.slots[number]
    value = slot.value
    near: Sequence[int | float] = ()
    if slot.role == "kernel" and isinstance(value, int) and value > 1 and value % 2:
        near = _KERNELS if value <= _KERNELS[-1] else (value - 4, value - 2)
    elif slot.role == "groups" and isinstance(value, int) and value > 1:
        near = (value // 2, value * 2)
    elif slot.role == "expansion":
        near = (
            (2, 4) if value == 1 else (value / 2, value * 2) if value < 2 else (value / 2, value * 2 / 3, value * 1.5)
        )
        near = (*near, value / 3) if reach.least <= 1 / 3 and value >= 3 else near
    whole = isinstance(value, int)
    options = dict.fromkeys([value, *(int(option) if whole else round(option, 4) for option in near)])
    return [
        value,
        *(n for n in options if n not in (value, 0) and (reach.most > 1 or n < value) and trial.keeps({number: n})),
    ]


def _together(
    slots: Sequence[Slot], options: Mapping[int, Sequence[int | float]], roles: Collection[Role]
) -> list[Numbers]:
    """Return all that widths must go together with: each option, and of groups and expansions in one text each pair."""
    single: list[Numbers] = [
        {number: option} for number, found in options.items() if slots[number].role in roles for option in found[1:]
    ]
    pairs = [
        {number: one, other: two}
        for number, found in options.items()
        for other, others in options.items()
        if (slots[number].role, slots[other].role) == ("groups", "expansion")
        and slots[number].owner == slots[other].owner
        for one in found[1:]
        for two in others[1:]
    ]
    return [*single, *pairs]


def _blocks(trial: Trial, number: int) -> ast.Choice | None:
    """Return the blocks that could stand in a slot: those that give the network's output."""
    own = {block.name for block in trial.architecture.blocks}
    fitting = [name for name in _ALTERNATIVES if name not in own and _fits(trial, number, name)]
    return ast.Choice(tuple(map(ast.Name, fitting))) if fitting else None


def _fits(trial: Trial, number: int, name: str) -> bool:
    try:
        return elaborate(fill_slots(trial.architecture, {number: ast.Name(name)})).body.shape == trial.output
    except ArchlabError:
        return False


def _variables(architecture: ast.Architecture, slots: Sequence[Slot], widths: Sequence[Width]) -> tuple[ast.Var, ...]:
    """Return a var for each width, named for the first stage or block in which it stands."""
    taken = names_of(architecture)
    variables = []
    for width in widths:
        first = slots[width.slots[0]]
        name, n = f"{first.owner[: MAX_NAME - 16]}_{TRUNK if first.trunk else INNER}", 1
        free = name
        while free in taken:
            n += 1
            free = f"{name}_{n}"
        taken.add(free)
        variables.append(ast.Var(free, ast.Range(width.lo, width.hi, width.step, width.value)))
    return tuple(variables)
