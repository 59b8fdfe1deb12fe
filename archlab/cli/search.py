"""The commands of a search: it, workers that join it, and calibrations of a space."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from archlab.cli.column_options import column_options
from archlab.cli.interrupts import interrupts
from archlab.cli.messages import printable_json, say
from archlab.cli.progress import progress
from archlab.cost import METRICS
from archlab.detect.scores import DETECTION
from archlab.detect.training_plan import AUGMENTATIONS, TRAIN_STEPS
from archlab.errors import printable
from archlab.score import SCORES
from archlab.search.choices import HEARTBEAT, KEEP, MAX_DEATHS, PRUNERS, SAMPLER, SAMPLERS
from archlab.train.settings import Device


def _search_options(command: Callable[..., None]) -> Callable[..., None]:
    scores = [name for name, row in SCORES.items() if not row.is_baseline]
    limits = [f"{metric.name}={metric.example}" for metric in METRICS.values()]
    options: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
        click.argument("space"),
        click.option("--budget", "-b", "budget", multiple=True, metavar="METRIC=VALUE",
                     help=f"An upper limit: {', '.join(limits[:-1])} or {limits[-1]}; repeatable. macs=0.5x is half of "
                     "the space's default draw, depth>=20 a lower limit, macs=50M..60M both, stage3.params=1M or "
                     "backbone.macs=20M of a part, file.py:energy=3.5mJ of your own function of a candidate."),
        click.option("--require", "require", multiple=True, metavar="FUNCTION",
                     help="A filter of your own, file.py:function (its code is run): no network is evaluated for which "
                     "it returns False; repeatable."),
        click.option("--objective", "-o", "objective", multiple=True, metavar="NAME",
                     help=f"A score to maximise ({', '.join(scores)}; of detectors "
                     f"{', '.join(DETECTION)}), a metric to minimise, or your own package.module:function or "
                     "file.py:function (its code is run); repeat for a Pareto front.  [default: detection for a text "
                     "with a stage detect, score for others]"),
        click.option("--then", "then", multiple=True, metavar="NAME",
                     help="A later stage: an objective that judges the best of the stage before; repeatable."),
        click.option("--keep", multiple=True, metavar="SHARE",
                     help="How many go on to that stage, such as 25% or 8: one per --then, in order; of several "
                     f"objectives by Pareto front.  [default: {KEEP}]"),
        click.option("--replicates", type=click.IntRange(0, 1000), default=0, show_default=True, metavar="K",
                     help="Evaluate the best (--top) K times more with other seeds, and rank and report them by that."),
        click.option("--data", type=click.Path(path_type=Path), metavar="PATH",
                     help="Data for --objective train, detection and their like. For detectors: a COCO-format JSON "
                     "file or a folder with train.json and val.json, YOLO's data.yaml or folder, or a Pascal VOC "
                     "folder; by default drawn shapes. For classifiers: what `archlab train` takes."),
        click.option("--val", type=click.Path(path_type=Path), metavar="PATH",
                     help="Validation data of detectors.  [default: beside --data, or a fifth of it]"),
        click.option("--classes", metavar="NAME,NAME",
                     help="The classes that detectors are to look for.  [default: all of --data's]"),
        click.option("--train-top", type=click.IntRange(1), metavar="K",
                     help="Train the best K on --data, and rank detectors by AP, classifiers by accuracy on held-out "
                     "images: short for --then train --keep K."),
        click.option("--train-steps", type=click.IntRange(1), default=TRAIN_STEPS, show_default=True,
                     help="Steps of such a training. Another training keeps the scores before it."),
        click.option("--train-batch", type=click.IntRange(1), metavar="N",
                     help="Images a step.  [default: 8 for detectors, 64 for classifiers]"),
        click.option("--train-rate", type=click.FloatRange(0, min_open=True), metavar="RATE",
                     help="The peak learning rate.  [default: 0.002 for detectors, 0.05 for classifiers]"),
        click.option("--train-augment", default="", metavar="NAME,NAME",
                     help=f"What is done to detectors' training images besides mirroring: {', '.join(AUGMENTATIONS)}, "
                     "which show them up to twice smaller, and cut and up to twice larger."),
        click.option("--init", type=click.Path(path_type=Path), metavar="FILE",
                     help="Start detectors from these weights of a trained backbone, carried into narrower draws; "
                     "their batch norms are measured on --data and frozen."),
        click.option("--init-net", metavar="NET",
                     help="The network of these weights.  [default: the .arch file beside them]"),
        click.option("--device", type=click.Choice(get_args(Device)), default="auto", show_default=True,
                     help="Where to score and train; auto takes a GPU where there is one."),
        click.option("--input", "input", metavar="CxHxW", help="Another input size than the text's, such as 3x96x128."),
        click.option("--pruner", type=click.Choice(PRUNERS),
                     help="How an objective of yours that reports to its trial is stopped early.  [default: median in "
                     "the first stage, successive halving in later ones]"),
        click.option("--trials", "-n", type=click.IntRange(1), default=60, show_default=True,
                     help="Candidates to evaluate; over-budget and repeated draws are free."),
        click.option("--timeout", metavar="TIME", help="Begin no evaluation after this time, such as 10m."),
        click.option("--trial-timeout", metavar="TIME",
                     help="End an evaluation that takes longer, such as 30m; its candidate has failed."),
        click.option("--max-deaths", type=click.IntRange(1), default=MAX_DEATHS, show_default=True,
                     help="How many workers a network may kill before it is a failed candidate."),
        click.option("--keep-going", is_flag=True, default=False,
                     help="Go on when one error in one line of your file fails three evaluations in a row."),
        click.option("--retry-failed", is_flag=True, default=False,
                     help="Judge once more what failed in an earlier run."),
        click.option("--accept-changed-code", is_flag=True, default=False,
                     help="Resume a study that other code of yours has judged so far; the report says from where on."),
        click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
                     help="The seed of draws, weights and scores."),
        click.option("--sampler", type=click.Choice(SAMPLERS), default=SAMPLER, show_default=True,
                     help="How candidates are drawn."),
        click.option("--top", type=click.IntRange(1, 100), default=5, show_default=True, help="Finalists to report."),
        click.option("--out", type=click.Path(path_type=Path), help="Folder for all files.  [default: out/SPACE]"),
        click.option("--study", metavar="NAME", help="The study's name in its storage.  [default: the space's]"),
        click.option("--storage", metavar="ADDRESS",
                     envvar="ARCHLAB_STORAGE",
                     help="A journal file or database URL.  [default: study.journal in --out]"),
        click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True,
                     help="Processes that evaluate on this machine; `archlab worker` joins from others."),
        click.option("--heartbeat", type=click.IntRange(1, 3600), default=HEARTBEAT, show_default=True,
                     metavar="SECONDS",
                     help="A worker's sign of life on a database server; its trial is retried when two are missing."),
        click.option("--latency/--no-latency", default=True, show_default=True, help="Time the finalists."),
        click.option("--profile", type=click.Path(path_type=Path), metavar="FILE",
                     help="Predict latency by this profile of `archlab device profile`, instead of timing candidates."),
        click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True,
                     help="Torch's threads while timing."),
        click.option("--max-nodes", type=int, default=20_000, show_default=True,
                     help="Refuse texts that unfold into more operators than this."),
        column_options,
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    epilog="Examples:  archlab search mobile -b macs=300M -b params=3.4M --trials 60  ·  "
    "archlab search resnet50 -b macs=2G -o score -o macs --out out/resnet  ·  "
    "archlab search my.arch -o train.py:accuracy --timeout 2h  ·  "
    "archlab search mobile -b macs=300M -o score --then train.py:accuracy --keep 8  ·  "
    "archlab search mobile -b chip.py:energy=3.5mJ --require chip.py:fits  ·  "
    "archlab search mobile -b latency=5ms --profile my-device.json  ·  "
    "archlab search detection --data cells --train-top 4 --input 3x96x128  ·  "
    "archlab search mobile --data photos --train-top 4 --input 3x64x64.  "
    "The same command again resumes its study.  "
    "Exit codes:  0 done, or the time limit was reached  ·  1 no network meets the budget, or fvcore counts "
    "otherwise  ·  2 it cannot go on, as its last line says  ·  130 interrupted by Ctrl-C, 143 by SIGTERM, after "
    "writing what there is."
)
@_search_options
def search(**options: Any) -> None:
    """Search SPACE for the best networks under budgets."""
    from rich.console import Console

    from archlab.search.request import make_plan
    from archlab.search.storage.redact import redact
    from archlab.user_prints import ResultsOnly

    console = Console(stderr=True)

    def note(message: str) -> None:
        console.print(f"archlab: {printable(message)}", markup=False, highlight=False, soft_wrap=True)

    as_json, columns, wide = options.pop("as_json"), options.pop("columns"), options.pop("wide")
    command = shlex.join(["archlab", *map(redact, sys.argv[1:])])
    with interrupts() as interrupted, ResultsOnly() as stdout:
        with progress("loading torch and optuna"):
            plan = make_plan(options.pop("space"), **options, note=note, command=command)

            from archlab.report.search_summary import headings_of
            from archlab.report.terminal_tables import choice_of

            choice = choice_of(columns, wide, headings_of(o.name for s in plan.stages for o in s.objectives))

            from archlab.search.progress_line import progress_line
            from archlab.search.run import run_search
        from archlab.cli.tables import print_search
        from archlab.report.search_page import write_report
        from archlab.search.result import to_json
        from archlab.search.study.history import INTERRUPTED

        result = run_search(plan, lambda stage: progress_line(stage, console))
        write_report(result, plan.out / "report.html")
        with stdout.given_back():
            if as_json:
                click.echo(printable_json(to_json(result)), nl=False)
            else:
                print_search(result, plan.out, choice)
        if result.interrupted:
            say(f"ended early: {result.interrupted}; the same command resumes it")
        if result.interrupted == INTERRUPTED:
            interrupted.leave()
        if any(f.recount is not None and not f.recount.equal for f in result.finalists):
            say("fvcore counts a finalist differently: see the report")
            sys.exit(1)


@click.command(
    epilog="Example:  archlab worker --study mobile --storage postgresql://me@server/archlab -o train.py:accuracy, "
    "with the password in PGPASSWORD or ~/.pgpass"
)
@click.option("--study", required=True, metavar="NAME", help="The study, begun by `archlab search`.")
@click.option("--storage", required=True, metavar="ADDRESS", envvar="ARCHLAB_STORAGE",
              help="The journal file or database URL that holds it.")  # fmt: skip
@click.option(
    "--objective",
    "-o",
    "objectives",
    multiple=True,
    metavar="NAME",
    help="An objective, metric or rule of the study that is your own code: what is not named is not run; repeatable.",
)
@click.option("--space", metavar="SPACE", help="Refuse the study where it is not of this space.")
@click.option("--timeout", metavar="TIME", help="Begin no evaluation after this time, such as 10m.")
@click.option("--one-stage", is_flag=True, help="End with this study; do not continue with the search's later stages.")
@click.option("--json", "as_json", is_flag=True, help="Print how it ended as JSON.")
def worker(
    study: str,
    storage: str,
    objectives: tuple[str, ...],
    space: str | None,
    timeout: str | None,
    one_stage: bool,
    as_json: bool,
) -> None:
    """Evaluate candidates of a study that was begun elsewhere until it is done, stage after stage.

    The study carries its space, budgets, objectives and seed. An objective of your own must be where it was named, and
    is run when it is named here too: whoever can write to the storage can name any file.
    """
    from archlab.user_prints import ResultsOnly

    with interrupts() as interrupted, ResultsOnly() as stdout:
        from archlab.search.study.history import INTERRUPTED

        with progress("loading torch and optuna"):
            from archlab.search.workers.join import work

        history = work(storage, study, space, objectives=objectives, timeout=timeout, note=say, one_stage=one_stage)
        with stdout.given_back():
            if as_json:
                click.echo(json.dumps({"spent": history.evaluated, "interrupted": history.interrupted}))
            else:
                end = f"; {history.interrupted}" if history.interrupted else ""
                click.echo(printable(f"{history.evaluated} evaluations done{end}"))
        if history.interrupted == INTERRUPTED:
            interrupted.leave()


@click.command(
    epilog="Examples:  archlab calibrate mobile --from trained.csv --out mobile.json  ·  "
    "archlab calibrate my.arch -o train.py:accuracy -n 20 --out my.json, then archlab search my.arch -o my.json"
)
@click.argument("space")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Trained networks: a search's result.json, or a CSV with a column for each hole and one for the value.",
)
@click.option("--value", metavar="NAME", help="The value's column or objective.  [default: value, or the first]")
@click.option("--objective", "-o", metavar="NAME", help="Without --from: train networks drawn randomly with this.")
@click.option("--trials", "-n", type=click.IntRange(10), default=20, show_default=True, help="How many of them.")
@click.option("--budget", "-b", "budget", multiple=True, metavar="METRIC=VALUE", help="Limits on them.")
@click.option(
    "--score", "scores", multiple=True, metavar="NAME", help="Learn from this zero-cost score too; repeatable."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The .json file.")  # fmt: skip
def calibrate(space: str, out: Path, **options: Any) -> None:
    """Fit a score of SPACE to trained networks of it, to search with: --objective OUT."""
    from archlab.user_prints import ResultsOnly

    with interrupts(), ResultsOnly() as stdout:
        with progress(f"calibrating {space}"):
            from archlab.search.calibrate import calibrate as run

            fitted = run(space, out, **options)
        equal = "no such pairs" if fitted.kendall_equal_macs is None else f"{fitted.kendall_equal_macs:.2f}"
        with stdout.given_back():
            click.echo(f"{printable(str(out))}: {fitted.networks} networks; left-out Kendall {fitted.kendall:.2f}, "
                       f"Spearman {fitted.spearman:.2f}; Kendall at equal MACs {equal}")  # fmt: skip
