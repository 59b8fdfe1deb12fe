"""What carried weights are worth: trained networks cut to a half and to three tenths of their MACs.

Bases are trained here, cut by ``archlab shrink`` without labels, by uniform width and by the peers, measured on all
test images right after the cut and after a short fine-tuning. Each figure is recorded as soon as it is there; the same
command goes on.

    apt-get install dataset-fashion-mnist          # 70,000 images; nothing is downloaded here
    pip install --target peers --no-deps torch-pruning==1.6.1 nvidia-modelopt==0.47.0 torchprofile==0.0.4 \\
        omegaconf pulp nvidia-ml-py pydantic pydantic-core typing-inspection annotated-types \\
        antlr4-python3-runtime==4.9.3 requests urllib3 charset-normalizer certifi idna regex
    OMP_NUM_THREADS=1 PYTHONPATH=peers:. python -m benchmarks.carry --data /usr/share/datasets/fashion-mnist
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from archlab.files import make_folder
from archlab.nn import build
from archlab.train import evaluate, train
from benchmarks.carry_bases import BASES, RATE, Base, images_of, trained
from benchmarks.carry_cuts import Cut, Trained, by_archlab, filled, stopwatch, uniform, with_statistics
from benchmarks.carry_peers import by_fastnas, by_torch_pruning
from benchmarks.carry_record import BUDGETS, SHARES, write_record
from benchmarks.carry_rows import FINE_TUNED, RIGHT_AFTER, Rows, best_rate

RATES = (0.05, 0.01)
SEEDS = 5
"""Fine-tunings of our network and of the best peer's; of others one."""


@dataclass(frozen=True)
class Bench:
    """A trained base, the steps that it was trained for, the place of its cuts, and the rows that are there."""

    trained: Trained
    seed: int
    steps: int
    folder: Path
    rows: Rows

    def file(self, budget: str, method: str) -> Path:
        """Return where a cut is kept."""
        return self.folder / f"{method}-{budget}.cut"

    def has(self, budget: str, method: str) -> bool:
        """Return whether a cut was measured."""
        return bool(self.rows.find(kind="cut", budget=budget, method=method, **self.key))

    @property
    def key(self) -> dict[str, object]:
        """What every row of this base has."""
        return {"base": self.trained.base.name, "seed": self.seed}

    def keep(self, budget: str, method: str, cut: Cut) -> None:
        """Measure a cut on the held-out and the test images, and write both."""
        torch.save(cut, self.file(budget, method))
        parts = self.trained.parts
        tested = evaluate(cut.module, parts.test)
        self.rows.add(
            kind="cut", **self.key, budget=budget, method=method, accuracy=tested.accuracy, images=len(tested.labels),
            held_out=evaluate(cut.module, parts.held_out).accuracy, macs=cut.macs / self.trained.base.macs(),
            cpu_seconds=cut.cpu_seconds, said=cut.said,
        )  # fmt: skip
        print(f"{self.trained.base.name} {self.seed} {budget} {method}: {tested.accuracy:.4f}", file=sys.stderr)


def cut_all(bench: Bench, budget: str, methods: Sequence[str]) -> None:
    """Measure the cuts of a base that are not measured yet; a peer's failure is written down and goes by."""
    base = bench.trained.base
    for method, make in _cuts(bench, budget):
        if any(one in methods and not bench.has(budget, one) for one in method.split("+")):
            try:
                found = make()
            except Exception as error:
                if method.split("+")[0] not in ("torch_pruning", "fastnas"):
                    raise
                why = f"{type(error).__name__}: {str(error)[:300]}"
                bench.rows.add(kind="failed", **bench.key, budget=budget, method=method, said=why)
                print(f"{base.name} {bench.seed} {budget} {method}: {why}", file=sys.stderr)
                continue
            for one, cut in zip(method.split("+"), found, strict=True):
                if not bench.has(budget, one):
                    bench.keep(budget, one, cut)


def _cuts(bench: Bench, budget: str) -> Iterator[tuple[str, Callable[[], tuple[Cut, ...]]]]:
    """Yield what makes each method's cut, in the order of what matters most."""
    one, share = bench.trained, float(budget)

    def say(words: str) -> None:
        print(f"{one.base.name} {bench.seed} {budget}: {words}", file=sys.stderr)

    yield "base", lambda: (Cut(one.module, one.base.macs(), 0.0, one.base.widths),)
    yield "archlab+archlab_closed_form", lambda: by_archlab(one, share, bench.folder / f"shrink-{budget}", say)
    yield "uniform_plain", lambda: (filled(one, uniform(one.base, share), "plain"),)
    yield "uniform_gram", lambda: (filled(one, uniform(one.base, share), "gram"),)
    yield "uniform_walk", lambda: (filled(one, uniform(one.base, share), "walk"),)
    yield "torch_pruning", lambda: (_best_pruned(bench, share),)
    if bench.has(budget, "torch_pruning"):
        yield "torch_pruning_refit", lambda: _refitted(bench, budget, "torch_pruning")
    yield "fastnas", lambda: (by_fastnas(one, share),)
    if bench.has(budget, "fastnas"):
        yield "fastnas_refit", lambda: _refitted(bench, budget, "fastnas")


def _best_pruned(bench: Bench, share: float) -> Cut:
    """Return Torch-Pruning's best of four by held-out images, with what it was and what the others gave."""
    found: list[tuple[float, Cut]] = []
    for importance in ("magnitude", "taylor"):
        for everywhere in (False, True):
            cut = by_torch_pruning(bench.trained, [share], importance, everywhere)[share]
            found.append((evaluate(cut.module, bench.trained.parts.held_out).accuracy, cut))
    best = max(found, key=lambda pair: pair[0])[1]
    said = "; ".join(f"{cut.said} {accuracy:.4f}" for accuracy, cut in found)
    return Cut(best.module, best.macs, best.cpu_seconds, best.widths, f"{best.said} (held-out: {said})")


def _refitted(bench: Bench, budget: str, peer: str) -> tuple[Cut, ...]:
    """Return the walk into a peer's widths: the channels are ours within them."""
    theirs: Cut = torch.load(bench.file(budget, peer), weights_only=False)
    if theirs.widths is None:
        raise ValueError(f"what {peer} made is no draw of the base")
    return (filled(bench.trained, theirs.widths, "walk", theirs.cpu_seconds),)


def tune_all(bench: Bench, budget: str, share: float, methods: Sequence[str], most: int = SEEDS) -> None:
    """Fine-tune the cuts of a base that are not tuned yet: at both rates with one seed, then at the better."""
    peers = [row for name in ("torch_pruning", "fastnas")
             for row in bench.rows.find(kind="cut", budget=budget, method=name, **bench.key)]  # fmt: skip
    best_peer = max(peers, key=lambda row: row["held_out"])["method"] if peers else ""
    for seed in range(most):
        for method in methods:
            few = seed > 0 and method not in ("archlab", best_peer)
            if few or (method != "scratch" and not bench.has(budget, method)):
                continue
            key = {"kind": "tuned", **bench.key, "budget": budget, "method": method, "share": share}
            rates = (RATE,) if method == "scratch" else RATES if seed == 0 else (best_rate(bench.rows.find(**key)),)
            for rate in rates:
                if not bench.rows.find(**key, training=seed, rate=rate):
                    bench.rows.add(**key, training=seed, rate=rate, **_tuned(bench, budget, method, share, seed, rate))


def _tuned(bench: Bench, budget: str, method: str, share: float, seed: int, rate: float) -> dict[str, float]:
    one = bench.trained
    if method == "scratch":
        widths = uniform(one.base, float(budget))
        cut = Cut(build(one.base.graph(widths), seed), one.base.macs(widths), 0.0, widths)
    else:
        cut = torch.load(bench.file(budget, method), weights_only=False)
    module = copy.deepcopy(cut.module)
    settings = one.base.settings(max(1, round(share * bench.steps)), rate, seed)
    with stopwatch() as clock:
        held_out = train(module, one.parts.training, one.parts.held_out, settings).last.accuracy
    tested = evaluate(module.eval(), one.parts.test)
    kept = tested.accuracy
    if method == "archlab":
        (before,) = bench.rows.find(kind="cut", budget=budget, method=method, **bench.key)
        kept = before["accuracy"] if before["held_out"] >= held_out else kept
    return {
        "accuracy": tested.accuracy, "kept": kept, "held_out": held_out, "images": len(tested.labels),
        "macs": cut.macs / one.base.macs(), "cpu_seconds": cut.cpu_seconds + clock.seconds,
    }  # fmt: skip


def bench_of(base: Base, seed: int, args: argparse.Namespace) -> Bench:
    """Return a base, trained, with its place."""
    parts = images_of(base, args.data, args.sign_digits, args.folder)

    def say(words: str) -> None:
        print(f"{base.name} {seed}: {words}", file=sys.stderr)

    module = trained(base, seed, parts, args.folder, say)
    place = args.folder / f"{base.name}-{seed}"
    steps = json.loads((place / "trained.json").read_text(encoding="utf-8"))["steps"]
    known = with_statistics(base, module, place / "weights.pt", parts)
    return Bench(known, seed, steps, place, Rows(place / "rows.jsonl"))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what is not measured yet, and write the record after each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"), metavar="FOLDER",
                        help="Fashion-MNIST's IDX files")  # fmt: skip
    parser.add_argument("--sign-digits", type=Path, default=Path("../shared/data/sign_digits"), metavar="FOLDER")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "archlab-carry",
                        help="where weights and rows are kept, so that a run goes on")  # fmt: skip
    parser.add_argument("--bases", nargs="+", default=[base.name for base in BASES], metavar="NAME")
    parser.add_argument("--budgets", nargs="+", default=BUDGETS, choices=BUDGETS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1], help="of the bases")
    every = list(dict.fromkeys([*RIGHT_AFTER, *FINE_TUNED]))
    parser.add_argument("--methods", nargs="+", default=every, choices=every, metavar="NAME",
                        help="what to cut with and to fine-tune, to share the work out over processes")  # fmt: skip
    parser.add_argument("--shares", nargs="*", type=float, default=SHARES, choices=SHARES,
                        help="of the base's training, in fine-tuning; none for the cuts alone")  # fmt: skip
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    for name in ("torch_pruning", "modelopt"):
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed: it will be missing in the record", file=sys.stderr)
    make_folder(args.folder)
    for seed in args.seeds:
        for base in (base for base in BASES if base.name in args.bases):
            bench = bench_of(base, seed, args)
            for budget in args.budgets:
                cut_all(bench, budget, args.methods)
                write_record(args.folder)
            tuned = [method for method in FINE_TUNED if method in args.methods]
            for share, most in ((SHARES[0], SEEDS), (SHARES[1], 1)):
                for budget in args.budgets if share in args.shares and (seed == 0 or share == SHARES[0]) else ():
                    tune_all(bench, budget, share, tuned, most)
                    write_record(args.folder)


if __name__ == "__main__":
    main()
