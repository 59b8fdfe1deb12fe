"""The options of ``archlab search``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from archlab.cli.column_options import column_options
from archlab.cli.completions import complete_budget, complete_function, complete_network, complete_objective
from archlab.cli.help_text import in_group
from archlab.cli.quiet import quiet_option
from archlab.cost import METRICS
from archlab.detect.scores import DETECTION
from archlab.detect.training_plan import AUGMENTATIONS, TRAIN_STEPS
from archlab.score import SCORES
from archlab.search.choices import HEARTBEAT, KEEP, MAX_DEATHS, PRUNERS, SAMPLER, SAMPLERS
from archlab.train.settings import Device

_wanted, _stages, _drawn = in_group("What is wanted"), in_group("Later stages"), in_group("How candidates are drawn")
_data, _length, _code = in_group("Data"), in_group("Length"), in_group("Code of yours")
_machine, _study, _output = in_group("Machine"), in_group("Study"), in_group("Output")


def search_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of ``archlab search``, which arrive under the names of ``archlab.search``'s arguments."""
    scores = [name for name, row in SCORES.items() if not row.is_baseline]
    limits = [f"{metric.name}={metric.example}" for metric in METRICS.values()]
    options: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
        click.argument("space", shell_complete=complete_network),
        _wanted("--budget", "-b", "budget", multiple=True, metavar="METRIC=VALUE", shell_complete=complete_budget,
                help=f"An upper limit: {', '.join(limits[:-1])} or {limits[-1]}; repeatable. macs=0.5x is half of "
                "the space's default draw, depth>=20 a lower limit, macs=50M..60M both, stage3.params=1M or "
                "backbone.macs=20M of a part, file.py:energy=3.5mJ of your own function of a candidate."),
        _wanted("--require", "require", multiple=True, metavar="FUNCTION", shell_complete=complete_function,
                help="A filter of your own, file.py:function (its code is run): no network is evaluated for which "
                "it returns False; repeatable."),
        _wanted("--objective", "-o", "objective", multiple=True, metavar="NAME", shell_complete=complete_objective,
                help=f"A score to maximise ({', '.join(scores)}; of detectors "
                f"{', '.join(DETECTION)}), a metric to minimise, or your own package.module:function or "
                "file.py:function (its code is run); repeat for a Pareto front.  [default: detection for a text "
                "with a stage detect, score for others]"),
        _wanted("--input", "input", metavar="CxHxW", help="Another input size than the text's, such as 3x96x128."),
        _data("--data", type=click.Path(path_type=Path), metavar="PATH",
              help="Data for --objective train, detection and their like. For detectors: a COCO-format JSON "
              "file or a folder with train.json and val.json, YOLO's data.yaml or folder, or a Pascal VOC "
              "folder; by default drawn shapes. For classifiers: what `archlab train` takes."),
        _data("--val", type=click.Path(path_type=Path), metavar="PATH",
              help="Validation data of detectors.  [default: beside --data, or a fifth of it]"),
        _data("--classes", metavar="NAME,NAME",
              help="The classes that detectors are to look for.  [default: all of --data's]"),
        _length("--trials", "-n", type=click.IntRange(1), default=60, show_default=True,
                help="Candidates to evaluate; over-budget and repeated draws are free."),
        _length("--timeout", metavar="TIME", help="Begin no evaluation after this time, such as 10m."),
        _length("--trial-timeout", metavar="TIME",
                help="End an evaluation that takes longer, such as 30m; its candidate has failed."),
        _stages("--then", "then", multiple=True, metavar="NAME", shell_complete=complete_objective,
                help="A later stage: an objective that judges the best of the stage before; repeatable."),
        _stages("--keep", multiple=True, metavar="SHARE",
                help="How many go on to that stage, such as 25% or 8: one per --then, in order; of several "
                f"objectives by Pareto front.  [default: {KEEP}]"),
        _stages("--replicates", type=click.IntRange(0, 1000), default=0, show_default=True, metavar="K",
                help="Evaluate the best (--top) K times more with other seeds, and rank and report them by that."),
        _stages("--train-top", type=click.IntRange(1), metavar="K",
                help="Train the best K on --data, and rank detectors by AP, classifiers by accuracy on held-out "
                "images: short for --then train --keep K."),
        _stages("--train-steps", type=click.IntRange(1), default=TRAIN_STEPS, show_default=True,
                help="Steps of such a training. Another training keeps the scores before it."),
        _stages("--train-batch", type=click.IntRange(1), metavar="N",
                help="Images a step.  [default: 8 for detectors, 64 for classifiers]"),
        _stages("--train-rate", type=click.FloatRange(0, min_open=True), metavar="RATE",
                help="The peak learning rate.  [default: 0.002 for detectors, 0.05 for classifiers]"),
        _stages("--train-augment", default="", metavar="NAME,NAME",
                help=f"What is done to detectors' training images besides mirroring: {', '.join(AUGMENTATIONS)}, "
                "which show them up to twice smaller, cut and up to twice larger, and each step at another size."),
        _stages("--init", type=click.Path(path_type=Path), metavar="FILE",
                help="Start detectors from these weights of a trained backbone, carried into narrower draws; "
                "their batch norms are measured on --data and frozen."),
        _stages("--init-net", metavar="NET", shell_complete=complete_network,
                help="The network of these weights.  [default: the .arch file beside them]"),
        _drawn("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
               help="The seed of draws, weights and scores."),
        _drawn("--sampler", type=click.Choice(SAMPLERS), default=SAMPLER, show_default=True,
               help="How candidates are drawn."),
        _drawn("--max-nodes", type=int, default=20_000, show_default=True,
               help="Refuse texts that unfold into more operators than this."),
        _machine("--device", type=click.Choice(get_args(Device)), default="auto", show_default=True,
                 help="Where to score and train; auto takes a GPU where there is one."),
        _machine("--workers", type=click.IntRange(1, 256), default=1, show_default=True,
                 help="Processes that evaluate on this machine; `archlab worker` joins from others."),
        _machine("--latency/--no-latency", default=True, show_default=True, help="Time the finalists."),
        _machine("--profile", type=click.Path(path_type=Path), metavar="FILE",
                 help="Predict latency by this profile of `archlab device profile`, instead of timing candidates."),
        _machine("--threads", type=click.IntRange(1, 1024), default=1, show_default=True,
                 help="Torch's threads while timing."),
        _code("--pruner", type=click.Choice(PRUNERS),
              help="How an objective of yours that reports to its trial is stopped early.  [default: median in "
              "the first stage, successive halving in later ones]"),
        _code("--max-deaths", type=click.IntRange(1), default=MAX_DEATHS, show_default=True,
              help="How many workers a network may kill before it is a failed candidate."),
        _code("--keep-going", is_flag=True, default=False,
              help="Go on when one error in one line of your file fails three evaluations in a row."),
        _code("--retry-failed", is_flag=True, default=False,
              help="Judge once more what failed in an earlier run."),
        _code("--accept-changed-code", is_flag=True, default=False,
              help="Resume a study that other code of yours has judged so far; the report says from where on."),
        _study("--study", metavar="NAME", help="The study's name in its storage.  [default: the space's]"),
        _study("--storage", metavar="ADDRESS", envvar="ARCHLAB_STORAGE",
               help="A journal file or database URL.  [default: study.journal in --out]"),
        _study("--heartbeat", type=click.IntRange(1, 3600), default=HEARTBEAT, show_default=True, metavar="SECONDS",
               help="A worker's sign of life on a database server; its trial is retried when two are missing."),
        _output("--top", type=click.IntRange(1, 100), default=5, show_default=True, help="Finalists to report."),
        _output("--out", type=click.Path(path_type=Path), help="Folder for all files.  [default: out/SPACE]"),
        _output("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        column_options,
        quiet_option(),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
