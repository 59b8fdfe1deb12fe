"""``archlab audit``: what existing torch models cost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_OPTIONS = [
    click.argument("targets", nargs=-1, metavar="TARGET…"),
    click.option("--input", "inputs", multiple=True, metavar="SHAPE|FILE",
                 help="3x224x224 (without the batch), 128:int64, or spec.json; repeat for several tensors.  "
                 "[default: the model's own]"),
    click.option("--batch", type=click.IntRange(1, 2**20), help="Images in the batch.  [default: 1]"),
    click.option("--by", type=click.Choice(["module", "op", "stage"]), default="module", show_default=True,
                 help="The table."),
    click.option("--depth", type=click.IntRange(0), help="How deep the modules go.  [default: what fits a screen]"),
    click.option("--max", "limits", multiple=True, metavar="METRIC=VALUE",
                 help="Fail (1) where a model is over: macs=600M, params=5M, activations=10M, memory=8MiB."),
    click.option("--proposals", type=click.IntRange(0, 10**6), help="Proposals an image in detectors.  "
                 "[default: the most that the detector hands on, or what its text says]"),
    click.option("--detections", type=click.IntRange(0, 10**6), default=0, show_default=True,
                 help="Detections an image, for mask and keypoint heads."),
    click.option("--fvcore", is_flag=True, help="Count with fvcore as well, operator by operator."),
    click.option("--crosscheck", is_flag=True, help="Count with every other counter that is installed."),
    click.option("--compare", is_flag=True, help="Side by side, with ratios to the first."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON (schema archlab.audit/1)."),
    click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write all tables to a file."),
    click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write a report: one offline page."),
]  # fmt: skip


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(
    epilog="Examples:  archlab audit torchvision:resnet50  ·  archlab audit 'timm:resnet*' --csv resnets.csv  ·  "
    "archlab audit my_models.py:small --input 3x96x96 --max macs=600M  ·  "
    "archlab audit torchvision:resnet50 timm:convnext_tiny --compare --html report.html"
)
@_with_options
def audit(**options: Any) -> None:
    """Count parameters, MACs, bytes and memory of existing torch models.

    TARGET is torchvision:NAME, timm:NAME (or a pattern), package.module:factory(arg=…), file.py:factory, a shipped
    name, an .arch file or an exported .pt2. Naming a model runs its code. Without one,
    [tool.archlab.audit] in pyproject.toml says what to audit.
    """
    from archlab.audit.config import read_config
    from archlab.audit.gate import Breach, breaches, parse_limits
    from archlab.errors import InputError

    config = read_config(Path.cwd())
    targets = options["targets"] or config.targets
    if not targets:
        raise InputError("there is nothing to audit", hint="name a model, such as torchvision:resnet50")
    limits = parse_limits(options["limits"] or config.limits)
    limits_of = {} if options["limits"] else {name: parse_limits(texts) for name, texts in config.limits_of}

    from archlab.audit.formats.terminal import breach_lines, print_audits
    from archlab.audit.many import Request, audit_many, audits, failures
    from archlab.audit.progress import progress_line

    request = Request(
        targets=tuple(targets),
        inputs=tuple(options["inputs"]) or config.inputs,
        batch=options["batch"] or config.batch or 1,
        boxes=_boxes(options),
        counters=_counters(options),
    )
    with progress_line() as watch:
        outcomes = list(audit_many(request, watch))
    found = audits(outcomes)
    broken: list[Breach] = [breach for one in found for breach in breaches(one, limits_of.get(one.name, limits))]
    if options["csv_file"] is not None:
        from archlab.audit.formats.csv import to_csv
        from archlab.files import write_atomic

        write_atomic(options["csv_file"], to_csv(outcomes))
    if options["html_file"] is not None:
        from archlab.audit.formats.html import write_audit_report

        write_audit_report(outcomes, options["html_file"])
    if options["as_json"]:
        from archlab.audit.formats.json import to_json

        click.echo(to_json(outcomes, broken))
    else:
        print_audits(outcomes, options["by"], options["depth"], options["compare"])
    for line in breach_lines(broken):
        click.echo(line, err=True)
    for failure in failures(outcomes):
        click.echo(f"archlab: {failure.name}: {failure.reason}", err=True)
    unequal = [
        one.name for one in found for peer in one.peers if options["fvcore"] and not (peer.equal or peer.explained)
    ]
    if not found:
        sys.exit(2)
    if broken or failures(outcomes) or unequal:
        sys.exit(1)


def _boxes(options: dict[str, Any]) -> Any:
    from archlab.audit.detectors import Boxes

    return Boxes(options["proposals"], options["detections"])


def _counters(options: dict[str, Any]) -> tuple[Any, ...]:
    counters: list[Any] = []
    if options["fvcore"] or options["crosscheck"]:
        from archlab.audit.fvcore_count import beside

        counters.append(beside)
    if options["crosscheck"]:
        from archlab.audit.crosscheck import crosscheck

        counters.append(crosscheck)
    return tuple(counters)
