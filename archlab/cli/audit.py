"""``archlab audit``: what existing torch models cost."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archlab.cli.column_options import column_options
from archlab.cli.completions import complete_limit, complete_model
from archlab.cli.help_text import command, in_group
from archlab.cli.interrupts import interrupts
from archlab.cli.messages import printable_json, say
from archlab.cli.pixel_options import pixel_options, pixels_of
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.files import write_atomic

if TYPE_CHECKING:
    from archlab.audit.audit_request import Request
    from archlab.audit.audit_run import AuditRun
    from archlab.shrink.request import Pixels
    from archlab.what_if.what_if import WhatIf

_called, _counts = in_group("How models are called"), in_group("What is counted")
_checks, _table, _output = in_group("Checks"), in_group("The table"), in_group("Output")

_OPTIONS: list[Callable[[Callable[..., None]], Callable[..., None]]] = [
    click.argument("targets", nargs=-1, metavar="TARGET…", shell_complete=complete_model),
    _called("--input", "inputs", multiple=True, metavar="SHAPE|FILE",
            help="3x224x224 (without the batch), 128:int64, or spec.json; repeat for several tensors.  "
            "[default: the model's own]"),
    _called("--batch", type=click.IntRange(1, 2**20),
            help="Images in the batch.  [default: 1, or as the inputs that come with a model]"),
    _table("--by", type=click.Choice(["module", "op", "stage"]), default="module", show_default=True,
           help="The rows of the table."),
    _table("--depth", type=click.IntRange(0), help="How deep the modules go.  [default: what fits a screen]"),
    _checks("--max", "limits", multiple=True, metavar="METRIC=VALUE", shell_complete=complete_limit,
            help="Fail (1) where a model is over: macs=600M, params=5M, activations=10M, memory=8MiB."),
    _called("--proposals", type=click.IntRange(0, 10**6), help="Proposals per image in detectors.  "
            "[default: the most that the detector hands on, or what its text says]"),
    _called("--detections", type=click.IntRange(0, 10**6), default=0, show_default=True,
            help="Detections per image, for mask and keypoint heads."),
    _checks("--fvcore", is_flag=True, help="Count with fvcore as well, operator by operator."),
    _checks("--crosscheck", is_flag=True, help="Count with every other counter that is installed."),
    _counts("--backward", is_flag=True, help="Count the gradients of a training step as well, and its memory."),
    _counts("--latency", is_flag=True, help="Time every module on this machine as well, with random weights."),
    _counts("--profile", type=click.Path(path_type=Path), metavar="FILE",
            help="Predict the latency of every module, for one image, by a profile of `archlab device profile`."),
    _counts("--structure", is_flag=True, help="Show the blocks that a model is made of, found by their wiring."),
    _called("--trust", is_flag=True, help="Read a .pt2 whose parts can run code, such as pickles."),
    _called("--rules", multiple=True, metavar="FILE",
            help="A .py file of yours that calls archlab.audit_rule for operators of your own; repeatable."),
    _counts("--suggest", is_flag=True, help="List what could save MACs, as `archlab rewrite` does; the page gets "
            "sliders for widths, depths and kernels."),
    _counts("--data", type=click.Path(path_type=Path), metavar="PATH",
            help="Images: measure what each suggestion keeps of a trained TARGET, without training."),
    _counts("--weights", type=click.Path(path_type=Path), metavar="FILE",
            help="The trained weights, for --data.  [default: those that TARGET has]"),
    _counts("--unlabelled", is_flag=True, help="The images of --data have no labels: measure agreement."),
    pixel_options(_counts),
    _table("--compare", is_flag=True, help="Show models side by side, with ratios to the first."),
    column_options,
    _output("--json", "as_json", is_flag=True, help="Print JSON (schema archlab.audit/1)."),
    _output("--csv", "csv_file", type=click.Path(path_type=Path), help="Write all tables to a file."),
    _output("--html", "html_file", type=click.Path(path_type=Path), help="Write a report: one offline page."),
    quiet_option(),
]  # fmt: skip


def _what_ifs(run: AuditRun, request: Request, sliders: bool, say_what: Callable[[str], None]) -> Iterator[WhatIf]:
    """Yield what each model could be, or why that is not known: as when it cannot be said in the language."""
    from archlab.cli.named_text import is_text, text_of
    from archlab.errors import ArchlabError
    from archlab.what_if.what_if import WhatIf, what_if

    # An audit has the name of its text's network, which need not be that of the file.
    texts = {text.name: text for text in map(text_of, filter(is_text, request.targets))}
    for audit in run.audits:
        say_what(f"lifting {audit.name}")
        try:
            text = texts.get(audit.name) or text_of(audit.name.removesuffix("()"), request.inputs, request.trust)
            yield what_if(audit.name, text, sliders, say_what)
        except ArchlabError as error:
            yield WhatIf(audit.name, reason=f"nothing is suggested: {error.one_line}")


def _with_measures(
    found: WhatIf,
    request: Request,
    weights: Path | None,
    data: Path,
    labelled: bool,
    pixels: Pixels,
    say_what: Callable[[str], None],
) -> WhatIf:
    from archlab.cli.measured import measured_on
    from archlab.grammar import parse
    from archlab.report.suggestion_table import MOST_ROWS
    from archlab.shrink.read_model import read_named
    from archlab.what_if.suggest import suggest

    (target,) = request.targets
    model = read_named(target, weights, data, inputs=request.inputs, labelled=labelled, trust=request.trust)
    suggestions = suggest(parse(model.text))
    kept = measured_on(model, data, labelled, pixels, suggestions[:MOST_ROWS], say_what)
    return replace(found, suggestions=suggestions, kept=kept)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@command(
    examples=(
        "archlab audit torchvision:resnet50",
        "archlab audit 'timm:resnet*' --csv resnets.csv",
        "archlab audit my_models.py:small --input 3x96x96 --max macs=600M",
        "archlab audit resnet50 resnext50_32x4d --compare --html report.html",
    ),
    exit_codes={
        "0": "all is well",
        "1": "a limit or a check failed, or one of several models",
        "2": "nothing could be audited",
    },
)
@_with_options
def audit(
    by: str,
    depth: int | None,
    suggest: bool,
    data: Path | None,
    weights: Path | None,
    unlabelled: bool,
    mean: str | None,
    std: str | None,
    compare: bool,
    columns: str | None,
    wide: bool,
    structure: bool,
    as_json: bool,
    csv_file: Path | None,
    html_file: Path | None,
    **requested: object,
) -> None:
    """Count parameters, MACs, bytes and memory of existing torch models.

    TARGET is torchvision:NAME, timm:NAME (or a pattern), hf:CONFIG, diffusers:CONFIG (a config.json or its folder),
    ultralytics:YAML, package.module:factory(arg=…), file.py:factory, a shipped name, an .arch file or an exported
    .pt2. Naming a model runs its code: that of its module or file, and of its factory. A .pt2 can run code too when it
    is read; one with parts that could is refused without --trust. An .arch file runs nothing. Without a target,
    [tool.archlab.audit] in pyproject.toml says what to audit; with one, it does not count.
    """
    from archlab.audit.audit_request import request_over
    from archlab.audit.config import read_config

    if data is None and (weights is not None or unlabelled or mean is not None or std is not None):
        raise click.UsageError("--weights, --unlabelled, --mean and --std belong to --data")
    pixels = pixels_of(mean, std)
    requested["structure"] = structure or as_json or html_file is not None
    request = request_over(read_config(Path.cwd()), **requested)  # type: ignore[arg-type]  # click checks them

    if data is not None and (not suggest or len(request.targets) != 1):
        raise click.UsageError("--data measures the suggestions for one TARGET: give one, and --suggest")
    with interrupts(), progress("loading torch") as say_what:
        # What audits imports torch: a request that cannot be read has failed by now.
        from archlab.audit.audit_targets import run_audits
        from archlab.audit.formats import Options, render
        from archlab.audit.formats.terminal_format import HEADINGS
        from archlab.lift.model_graph import called_graph
        from archlab.report.terminal_tables import choice_of

        choice = choice_of(columns, wide, HEADINGS)

        def watch(name: str, done: int, total: int) -> None:
            say_what(f"auditing {name}" + (f", {done + 1} of {total}" if total > 1 else ""))

        run = run_audits(request, watch, called_graph)
        what_ifs = tuple(_what_ifs(run, request, html_file is not None, say_what)) if suggest else ()
        if data is not None and what_ifs and what_ifs[0].suggestions:
            what_ifs = (_with_measures(what_ifs[0], request, weights, data, not unlabelled, pixels, say_what),)
        options = Options(by, depth, compare, choice, structure, what_ifs)
    for name, path in (("csv", csv_file), ("html", html_file)):
        if path is not None:
            write_atomic(path, render(name, run, options), f"--{name}")
    text = printable_json(render("json", run, options)) if as_json else render("terminal", run, options)
    click.echo(text, nl=False, color=True)
    for problem in run.problems:
        say(problem)
    if run.exit_code:
        sys.exit(run.exit_code)
