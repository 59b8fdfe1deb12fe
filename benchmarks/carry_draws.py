"""How well what a draw keeps right after the cut predicts what it is worth after fine-tuning.

    python -m benchmarks.carry_draws --folder ...

Twenty random draws at half of a base's MACs; the command needs the trained base of ``benchmarks.carry``, and goes on.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import torch

from archlab.train import evaluate, train
from benchmarks.carry import Bench, bench_of
from benchmarks.carry_bases import BASES, Base
from benchmarks.carry_cuts import LEAST_USED, filled
from benchmarks.carry_record import SHARES, write_record
from benchmarks.carry_rows import Rows

DRAWS, SHARE, RATE = 20, 0.5, 0.01
LEAST = 2


def random_widths(base: Base, share: float, rng: random.Random) -> dict[str, int]:
    """Return widths drawn at random, then scaled so that they use 97 to 100 % of a share of the base's MACs."""
    budget = share * base.macs()
    while True:
        drawn = {name: width * rng.uniform(0.3, 1) for name, width in base.widths.items()}
        low, high = 0.1, 4.0
        for _ in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if base.macs(_scaled(base, drawn, middle)) <= budget else (low, middle)
        widths = _scaled(base, drawn, low)
        if LEAST_USED * budget <= base.macs(widths) <= budget:
            return widths


def _scaled(base: Base, drawn: dict[str, float], factor: float) -> dict[str, int]:
    return {name: min(base.widths[name], max(LEAST, round(factor * width))) for name, width in drawn.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """Judge draws that are not judged yet, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"), metavar="FOLDER")
    parser.add_argument("--sign-digits", type=Path, default=Path("../shared/data/sign_digits"), metavar="FOLDER")
    parser.add_argument("--folder", type=Path, required=True, help="that of benchmarks.carry")
    parser.add_argument("--base", choices=[base.name for base in BASES], default=BASES[0].name)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    base = next(base for base in BASES if base.name == args.base)
    bench = bench_of(base, 0, args)
    judged = Rows(bench.folder / "draws.jsonl")
    rng = random.Random(0)
    for i in range(DRAWS):
        widths = random_widths(base, SHARE, rng)
        if not judged.find(draw=i):
            judged.add(draw=i, macs=base.macs(widths), **_worth(bench, widths))
            write_record(args.folder)


def _worth(bench: Bench, widths: dict[str, int]) -> dict[str, float]:
    parts, base = bench.trained.parts, bench.trained.base
    cuts = {refit: filled(bench.trained, widths, refit) for refit in ("gram", "walk")}
    said = {refit: evaluate(cut.module, parts.held_out).accuracy for refit, cut in cuts.items()}
    module = cuts["walk"].module
    train(module, parts.training, parts.held_out, base.settings(round(SHARES[0] * bench.steps), RATE, 0))
    return {**said, "fine_tuned": evaluate(module, parts.test).accuracy}


if __name__ == "__main__":
    main()
