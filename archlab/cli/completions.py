"""What a shell may put where a command's line ends: names, holes, budgets, objectives and files.

Each is a function for ``shell_complete`` of a click parameter. None imports torch or runs anybody's code, and what
cannot be read completes to nothing. An item of the type ``open`` is one that goes on: no space follows it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from archlab.cli.completed_space import holes_of, layers_of, named_on, parts_of, stages_of, values_of

Items = list[CompletionItem[str]]
OPEN = "open"
SOURCES = {
    "torchvision:": "a model of torchvision's",
    "timm:": "a model of timm's, or a pattern",
    "hf:": "a config.json of transformers'",
    "diffusers:": "a config.json of diffusers'",
    "ultralytics:": "a YAML file of ultralytics'",
}
_TEXTS, _MODELS = (".arch",), (".arch", ".pt2", ".onnx")
_LIMITS = ("macs", "params", "activations", "memory")


def complete_network(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Complete a shipped name or an ``.arch`` file."""
    return [*_shipped(incomplete), *_files(incomplete, _TEXTS)]


def complete_model(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Complete a shipped name, a file that holds a network, a ``.py`` file, or a library and its models."""
    from archlab.audit.zoo_names import LIBRARIES, zoo_names

    library, colon, _name = incomplete.partition(":")
    if colon and library in LIBRARIES:
        return _beginning(incomplete, ((f"{library}:{name}", "") for name in zoo_names(library)))
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
    holes = {hole.name: hole for hole in holes_of(named_on(context), given)}
    name, equals, _value = incomplete.partition("=")
    if equals:
        values = values_of(holes[name]) if name in holes else ()
        return _beginning(incomplete, ((f"{name}={value}", "") for value in values))
    return _beginning(incomplete, ((f"{each.name}=", each.describe()) for each in holes.values()), OPEN)


def complete_budget(context: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Complete ``METRIC=``, of the whole network or, behind its name and a dot, of a part of the space on the line."""
    from archlab.cost import METRICS

    if "=" in incomplete:
        return []
    parts = parts_of(named_on(context))
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


def complete_rule(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Complete a rule with an option, of those that ``archlab rewrite`` tries."""
    from archlab.exchange.rewrite_rules import title_of
    from archlab.what_if.suggest import ATTEMPTS

    return _beginning(incomplete, ((title_of(*attempt), "") for attempt in ATTEMPTS))


def complete_stage(context: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Complete a stage of the network on the line."""
    return _beginning(incomplete, ((stage, "") for stage in stages_of(named_on(context))))


def complete_place(context: click.Context, _: click.Parameter, incomplete: str) -> Items:
    """Complete everywhere, a stage, or a layer that the rule on the line applies to."""
    from archlab.what_if.suggest import EVERYWHERE

    name = named_on(context)
    places = [EVERYWHERE, *stages_of(name), *layers_of(name, context.params.get("rule") or "")]
    return _beginning(incomplete, ((place, "") for place in places))


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
