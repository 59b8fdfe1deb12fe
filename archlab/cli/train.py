"""The command that trains a classifier on a user's images."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from archlab.cli.completions import complete_hole, complete_network
from archlab.cli.help_text import command, in_group
from archlab.cli.interrupts import goes_on_from, interrupts
from archlab.cli.messages import printable_json, say
from archlab.cli.progress import progress
from archlab.cli.quiet import is_quiet, quiet_option
from archlab.errors import InputError, did_you_mean, printable
from archlab.train.settings import DECAYS, EPOCHS, RATES, Augmentation, Device, Optimiser, Precision, TrainSettings
from archlab.units import format_duration, format_percent, parse_duration

if TYPE_CHECKING:
    from archlab.elaborate import Network
    from archlab.grammar.ast import Architecture
    from archlab.train.outcome import Outcome
    from archlab.train.run import Look

_network_and_data, _teacher, _output = in_group("Network and images"), in_group("Teacher"), in_group("Output")
_length, _steps, _machine = in_group("Length"), in_group("Steps"), in_group("Machine")
_OWN = TrainSettings()
_AUGMENTATIONS = get_args(Augmentation)
_FILE = click.Path(path_type=Path)


def _by_optimiser(values: dict[Optimiser, float]) -> str:
    return f"[default: {', '.join(f'{value:g} for {name}' for name, value in values.items())}]"


def _settings(command: Callable[..., None]) -> Callable[..., None]:
    options = [
        _length("--epochs", type=float, metavar="N",
                help=f"See every training image so often.  [default: {EPOCHS}, without --steps and --time]"),
        _length("--steps", type=int, metavar="N", help="Take so many steps instead."),
        _length("--time", "seconds", metavar="TIME", help="Train for this long instead, such as 10m."),
        _steps("--batch", type=int, default=_OWN.batch, show_default=True, help="Images a step."),
        _steps("--optimiser", type=click.Choice(get_args(Optimiser)), default=_OWN.optimiser, show_default=True,
               help="SGD with Nesterov's momentum, or AdamW."),
        _steps("--rate", type=float, help=f"The highest learning rate.  {_by_optimiser(RATES)}"),
        _steps("--momentum", type=float, default=_OWN.momentum, show_default=True, help="Of SGD."),
        _steps("--weight-decay", type=float,
               help=f"Of weights that are neither norms' nor biases.  {_by_optimiser(DECAYS)}"),
        _steps("--warmup", type=float, default=_OWN.warmup, show_default=True,
               help="The share of the training in which the rate rises, before it falls along a cosine."),
        _steps("--augment", default="", metavar="NAME,NAME",
               help=f"Change training images at random: {', '.join(_AUGMENTATIONS)}.  [default: as they are]"),
        _steps("--label-smoothing", type=float, default=_OWN.label_smoothing, show_default=True,
               help="The share of a label that all classes get."),
        _steps("--ema", type=float, metavar="DECAY",
               help="Keep a moving average of the weights, such as 0.999."),
        _steps("--clip", type=float, metavar="NORM", help="Clip gradients to this norm."),
        _teacher("--distil", type=float, default=_OWN.distil, show_default=True,
                 help="The share of the loss that follows the teacher, where there is one."),
        _teacher("--temperature", type=float, default=_OWN.temperature, show_default=True,
                 help="At which it does."),
        _machine("--device", type=click.Choice(get_args(Device)), default=_OWN.device, show_default=True,
                 help="Where to train; auto takes a GPU where there is one."),
        _machine("--precision", type=click.Choice(get_args(Precision)), default=_OWN.precision, show_default=True,
                 help="Of the forward pass; auto is half precision on CUDA, and float32 elsewhere."),
        _machine("--channels-last/--channels-first", default=_OWN.channels_last, show_default=True,
                 help="How tensors lie in memory."),
        _length("--seed", type=int, default=_OWN.seed, show_default=True,
                help="Of the split, the weights, the order and the augmentation."),
        _machine("--checkpoint-every", metavar="TIME", default=format_duration(_OWN.checkpoint_every),
                 show_default=True, help="Write the state after this time; the same command goes on from it."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@command(
    examples=(
        "archlab train resnet18 --data photos --input 3x64x64 --time 10m",
        "archlab train my.arch --data digits.csv --epochs 20 --augment flip,crop",
        "archlab train my.arch --data photos --init my.safetensors --rate 0.01",
        "archlab train small.arch --data photos --teacher big.pt --teacher-net big.arch",
    ),
    notes=("The same command again goes on from its checkpoint.",),
)
@click.argument("net", shell_complete=complete_network)
@_network_and_data(
    "--data",
    required=True,
    type=_FILE,
    metavar="PATH",
    help="A folder with a folder for each class, with or without train, val and test above them; a folder of "
    "MNIST's kin (train-images-idx3-ubyte.gz); or a CSV file with the columns path and label.",
)
@_output("--out", type=_FILE, help="Write results and checkpoints to this folder.  [default: out/train-NET]")
@_network_and_data(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=complete_hole,
    help="Fill a hole or set a multiplier; repeatable.",
)
@_network_and_data("--input", "size", metavar="CxHxW", help="Another input size than the text's, such as 3x64x64.")
@_network_and_data("--init", type=_FILE, metavar="WEIGHTS", help="Begin with the weights in this file.")
@_teacher(
    "--teacher",
    type=_FILE,
    metavar="WEIGHTS",
    help="Follow a network of the same input and classes with these weights.",
)
@_teacher("--teacher-net", metavar="NET", shell_complete=complete_network, help="That network.  [default: NET itself]")
@_settings
@_output("--json", "as_json", is_flag=True, help="Print metrics.json instead of a summary.")
@quiet_option()
def train(
    net: str,
    data: Path,
    out: Path | None,
    sets: Sequence[str],
    size: str | None,
    init: Path | None,
    teacher: Path | None,
    teacher_net: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Train NET to classify images, and measure it on those that it never saw.

    A last layer fc(1000) or linear(1000) gets an output for each class instead. What the data does not split, --seed
    does: a tenth of each class validates, another tests. The folder gets weights.safetensors; metrics.json;
    training.html, with curves, confusions and mistakes; split.json, what was split; network.arch; and checkpoint.pt,
    from which the same command goes on when it was interrupted.
    """
    from archlab.grammar import unparse

    settings = _settings_of(options)
    if teacher is None and teacher_net is not None:
        raise InputError("--teacher-net needs its weights", hint="name them with --teacher")
    with interrupts():
        with progress("finding the images"):
            from archlab.train import find_images

            source = find_images(data, settings.seed)
        classes = len(source.classes)
        network, architecture = _network(net, sets, size, classes)
        guide = None
        if teacher is not None:
            guide = _network(teacher_net or net, () if teacher_net else sets, size, classes)[0].graph, teacher
        target = out or Path("out") / f"train-{network.name}"
        with progress("loading torch"):
            from archlab.report.training_page import write_training_page
            from archlab.train import train_network
            from archlab.train.loop import CHECKPOINT
        with progress("reading the images") as tell, goes_on_from(target / CHECKPOINT):
            outcome = train_network(
                network.graph,
                source,
                settings,
                target,
                text=unparse(architecture),
                init=init,
                teacher=guide,
                note=say,
                progress=tell,
                on_look=_say_look,
            )
            write_training_page(outcome, target / "training.html")
    if as_json:
        click.echo(printable_json(json.dumps(outcome.metrics, indent=1, ensure_ascii=False)))
    else:
        _print(outcome, target)


def _settings_of(options: dict[str, Any]) -> TrainSettings:
    names = tuple(name.strip() for name in options.pop("augment").split(",") if name.strip())
    odd = next((name for name in names if name not in _AUGMENTATIONS), None)
    if odd is not None:
        raise InputError(f"there is no augmentation {odd!r}", hint=did_you_mean(odd, _AUGMENTATIONS))
    for name in ("seconds", "checkpoint_every"):
        if options[name] is not None:
            options[name] = parse_duration(options[name])
    return TrainSettings(**options, augment=names)


def _network(net: str, sets: Sequence[str], size: str | None, classes: int) -> tuple[Network, Architecture]:
    """Return a network with an output for each class, and the text of it without holes."""
    from archlab.elaborate import Fixed, Interpreter, fill_holes, load, parse_values
    from archlab.grammar import parse_file, with_input, with_outputs
    from archlab.resources import find_architecture

    space = load(with_outputs(with_input(parse_file(find_architecture(net)), size), classes))
    network = Interpreter(space).network(Fixed(parse_values(sets)))
    return network, fill_holes(space, network)


def _say_look(look: Look) -> None:
    if is_quiet():
        return
    loss = "" if look.loss is None else f"loss {look.loss:.4f}, "
    say(f"epoch {look.epoch:.3g}: {loss}held out {format_percent(look.val_accuracy, 2)}")


def _print(outcome: Outcome, target: Path) -> None:
    test = outcome.test
    count = f"{len(test.labels):,} {'test' if test is not outcome.trained.last else 'held-out'} images"
    click.echo(f"accuracy   {format_percent(test.accuracy, 2)} ± {100 * test.standard_error:.2f} of {count}")
    click.echo(f"held out   {format_percent(outcome.trained.last.accuracy, 2)}")
    click.echo(f"steps      {outcome.trained.steps:,} in {outcome.trained.seconds:.0f} s on {outcome.trained.device}")
    click.echo(f"results    {printable(str(target))}")
