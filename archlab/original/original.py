"""A trained network and its images, as a file says them: enough for any worker to judge what a smaller one keeps."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archlab.decoding import MisfitError, decode
from archlab.errors import InputError
from archlab.files import write_atomic
from archlab.reading import read_json
from archlab.train.normalisation import Normalisation

SCHEMA = "archlab.judge/1"


@dataclass(frozen=True, slots=True)
class Original:
    """A trained network and its images.

    Attributes:
        text: the network's, without holes.
        weights: the file of its state dict, under the names of ``archlab.build``; as seen from the judge's file.
        weights_digest: of these tensors.
        data: where the images are, as ``find_images`` takes it.
        data_digest: of the source.
        labelled: whether the images' classes are the network's; else what the network says of them stands for these.
        seed: of the split, and of which images are taken.
        normalisation: what makes pixels the network's input.
        calibration: how many training images layers are fitted on.
    """

    text: str
    weights: str
    weights_digest: str
    data: str
    data_digest: str
    labelled: bool
    seed: int
    normalisation: Normalisation
    calibration: int


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How draws are judged: filled with the original's weights, refitted, and measured on held-out images.

    Attributes:
        refit: how far, as ``archlab.carry`` says it.
        images: of the calibration images, how many the refit reads.
        held_out: how many held-out images are read.
        judged: how many of these, the first, the network is measured on.
    """

    original: Original
    refit: Literal["gram", "walk"]
    images: int
    held_out: int
    judged: int
    schema: str = SCHEMA


def judge_json(settings: JudgeSettings) -> str:
    """Return settings as JSON."""
    return json.dumps(dataclasses.asdict(settings), indent=1, ensure_ascii=False) + "\n"


def write_judge(path: Path, settings: JudgeSettings) -> None:
    """Write settings as JSON, for a search to name as its objective."""
    write_atomic(path, judge_json(settings))


def read_judge(path: Path) -> JudgeSettings:
    """Read what ``write_judge`` wrote; ``weights`` is then a path from anywhere.

    Raises:
        InputError: the file cannot be read or is none of these, or what it names is not here.
    """
    try:
        settings = decode(JudgeSettings, read_json(path), "judge")
    except MisfitError as error:
        raise InputError(
            f"{path} is no judge of this version: {error}", hint="make it with `archlab shrink`"
        ) from error
    assert isinstance(settings, JudgeSettings)
    if settings.schema != SCHEMA:
        raise InputError(f"{path}: its schema is {settings.schema[:40]!r}, not {SCHEMA!r}")
    original = dataclasses.replace(settings.original, weights=str(path.parent / settings.original.weights))
    for what, place in (("weights", original.weights), ("images", original.data)):
        if not os.path.exists(place):
            raise InputError(f"{path} names the {what} in {place}, which are not here", hint="copy them")
    return dataclasses.replace(settings, original=original)
