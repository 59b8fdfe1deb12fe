"""What a shell may put where a command's line ends: names, holes, budgets, objectives and files.

Each is a function for ``shell_complete`` of a click parameter. None imports torch or runs anybody's code, and what
cannot be read completes to nothing. An item of the type ``open`` is one that goes on: no space follows it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from archlab.elaborate import Hole, Space, Value

Items = list[CompletionItem[str]]
OPEN = "open"
SOURCES = {
    "torchvision:": "a model of torchvision's",
    "timm:": "a model of timm's, or a pattern",
    "hf:": "a config.json of transformers'",
    "diffusers:": "a config.json of diffusers'",
    "ultralytics:": "a YAML file of ultralytics'",
}
_NAMED_BY = ("net", "space", "model")
_MOST_VALUES = 40
_TEXTS, _MODELS = (".arch",), (".arch", ".pt2", ".onnx")
_LIMITS = ("macs", "params", "activations", "memory")


def complete_network(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Complete a shipped name or an ``.arch`` file."""
    return [*_shipped(incomplete), *_files(incomplete, _TEXTS)]


def complete_model(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Complete a shipped name, a file that holds a network, a ``.py`` file, or where models come from."""
    sources = _beginning(incomplete, SOURCES.items(), OPEN)
    return [*_shipped(incomplete), *sources, *_files(incomplete, _MODELS, (".py",))]


def complete_result(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Complete a page that has a name, or a search's result."""
    from archlab.cli.pages import OWN_PAGES

    return [
        *_beginning(incomplete, ((name, "a page of its own") for name in OWN_PAGES)),
        *_files(incomplete, (".json",)),
    ]


def complete_hole(context: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Complete ``NAME=VALUE`` by the holes of the network that stands on the line, and by what each takes."""
    given = context.params.get("sets") or ()
    holes = {hole.name: hole for hole in _holes(_named(context), given)}
    name, equals, _value = incomplete.partition("=")
    if equals:
        values = _values(holes[name]) if name in holes else ()
        return _beginning(incomplete, ((f"{name}={value}", "") for value in values))
    return _beginning(incomplete, ((f"{each.name}=", each.describe()) for each in holes.values()), OPEN)


def complete_budget(context: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Complete ``METRIC=``, of the whole network or, behind its name and a dot, of a part of the space on the line."""
    from archlab.cost import METRICS

    if "=" in incomplete:
        return []
    parts = _parts(_named(context))
    if "." not in incomplete:
        metrics = ((f"{row.name}=", f"such as {row.example}") for row in METRICS.values())
        return _beginning(incomplete, [*metrics, *((f"{part}.", "of this part") for part in parts)], OPEN)
    return _beginning(incomplete, ((f"{part}.{name}=", "") for part in parts for name in _LIMITS), OPEN)


def complete_limit(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Complete ``METRIC=`` by what an audit counts of any model."""
    from archlab.cost import METRICS

    if "=" in incomplete:
        return []
    return _beginning(incomplete, ((f"{name}=", f"such as {METRICS[name].example}") for name in _LIMITS), OPEN)


def complete_score(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Complete a zero-cost score."""
    return _beginning(incomplete, _scores())


def complete_objective(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Complete a score, a metric, what trains, a calibration's file, or a ``.py`` file of the user's."""
    from archlab.cost import METRICS
    from archlab.detect.data_source import TRAIN
    from archlab.detect.scores import DETECTION_SCORES

    metrics = ((row.name, f"{row.unit}, minimised") for row in METRICS.values())
    detection = ((row.name, row.summary) for row in DETECTION_SCORES.values())
    named = [*_scores(), *metrics, *detection, (TRAIN, "a training on --data")]
    return [*_beginning(incomplete, named), *_files(incomplete, (".json",), (".py",))]


def complete_function(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Complete the file of a function of the user's."""
    return _files(incomplete, (), (".py",))


def _scores() -> Iterator[tuple[str, str]]:
    from archlab.score import SCORES

    return ((row.name, row.summary) for row in SCORES.values() if not row.is_baseline)


def _beginning(incomplete: str, named: Iterable[tuple[str, str]], kind: str = "plain") -> Items:
    return [CompletionItem(name, kind, said or None) for name, said in named if name.startswith(incomplete)]


def _shipped(incomplete: str) -> Items:
    from archlab.resources import shipped_spaces

    return _beginning(incomplete, ((name, "") for name in shipped_spaces()))


def _files(incomplete: str, suffixes: Sequence[str], before_colon: Sequence[str] = ()) -> Items:
    """Complete a path to a folder, or to a file of one of these suffixes; of others, a colon follows."""
    above, _, begun = incomplete.rpartition("/")
    folder = f"{above}/" if "/" in incomplete else ""
    try:
        entries = sorted(os.scandir(os.path.expanduser(folder) or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    found: Items = []
    for entry in entries:
        name, suffix = entry.name, Path(entry.name).suffix
        if not name.startswith(begun) or (name.startswith(".") and not begun) or not name.isprintable():
            continue
        if os.path.isdir(entry.path):
            found.append(CompletionItem(f"{folder}{name}/", OPEN))
        elif suffix in suffixes:
            found.append(CompletionItem(folder + name))
        elif suffix in before_colon:
            found.append(CompletionItem(f"{folder}{name}:", OPEN))
    return found


def _named(context: click.Context) -> str | None:
    """Return the network that stands on the line, also where click could not read the line to its end."""
    named = next((context.params[name] for name in _NAMED_BY if context.params.get(name)), None)
    return named or next(iter(context.args), None)


def _space(name: str | None) -> Space | None:
    from archlab.cli.named_text import is_text
    from archlab.elaborate import load
    from archlab.errors import ArchlabError
    from archlab.grammar import parse_file
    from archlab.resources import find_architecture

    if name is None or not is_text(name):
        return None
    try:
        return load(parse_file(find_architecture(name)))
    except (ArchlabError, OSError):
        return None


def _holes(name: str | None, given: Iterable[str]) -> list[Hole]:
    """Return the holes that a draw with the values in ``given`` fills."""
    from archlab.elaborate import Interpreter, parse_values
    from archlab.errors import ArchlabError

    space = _space(name)
    if space is None:
        return []
    try:
        noted = _Noted(parse_values(given))
    except ArchlabError:
        noted = _Noted({})
    with contextlib.suppress(ArchlabError):  # what it met until then counts
        Interpreter(space).network(noted)
    return list(noted.holes.values())


class _Noted:
    """A draw that takes given values where they fit, and defaults elsewhere, and keeps the holes that it filled."""

    fills_unsearched = True

    def __init__(self, values: dict[str, Value]) -> None:
        self.values, self.holes = values, dict[str, "Hole"]()

    def __call__(self, hole: Hole) -> Value:
        self.holes[hole.name] = hole
        value = self.values.get(hole.name, hole.default)
        return value if hole.contains(value) else hole.default


def _values(hole: Hole) -> Sequence[Value]:
    if hole.labels:
        return hole.labels
    is_few = hole.step and hole.steps() < _MOST_VALUES
    return [hole.value_at(i) for i in range(hole.steps() + 1)] if is_few else ()


def _parts(name: str | None) -> Sequence[str]:
    from archlab.cost import part_names
    from archlab.elaborate import network_of
    from archlab.errors import ArchlabError

    space = _space(name)
    try:
        return () if space is None else part_names(network_of(space))
    except ArchlabError:
        return ()
