"""All that a page or a table says of what a network could be: what to rewrite, and what other sizes would cost."""

from __future__ import annotations

from dataclasses import dataclass

from archlab.errors import ArchlabError
from archlab.grammar.ast import Architecture
from archlab.what_if.closed_form import sliders_of
from archlab.what_if.kept import Kept
from archlab.what_if.sliders import Sliders
from archlab.what_if.suggest import Suggestion, Watch, suggest


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a network could be.

    Attributes:
        name: what the reader calls it.
        suggestions: rewritings, the one that saves most first.
        sliders: its sizes with their costs; None where it has none.
        reason: why nothing is suggested, or why there are no sliders; empty where there are both.
        kept: what the first suggestions keep of a trained network, where that was measured.
    """

    name: str
    suggestions: tuple[Suggestion, ...] = ()
    sliders: Sliders | None = None
    reason: str = ""
    kept: Kept | None = None


def what_if(name: str, architecture: Architecture, sliders: bool = True, watch: Watch | None = None) -> WhatIf:
    """Return what ``architecture`` could be; with the sliders that a page shows, or without.

    Raises:
        ArchlabError: it describes no network.
    """
    found = suggest(architecture, watch)
    if not sliders:
        return WhatIf(name, found)
    if watch is not None:
        watch("finding the closed form of its costs")
    try:
        return WhatIf(name, found, sliders_of(architecture))
    except ArchlabError as error:
        return WhatIf(name, found, reason=f"there are no sliders: {error.one_line}")
