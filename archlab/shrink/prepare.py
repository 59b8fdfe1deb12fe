"""The original of a request: its weights written under the text's names, and how the best are fine-tuned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archlab.errors import InputError
from archlab.files import make_folder
from archlab.nn.weight_files import digest, save
from archlab.original.original import Original
from archlab.shrink.read_model import TrainedModel
from archlab.shrink.request import Finetuning, ShrinkRequest, parse_share
from archlab.shrink.trained import Trained, read_trained
from archlab.train import TrainSettings

Note = Callable[[str], None]

_GOES_ON = ("batch", "optimiser", "momentum", "weight_decay", "label_smoothing", "augment", "channels_last")
_GENTLE = 0.1
"""Of the original's learning rate: a refitted network is spoilt by more."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a request comes to.

    Attributes:
        trained: the network that is made smaller, and its images.
        original: it, as a search's objective reads it.
        finetuning: how the best are trained; None where they are not.
    """

    trained: Trained
    original: Original
    finetuning: Finetuning | None


def prepare(request: ShrinkRequest, note: Note, progress: Note) -> Prepared:
    """Read what a request names, and write the original's weights to its folder.

    Raises:
        InputError: as ``read_trained``; or a share of a training is asked for that nothing is known of.
    """
    model = TrainedModel("the network", request.text, request.weights)
    trained = read_trained(
        model, request.data, labelled=request.labelled, pixels=request.pixels, seed=request.seed, note=note,
        progress=progress,
    )  # fmt: skip
    make_folder(request.out)
    weights = request.out / "original.pt"
    save({name: tensor.contiguous() for name, tensor in trained.module.state_dict().items()}, weights)
    original = Original(
        text=request.text,
        weights=weights.name,
        weights_digest=digest(trained.module),
        data=str(request.data.resolve()),
        data_digest=trained.source.digest,
        labelled=request.labelled,
        seed=request.seed,
        normalisation=trained.normalisation,
        calibration=trained.calibration,
    )
    return Prepared(trained, original, _finetuning(request, trained))


def _finetuning(request: ShrinkRequest, trained: Trained) -> Finetuning | None:
    if request.finetune is None:
        return None
    metrics = trained.metrics
    value, is_share = parse_share(request.finetune)
    settings = metrics.get("settings") if isinstance(metrics.get("settings"), dict) else {}
    assert isinstance(settings, dict)
    going_on = {name: settings[name] for name in _GOES_ON if name in settings}
    if "augment" in going_on:
        going_on["augment"] = tuple(going_on["augment"])
    optimiser = TrainSettings(**going_on)
    rate = settings.get("rate", 0.0) or optimiser.highest_rate
    going_on["rate"] = _GENTLE * float(rate)
    if not is_share:
        return Finetuning(value, going_on)
    if not isinstance(metrics.get("steps"), int):
        raise InputError(
            f"how long the network was trained is not known, so {request.finetune} of it is not",
            hint="give epochs, such as --finetune 2; `archlab train` writes metrics.json beside its weights",
        )
    seen = metrics["steps"] * optimiser.batch
    return Finetuning(value * seen / max(1, len(trained.source.parts["train"])), going_on)
