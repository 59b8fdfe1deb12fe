"""The rewrite rules on trained networks: accuracy right after, without labels or training, beside the exact saving.

    python -m benchmarks.rewrite_weights /usr/share/datasets/fashion-mnist --bases out/bases

Images are Fashion-MNIST's (Debian's package dataset-fashion-mnist; any folder with its IDX files). A base whose weights
are not in ``--bases`` is trained first, some minutes each. For every rule with the options that ``archlab.suggest``
tries: all convolutions that it fits at once, measured on all 10,000 test images, then each of them alone, on the first
2,000. Refits read 512 training images.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import archlab
from archlab.carry.replace import replace
from archlab.carry.statistics import Statistics, collect
from archlab.elaborate import elaborate
from archlab.errors import ElaborationError
from archlab.exchange.rewrite import find_sites, rewrite_sites
from archlab.exchange.rewrite_rules import RewriteOptions
from archlab.grammar import parse, unparse
from archlab.grammar.ast import Architecture
from archlab.nn.weight_files import load_weights, save_weights
from archlab.train import LabelledImages, Normalisation, TrainSettings, evaluate, find_images, load_part, train
from archlab.what_if.suggest import ATTEMPTS, EVERYWHERE
from benchmarks.machine import RESULTS, machine, record, versions

BASES = {
    "resnet": """net resnet(input=1x28x28)
stem: conv(16, 3, s=2)
stage1: basic(16) -> basic(16)
stage2: basic(32, s=2) -> basic(32)
stage3: basic(64, s=2) -> basic(64)
head: gap -> fc(10)
""",
    "mobilenet": """net mobilenet(input=1x28x28)
stem: conv(16, 3, s=2, act=relu6)
stage1: inverted(16, e=3) -> inverted(16, e=3)
stage2: inverted(32, e=4, s=2) -> inverted(32, k=5, e=4)
stage3: inverted(64, e=4, s=2) -> inverted(64, e=4) -> inverted(64, k=5, e=4)
head: conv(192, 1, act=relu6) -> gap -> fc(10)
""",
    "wide kernels": """net wide(input=1x28x28)
stem: conv(16, 5, s=2)
stage1: conv(32, 5) -> conv(32, 5)
stage2: conv(64, 5, s=2) -> conv(64, 3)
head: gap -> fc(10)
""",
}
IMAGES, FEW = 512, 2_000
KNOWN = Normalisation((0.286,), (0.353,))
RECORDED = RESULTS / "rewrite_weights.json"
"""What is there of other bases stays there."""


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a folder with Fashion-MNIST's IDX files")
    parser.add_argument("--bases", type=Path, default=Path("out/bases"), help="where trained bases are kept")
    parser.add_argument("--base", choices=list(BASES), action="append", help="measure this base alone; repeatable")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    source = find_images(asked.data)
    parts = {part: load_part(source, part, (1, 28, 28), normalisation=KNOWN) for part in ("train", "val", "test")}
    bases: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))["bases"] if RECORDED.exists() else {}
    about = {"images": IMAGES, "test": {"everywhere": len(parts["test"]), "layer": FEW}}
    for name in asked.base or BASES:
        rows: dict[str, Any] = {}
        bases[name] = rows
        for part in _measure(name, parts, asked.bases):
            rows |= part
            record("rewrite_weights", {**about, "bases": bases, "machine": machine(), "versions": versions("torch")})


def _measure(name: str, parts: dict[str, LabelledImages], folder: Path) -> Iterator[dict[str, Any]]:
    text = parse(BASES[name])
    module = _trained(name, text, parts, folder)
    test, training = parts["test"], parts["train"]
    assert training.images is not None
    images = training.inputs(training.images[:: len(training) // IMAGES][:IMAGES])
    graph = elaborate(text).graph
    known = collect(module, graph, images)
    whole, few = evaluate(module, test).accuracy, evaluate(module, _first(test, FEW)).accuracy
    cost = archlab.cost(text)
    yield {"accuracy": whole, "accuracy_few": few, "macs": cost.macs, "params": cost.params}
    print(f"{name}: {100 * whole:.2f} %, {cost.macs:,} MACs", flush=True)
    rows: list[dict[str, Any]] = []
    fitting = [(rule, options, _fitting(text, rule, options)) for rule, options in ATTEMPTS]
    for rule, options, fits in fitting:
        if fits:
            row = _row(text, module, images, known, test, rule, options, EVERYWHERE, fits)
            rows.append(row)
            yield {"rows": rows}
    for rule, options, fits in fitting:
        sites = find_sites(text, rule, options)
        for number in fits if len(fits) > 1 else ():
            few_images = _first(test, FEW)
            path = sites[number].path
            rows.append(_row(text, module, images, known, few_images, rule, options, path, [number]))
            yield {"rows": rows}


def _row(
    text: Architecture,
    module: nn.Module,
    images: Tensor,
    known: Statistics,
    test: LabelledImages,
    rule: str,
    options: RewriteOptions,
    where: str,
    numbers: Sequence[int],
) -> dict[str, Any]:
    new = parse(unparse(rewrite_sites(text, rule, numbers, options)))
    began = time.process_time()
    made = replace(module, elaborate(text).graph, elaborate(new).graph, images, known=known)
    seconds = time.process_time() - began
    before, after = archlab.cost(text), archlab.cost(new)
    judged = evaluate(made.module, test)
    row = {
        "rule": rule,
        "options": {"dm": options.dm, "groups": options.groups, "e": options.e},
        "where": where,
        "layers": len(numbers),
        "macs": after.macs / before.macs,
        "params": after.params / before.params,
        "accuracy": judged.accuracy,
        "standard_error": judged.standard_error,
        "unexplained": [layer.error for layer in made.layers],
        "cpu_seconds": seconds,
    }
    print(f"  {rule} {options} {where}: {100 * judged.accuracy:.2f} % at {row['macs']:.2f} of the MACs", flush=True)
    return row


def _fitting(text: Architecture, rule: str, options: RewriteOptions) -> list[int]:
    """Return the convolutions that a rule fits, of those that it applies to."""
    fits = []
    for number in range(len(find_sites(text, rule, options))):
        try:
            elaborate(parse(unparse(rewrite_sites(text, rule, [number], options))))
        except ElaborationError:
            continue
        fits.append(number)
    return fits


def _trained(name: str, text: Architecture, parts: dict[str, LabelledImages], folder: Path) -> nn.Module:
    module, file = archlab.build(text), folder / f"{name.replace(' ', '_')}.safetensors"
    if file.is_file():
        load_weights(module, file)
        return module.eval()
    folder.mkdir(parents=True, exist_ok=True)
    settings = TrainSettings(epochs=4, rate=0.1, augment=("flip",), device="cpu")
    train(module, parts["train"], parts["val"], settings, progress=lambda words: print(words, end="\r", flush=True))
    save_weights(module, file)
    return module.eval()


def _first(part: LabelledImages, count: int) -> LabelledImages:
    assert part.images is not None
    return changed(part, examples=part.examples[:count], labels=part.labels[:count], images=part.images[:count])


if __name__ == "__main__":
    main()
