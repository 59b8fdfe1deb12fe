"""The networks that the proof of carried weights starts from: their texts, their images, their training.

Texts have a name in braces for each width that may become smaller, so that a width's cut is a text too.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import nn

from archlab.elaborate import elaborate
from archlab.files import make_folder, write_atomic
from archlab.grammar import parse
from archlab.ir import Graph
from archlab.nn import build
from archlab.train import (
    ImageSource,
    LabelledImages,
    TrainSettings,
    find_images,
    load_part,
    load_weights,
    save_weights,
    train,
)
from archlab.train.settings import Augmentation

Data = Literal["fashion_mnist", "sign_digits"]
Note = Callable[[str], None]

HOW_TO_GET = "apt-get install dataset-fashion-mnist"


@dataclass(frozen=True)
class Base:
    """A network to train and to cut.

    Attributes:
        name: its key in the record.
        template: its text, with a name in braces for each width.
        widths: what stands in their places, untouched.
        data: which images.
        steps: how long it is trained, 64 images a step.
        augment: how its images are varied.
    """

    name: str
    template: str
    widths: dict[str, int]
    data: Data
    steps: int
    augment: tuple[Augmentation, ...]

    def graph(self, widths: dict[str, int] | None = None) -> Graph:
        """Return the operators of the network with ``widths``, or with its own."""
        return elaborate(parse(self.text(widths))).graph

    def text(self, widths: dict[str, int] | None = None) -> str:
        """Return its text with ``widths``, or with its own."""
        return self.template.format(**(widths or self.widths))

    def macs(self, widths: dict[str, int] | None = None) -> int:
        """Return the multiply-accumulates of one image."""
        return sum(node.macs for node in self.graph(widths))

    def settings(self, steps: int, rate: float, seed: int) -> TrainSettings:
        """Return how it is trained, and fine-tuned."""
        return TrainSettings(steps=steps, rate=rate, batch=64, augment=self.augment, seed=seed, device="cpu")


_RESIDUAL = """net residual(input={input})
block unit(c, m, s=1) = residual(conv(m, 3, s=s) -> conv(c, 3, act=none)) -> relu
stem: conv({{w1}}, 3, s={stride})
s1: unit({{w1}}, {{m1}}) -> unit({{w1}}, {{m2}})
s2: unit({{w2}}, {{m3}}, s=2) -> unit({{w2}}, {{m4}})
s3: unit({{w3}}, {{m5}}, s=2) -> unit({{w3}}, {{m6}})
head: gap -> fc(10)
"""
_MOBILE = """net mobile(input=1x28x28)
block inv(c, m, k=3, s=1) = skip(conv(m, 1, act=relu6) -> depthwise(k, s=s, act=relu6) -> conv(c, 1, act=none))
stem: conv({w1}, 3, s=2, act=relu6)
s1: inv({w1}, {m1}) -> inv({w1}, {m2})
s2: inv({w2}, {m3}, s=2) -> inv({w2}, {m4}, k=5)
s3: inv({w3}, {m5}, s=2) -> inv({w3}, {m6}) -> inv({w3}, {m7}, k=5)
head: conv({w4}, 1, act=relu6) -> gap -> fc(10)
"""
_CONCATENATED = """net concatenated(input=1x28x28)
block mix(a, b, c, d) = cat(conv(a, 1), conv(b, 1) -> conv(c, 3), maxpool(3, s=1) -> conv(d, 1))
stem: conv({w1}, 3, s=2)
s1: mix({a1}, {b1}, {c1}, {d1}) -> mix({a2}, {b2}, {c2}, {d2}) -> maxpool(3, s=2)
s2: mix({a3}, {b3}, {c3}, {d3}) -> mix({a4}, {b4}, {c4}, {d4}) -> maxpool(3, s=2)
s3: mix({a5}, {b5}, {c5}, {d5})
head: gap -> fc(10)
"""
_WIDTHS = {"w1": 16, "w2": 32, "w3": 64, "m1": 16, "m2": 16, "m3": 32, "m4": 32, "m5": 64, "m6": 64}
_MOBILE_WIDTHS = {
    "w1": 16, "w2": 32, "w3": 64, "w4": 192,
    "m1": 48, "m2": 48, "m3": 64, "m4": 128, "m5": 128, "m6": 256, "m7": 256,
}  # fmt: skip
_MIXED = ((16, 16, 24, 8), (16, 24, 32, 8), (32, 32, 48, 16), (32, 32, 64, 16), (64, 64, 96, 32))
_CONCATENATED_WIDTHS = {
    "w1": 24,
    **{f"{key}{i}": width for i, row in enumerate(_MIXED, 1) for key, width in zip("abcd", row, strict=True)},
}

BASES = (
    Base("residual", _RESIDUAL.format(input="1x28x28", stride=2), _WIDTHS, "fashion_mnist", 4000, ("flip",)),
    Base("mobile", _MOBILE, _MOBILE_WIDTHS, "fashion_mnist", 2800, ("flip",)),
    Base("concatenated", _CONCATENATED, _CONCATENATED_WIDTHS, "fashion_mnist", 1200, ("flip",)),
    Base("sign_digits", _RESIDUAL.format(input="1x64x64", stride=4), _WIDTHS, "sign_digits", 1200, ("crop",)),
)
RATE = 0.1


@dataclass(frozen=True, eq=False)
class Parts:
    """Images of a base: those to train on, those that choose, and those that it is measured on.

    Attributes:
        source: where they are.
        unlabelled: where images are that ``archlab shrink --unlabelled`` may read: none of the test.
    """

    source: ImageSource
    unlabelled: Path
    training: LabelledImages
    held_out: LabelledImages
    test: LabelledImages


def images_of(base: Base, fashion_mnist: Path, sign_digits: Path, folder: Path) -> Parts:
    """Return a base's images.

    Raises:
        SystemExit: they are not here.
    """
    path = fashion_mnist if base.data == "fashion_mnist" else in_class_folders(sign_digits, folder)
    if not os.path.isdir(path):
        raise SystemExit(f"{path} is not here: install Fashion-MNIST ({HOW_TO_GET}), or name its folder with --data")
    source = find_images(path)
    shape = base.graph().input_shape
    training = load_part(source, "train", shape)
    held_out, test = (load_part(source, name, shape, normalisation=training.normalisation) for name in ("val", "test"))
    unlabelled = path if base.data == "fashion_mnist" else path / "train"
    return Parts(source, unlabelled, training, held_out, test)


def in_class_folders(sign_digits: Path, folder: Path) -> Path:
    """Copy the sign digits into class folders by their ``splits.json``, once."""
    made = folder / "sign_digits_images"
    if os.path.isdir(made) or not os.path.isfile(sign_digits / "splits.json"):
        return made
    half = folder / f"sign_digits_images.{os.getpid()}"
    splits = json.loads((sign_digits / "splits.json").read_text(encoding="utf-8"))
    for part, examples in splits.items():
        for example in examples:
            where = half / part / str(example["label"])
            make_folder(where)
            shutil.copyfile(sign_digits / example["file"], where / Path(example["file"]).name)
    half.rename(made)
    return made


def trained(base: Base, seed: int, parts: Parts, folder: Path, progress: Note) -> nn.Module:
    """Return a base's trained module; from ``folder`` where it is there. ``trained.json`` says how it was trained."""
    place = folder / f"{base.name}-{seed}"
    make_folder(place)
    module = build(base.graph(), seed)
    weights, said = place / "weights.pt", place / "trained.json"
    if not os.path.isfile(said):
        began = time.process_time()
        train(
            module, parts.training, parts.held_out, base.settings(base.steps, RATE, seed), folder=place,
            data_digest=parts.source.digest, progress=progress,
        )  # fmt: skip
        save_weights(module, weights)
        spent = round(time.process_time() - began, 1)
        write_atomic(said, json.dumps({"by": "archlab.train", "steps": base.steps, "cpu_seconds": spent}))
    load_weights(module, weights)
    return module.eval()
