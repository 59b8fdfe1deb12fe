"""The exceptions that archlab raises on purpose; everything else is a bug.

ArchlabError            a message, and where it can be said: the place and the next step
├── SyntaxProblem       the text is not in the language
├── ElaborationError    the text is, but the network it describes cannot be
├── LimitError          the text would unfold beyond a limit
├── InputError          a file, an option or an argument that archlab cannot use
├── BudgetError         no network of the space meets the budget
├── ExhaustedError      no network of the space is left that meets the budget and was not evaluated
├── GraphError          a graph breaks a rule of the intermediate representation
├── BuildError          torch cannot build the network's module
├── AuditError          a model that cannot be built, run or counted
├── LiftError           a model or a graph that the language cannot say
└── ScoreError          a score is no number for this network
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

_MARGIN = 60
_LONGEST = 1000
"""Characters of a message that are shown; what it quotes may be a stranger's, and a whole file."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in an architecture text; lines and columns count from 1."""

    source: str
    line: int
    column: int
    text: str = ""

    def __str__(self) -> str:
        return f"{printable(self.source)}:{self.line}:{self.column}"

    def excerpt(self) -> tuple[str, str]:
        """The line as it can be printed, cut around the column where it is long, and a caret below the column."""
        start = max(0, self.column - 1 - _MARGIN) if len(self.text) > 2 * _MARGIN else 0
        shown = printable(self.text[start : start + 2 * _MARGIN])
        head = "…" if start else ""
        tail = "…" if start + 2 * _MARGIN < len(self.text) else ""
        # A tab before the caret must stay a tab, or the caret drifts off its column.
        before = "".join("\t" if c == "\t" else " " for c in head + shown[: self.column - 1 - start])
        return f"{head}{shown}{tail}", f"{before}^"


class ArchlabError(Exception):
    """What went wrong, in words for the user.

    Args:
        message: the rule that was broken and the values that broke it.
        place: where in the architecture text, if it came from one.
        hint: the next step, such as the nearest valid name.
    """

    def __init__(self, message: str, place: Place | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        message = _shown(self.message)
        lines = [f"{self.place}: {message}" if self.place else message]
        if self.place and self.place.text:
            lines += [f"  {line}" for line in self.place.excerpt()]
        if self.hint:
            lines.append(f"  hint: {_shown(self.hint)}")
        return "\n".join(lines)

    @property
    def one_line(self) -> str:
        """Place, message and hint on a single line, for tables and results."""
        head = f"{self.place}: {self.message}" if self.place else self.message
        return _shown(" ".join((f"{head} ({self.hint})" if self.hint else head).split()))


class SyntaxProblem(ArchlabError):  # noqa: N818  (SyntaxError is Python's own)
    """The text is not in the language."""


class ElaborationError(ArchlabError):
    """The text is in the language, but the network it describes cannot exist."""


class RuleError(ElaborationError):
    """A draw breaks a rule of its text, a ``require``."""


class LimitError(ArchlabError):
    """The text would unfold beyond a configured limit."""


class InputError(ArchlabError):
    """A file, an option or an argument that archlab cannot use."""


class BudgetError(ArchlabError):
    """No network of the space meets the budget."""


class ExhaustedError(ArchlabError):
    """No network of the space is left that meets the budget and was not evaluated."""


class GraphError(ArchlabError):
    """A graph breaks a rule of the intermediate representation."""


class BuildError(ArchlabError):
    """Torch cannot build the network's module."""


class AuditError(ArchlabError):
    """A model that cannot be built, run or counted."""


class LiftError(ArchlabError):
    """A model or a graph that the language cannot say.

    Args:
        reasons: where and why, each with its place, operator and shapes; the message has the first of them.
    """

    def __init__(self, message: str, hint: str | None = None, reasons: Iterable[object] = ()) -> None:
        super().__init__(message, hint=hint)
        self.reasons = tuple(map(str, reasons))


class ScoreError(ArchlabError):
    """A score is no number for this network."""


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint naming the known names nearest to ``name``, or all of them when they are few.

    >>> did_you_mean("bottelneck", ["conv", "bottleneck"])
    'did you mean bottleneck?'
    >>> did_you_mean("RESNET50", ["resnet50", "vgg16"])
    'did you mean resnet50?'
    >>> did_you_mean("zzz", ["conv", "gap"])
    'one of: conv, gap'
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(name[:64], names, n=2, cutoff=0.6)
    if not near:  # RESNET50 is near no name, letter by letter
        lowered = {each.lower(): each for each in names}
        near = [lowered[each] for each in difflib.get_close_matches(name[:64].lower(), lowered, n=2, cutoff=0.6)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"one of: {', '.join(names)}" if 0 < len(names) <= 12 else None


def quote(text: str) -> str:
    """A word of the user's in quotes, cut where it is long.

    >>> quote("conv"), quote("x" * 100)
    ("'conv'", "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'")
    """
    return repr(str(text)) if len(text) <= 2 * 40 else repr(text[:40] + "…")


def _shown(text: str) -> str:
    return printable(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")


def printable(text: str) -> str:
    """``text`` with what a terminal would act upon, or could not show, replaced character by character.

    >>> printable("a\\x1b[31m\\x00\\tb")
    'a�[31m�\\tb'
    """
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
