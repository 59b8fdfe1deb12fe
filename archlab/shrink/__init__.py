"""From a trained network to a smaller trained network: searched, carried, refitted, tuned.

This file imports no torch before something is shrunk: ``import archlab`` must stay quick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlab.errors import InputError
from archlab.shrink.request import HOLES, ShrinkRequest
from archlab.what_if.suggest import EVERYWHERE

if TYPE_CHECKING:
    from torch import Tensor, nn

    from archlab.search.study.history import Progress
    from archlab.shrink.shrink import ShrinkOutcome

__all__ = ["shrink"]


def shrink(
    model: nn.Module | str | Path,
    data: str | Path,
    budget: Iterable[str] = (),
    *,
    rule: str = "",
    where: str = EVERYWHERE,
    weights: str | Path | Mapping[str, Tensor] | None = None,
    inputs: Any = None,
    labelled: bool = True,
    finetune: str | None = None,
    mean: Iterable[float] = (),
    std: Iterable[float] = (),
    holes: Iterable[str] = HOLES,
    trials: int = 40,
    seed: int = 0,
    workers: int = 1,
    out: str | Path | None = None,
    note: Callable[[str], None] = lambda _: None,
    progress: Progress | None = None,
) -> ShrinkOutcome:
    """Make a trained classifier smaller and keep what it has learned, as ``archlab shrink`` does.

    Args:
        model: a trained module; or a shipped name, an ``.arch`` file, or any target that ``archlab lift`` takes.
        data: images: class folders, MNIST's kin or a CSV table; with ``labelled=False`` any folder of images.
        budget: limits such as ``"macs=0.5x"``, half of the model's.
        rule: in place of a budget, a rule of ``archlab.rewrite`` by which the model is rewritten: ``"separable dm=4"``.
        where: the stage or layer that the rule is for, as ``archlab.suggest`` names it.
        weights: of a model that is named: a file, or for a text a state dict under the names of ``archlab.build``.
        inputs: what a module is called with, such as ``(1, 3, 224, 224)``; for a name ``"3x224x224"``.
        labelled: whether the images' labels are the model's classes; else its agreement with the model judges.
        finetune: train the best with labels: epochs such as ``"2"``, or a share such as ``"10%"`` of the training that
            ``metrics.json`` beside the weights tells of.
        mean, std: what pixels from 0 to 1 are normalised by; by default what stands beside the weights, else the
            training images' own.
        holes: what may become smaller, of ``width``, ``inner``, ``depth``, ``kernel`` and ``expansion``.
        trials: how many networks to judge.
        seed: of draws and samples.
        workers: processes that judge.
        out: the folder for all files, by default ``out/shrink-NAME``; what is there is gone on with.
        note: called with a sentence about what is out of the ordinary.
        progress: makes a watcher of each stage of the search.

    Returns:
        the smaller network's ``module``, in evaluation, its ``graph``, ``shrunk``, what it keeps at what cost, and the
        ``folder`` that has ``network.arch``, ``weights.safetensors``, ``shrunk.json`` and ``shrunk.html``.

    Raises:
        BudgetError: nothing below the model meets the budget.
        LiftError: the model cannot be said in the language.
        InputError: an argument, the weights, the images or the folder cannot be used.
    """
    from archlab.report.shrunk_page import write_shrunk_page
    from archlab.shrink.read_model import TrainedModel, read_module, read_named
    from archlab.shrink.shrink import shrink as run

    images = Path(data)
    if not isinstance(model, str | Path):
        if weights is not None:
            raise InputError("a module has its weights in it", hint="leave weights out, or load them into it first")
        found = read_module(model, inputs)
    elif weights is None or isinstance(weights, str | Path):
        file = None if weights is None else Path(weights)
        shapes = [inputs] if isinstance(inputs, str) else []
        found = read_named(str(model), file, images, inputs=shapes, labelled=labelled)
    else:
        named = read_named(str(model), Path(), images, labelled=labelled)
        found = TrainedModel(named.name, named.text, weights)
    request = ShrinkRequest(
        text=found.text,
        weights=found.weights,
        data=images,
        budget=tuple(budget),
        rule=rule,
        where=where,
        out=Path("out") / f"shrink-{found.name}" if out is None else Path(out),
        labelled=labelled,
        finetune=finetune,
        mean=tuple(mean),
        std=tuple(std),
        holes=tuple(holes),
        trials=trials,
        seed=seed,
        workers=workers,
        command=f"archlab.shrink({found.name}, …)",
    )
    outcome = run(request, note=note, progress=progress)
    write_shrunk_page(outcome.shrunk, outcome.folder / "shrunk.html")
    return outcome
