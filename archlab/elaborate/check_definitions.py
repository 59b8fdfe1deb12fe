"""What the stages, blocks and vars of a text are called, and in which order stages stand."""

from __future__ import annotations

from collections.abc import Mapping

from archlab.detector import BOX_HEAD, NECK
from archlab.elaborate.language import (
    CONSTANTS,
    DETECT,
    DETECT_PARTS,
    FORMS,
    FUNCTIONS,
    IDENTITIES,
    KEYWORDS,
    NET_OPTIONS,
    TEXT_DEFAULTS,
    ZERO,
    Callee,
    operators,
)
from archlab.errors import ElaborationError, quote
from archlab.grammar import ast
from archlab.grammar.ast import place_in


def check_definitions(arch: ast.Architecture, callees: Mapping[str, Callee]) -> None:
    """Raise where a stage, block or var of ``arch`` may not be called what it is, or stand where it stands.

    Raises:
        ElaborationError: a name is a word of the language, stands twice or means two things; or there is no stage.
    """
    if not arch.stages:
        raise _error(arch, "a network needs at least one stage", arch.at, "write one, such as  head: gap -> fc(10)")
    reserved = {*operators(), *FORMS, *FUNCTIONS, *IDENTITIES, ZERO, *CONSTANTS, *KEYWORDS, *DETECT_PARTS}
    for kind, items in (("block", arch.blocks), ("var", arch.vars), ("stage", arch.stages)):
        seen: set[str] = set()
        for item in items:
            if item.name in seen:
                raise _error(arch, f"{kind} {quote(item.name)} is defined twice", item.at, "give one another name")
            if kind != "stage" and item.name in reserved:
                raise _error(arch, f"{quote(item.name)} is a word of the language", item.at, "give it another name")
            seen.add(item.name)
    given = {name for name, _ in arch.options}
    taken = [name for name in NET_OPTIONS if name in given or name not in TEXT_DEFAULTS]
    for var in arch.vars:
        if var.name in TEXT_DEFAULTS and var.name in given:
            message = f"{quote(var.name)} is already an option of the network"
            raise _error(arch, message, var.at, "leave the var out: the option is for all blocks")
        if var.name in callees:
            raise _error(arch, f"{quote(var.name)} names both a var and a block", var.at, "give the var another name")
    names = {var.name for var in arch.vars}
    for stage in arch.stages:
        # Its holes and its options would have the same path as those of the network.
        if stage.name in (*taken, *names):
            what = "a var" if stage.name in names else "an option of the network"
            raise _error(arch, f"{quote(stage.name)} is already {what}", stage.at, "give the stage another name")
    _check_detector(arch)


def _check_detector(arch: ast.Architecture) -> None:
    names = [stage.name for stage in arch.stages]
    if DETECT not in names:
        return
    after = arch.stages[names.index(DETECT) + 1 :]
    if after:
        raise _error(arch, f"stage {after[0].name} stands behind {DETECT}", after[0].at, f"put {DETECT} last")
    if len(names) == 1:
        raise _error(arch, f"{DETECT} has no backbone to stand on", arch.stages[0].at, "write its stages above")
    for stage in arch.stages:
        if stage.name in (NECK, BOX_HEAD):
            message = f"a network with {DETECT} calls a part of its own {quote(stage.name)}"
            raise _error(arch, message, stage.at, "give the stage another name")


def _error(arch: ast.Architecture, message: str, at: ast.At, hint: str | None = None) -> ElaborationError:
    return ElaborationError(message, place_in(arch, at), hint)
