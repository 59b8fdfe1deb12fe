"""What a format of audits is: a pure function from a run and options to a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from archlab.audit.audit_run import AuditRun
from archlab.report.terminal_tables import WHAT_FITS, Choice
from archlab.what_if.what_if import WhatIf


@dataclass(frozen=True, slots=True)
class Options:
    """What a reader chooses; a format that has all of it anyway passes over it.

    Attributes:
        by: the table of a single model: ``module``, ``stage`` or ``op``.
        depth: how deep the modules go; None for what fits a screen.
        compare: whether several models stand side by side, with ratios to the first.
        columns: the columns of a terminal's tables.
        structure: whether a terminal shows the blocks that a model is made of, in place of its modules.
        what_ifs: what models could be, where a reader asks for suggestions.
    """

    by: str = "module"
    depth: int | None = None
    compare: bool = False
    columns: Choice = WHAT_FITS
    structure: bool = False
    what_ifs: tuple[WhatIf, ...] = ()


DEFAULTS = Options()


class Format(Protocol):
    """A module of this folder."""

    def render(self, run: AuditRun, options: Options, /) -> str:
        """Return the run as a text: the same for the same run and options."""
        ...
