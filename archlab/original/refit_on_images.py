"""A network that others have cut, refitted on a user's images and measured on those that nothing was fitted on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from archlab.carry import Refitted, refit
from archlab.errors import InputError
from archlab.ir import Graph
from archlab.original.loaded import as_said, calibration_images, read_part, refuse_other_classes
from archlab.train.find_images import find_images
from archlab.train.image_source import odd_lines
from archlab.train.metrics import Evaluation, evaluate
from archlab.train.normalisation import Normalisation
from archlab.train.read_part import load_part

Note = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Measured:
    """A measure of the cut network before and after its refit, and of the original.

    Attributes:
        name: ``agreement`` with the original, or ``accuracy``.
        original: None for the agreement, which is that with itself.
    """

    name: str
    before: Evaluation
    after: Evaluation
    original: Evaluation | None = None


@dataclass(frozen=True, eq=False)
class RefitOutcome:
    """A refit on images.

    Attributes:
        refitted: the network and what its layers kept.
        measured: on test images, or on held-out ones where there are no others.
        fitted: how many images it was fitted on.
        normalisation: of the pixels.
    """

    refitted: Refitted
    measured: tuple[Measured, ...]
    fitted: int
    normalisation: Normalisation


def refit_on_images(
    cut: tuple[Graph, nn.Module],
    original: tuple[Graph, nn.Module],
    data: Path,
    count: int,
    *,
    labelled: bool = True,
    normalisation: Normalisation | None = None,
    seed: int = 0,
    note: Note = lambda _: None,
    progress: Note = lambda _: None,
) -> RefitOutcome:
    """Refit a cut network to its original on training images, whose labels are not read, and measure both.

    Args:
        cut, original: graph and module of each.
        data: as ``find_images`` takes it.
        count: how many training images to fit on, at most.
        labelled: whether the images' classes are the networks'.
        normalisation: of the pixels; by default the training images' own.

    Raises:
        InputError: the networks take images of different sizes, the images cannot be read, or as ``refit``.
    """
    shape = original[0].input_shape
    if cut[0].input_shape != shape:
        sizes = " and ".join("x".join(map(str, graph.input_shape)) for graph in (cut[0], original[0]))
        raise InputError(f"the networks take images of {sizes}", hint="set the size of both with --input")
    progress("finding the images")
    source = find_images(data, seed, labelled=labelled)
    for line in odd_lines(source.odd):
        note(line)
    if labelled:
        refuse_other_classes(original[0], source)
    known = normalisation or load_part(source, "train", shape, share=0.0, progress=progress).normalisation
    images = calibration_images(source, shape, known, count)
    progress(f"refitting on {len(images)} images")
    refitted = refit(cut[1], cut[0], original[1], original[0], images, seed=seed)
    progress("measuring")
    part = read_part(source, "test", shape, known, note=note, progress=progress)
    agreed = as_said(original[1], part)
    measured = [Measured("agreement", evaluate(cut[1], agreed), evaluate(refitted.module, agreed))]
    if labelled:
        measured.append(
            Measured("accuracy", evaluate(cut[1], part), evaluate(refitted.module, part), evaluate(original[1], part))
        )
    return RefitOutcome(refitted, tuple(measured), len(images), known)
