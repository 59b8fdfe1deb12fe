"""The best of a search beside MobileNet v1 and v2 scaled to its finalists' MACs: all trained alike, then tested.

    python examples/sign_digits/compare.py out/sign_digits/result.json

Every network is trained with several seeds, and three times as long as in the search, so that none loses for learning
slowly. Of several finalists (--top) choose by the validation split: the test split is there to decide nothing. Every
training is written to ``comparison.json`` beside the result as it ends: the same command again resumes there.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import archlab
from archlab.files import write_atomic
from archlab.resources import find_architecture
from archlab.search.result import SearchResult, read_result


def in_one_line(error: archlab.ArchlabError) -> str:
    """Return what went wrong, and what to do."""
    return f"compare.py: {'; '.join(filter(None, (error.message, error.hint)))}"


try:
    from train import EPOCHS, recognised, train
except archlab.ArchlabError as missing:
    sys.exit(in_one_line(missing))


@dataclass(frozen=True, slots=True)
class Training:
    """How one network came out of one training: the shares of two splits that it recognises."""

    network: str
    digest: str
    macs: int
    params: int
    seed: int
    epochs: int
    val: float
    test: float
    cpu_seconds: float


Trainer = Callable[[str, archlab.Network, int], Training]


def main() -> None:
    """Train what was not trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("result", type=Path, help="result.json of the search")
    parser.add_argument("--top", type=int, default=1, help="finalists to train (default: 1, the best)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of every network (default: 3)")
    parser.add_argument("--epochs", type=int, default=3 * EPOCHS, help=f"of every training (default: {3 * EPOCHS})")
    options = parser.parse_args()
    try:
        result = read_result(options.result)
        if not result.finalists:
            raise archlab.InputError(f"{options.result} has no finalist", hint="search with more trials")
        trainer = resumable(options.result.with_name("comparison.json"), result, options.epochs)
        trainings = compare(result, trainer, options.top, range(1, options.seeds + 1))
    except archlab.ArchlabError as error:
        sys.exit(in_one_line(error))
    print(table(trainings))


def compare(result: SearchResult, train_one: Trainer, top: int, seeds: Sequence[int]) -> list[Training]:
    """Return the trainings of the finalists and of the MobileNets."""
    trainings = []
    for item in result.finalists[:top]:
        network = archlab.elaborate(archlab.parse(item.text))
        trainings += [train_one(item.name, network, seed) for seed in seeds]
    space = archlab.parse(result.space_text)
    macs = max(item.cost["macs"] for item in result.finalists)
    for name in ("mobilenet_v1", "mobilenet_v2"):
        network = mobilenet(name, macs, space)
        trainings += [train_one(f"{name} x {network.draws['width_mult']}", network, seed) for seed in seeds]
    return trainings


def by_network(trainings: Sequence[Training]) -> list[list[Training]]:
    """Return the trainings of each network, in order."""
    return [list(group) for _, group in itertools.groupby(trainings, lambda training: training.network)]


def mobilenet(name: str, macs: float, space: archlab.Architecture) -> archlab.Network:
    """Return the narrowest shipped MobileNet of at least ``macs`` MACs on the space's input, by steps of 0.01."""
    graph = archlab.elaborate(space).graph
    size, classes = "x".join(map(str, graph.input_shape)), graph.shape_of(graph.output)[0]
    text = find_architecture(name).read_text(encoding="utf-8")
    architecture = archlab.parse(text.replace("3x224x224", size).replace("(1000)", f"({classes})"), name)
    widths = (archlab.Fixed({"width_mult": percent / 100}) for percent in itertools.count(1))
    networks = (archlab.elaborate(architecture, width) for width in widths)
    return next(network for network in networks if archlab.cost(network).macs >= macs)


def resumable(path: Path, result: SearchResult, epochs: int) -> Trainer:
    """Return a function that trains a network and records that in ``path``, or finds it there."""
    known = json.loads(path.read_text(encoding="utf-8"))["trainings"] if path.exists() else []
    done = {(item.digest, item.seed, item.epochs): item for item in (Training(**fields) for fields in known)}

    def train_one(name: str, network: archlab.Network, seed: int) -> Training:
        key = (network.digest, seed, epochs)
        if key not in done:
            began = time.process_time()
            module = archlab.build(network.graph, seed)
            *_, val = train(module, seed, epochs)
            test = recognised(module, "test")
            seconds = round(time.process_time() - began, 1)
            cost = archlab.cost(network)
            done[key] = Training(name, network.digest, cost.macs, cost.params, seed, epochs, val, test, seconds)
            search = {"command": result.command, "versions": result.versions, "machine": result.machine}
            record = {"search": search, "trainings": [asdict(training) for training in done.values()]}
            write_atomic(path, json.dumps(record, indent=1) + "\n")
        print(f"{name}, seed {seed}: {done[key].val:.1%} of the validation split", file=sys.stderr)
        return done[key]

    return train_one


def table(trainings: Sequence[Training]) -> str:
    """Return means over each network's trainings, with their standard deviation, in Markdown."""
    lines = ["| network | MACs | params | validation % | test % | CPU s per training |", "|---|---|---|---|---|---|"]
    for group in by_network(trainings):
        counts = [f"{statistics.mean(x):,.0f}" for x in ([t.macs for t in group], [t.params for t in group])]
        shares = [
            f"{100 * statistics.mean(x):.1f} ± {100 * statistics.stdev(x):.1f}" if len(x) > 1 else f"{100 * x[0]:.1f}"
            for x in ([t.val for t in group], [t.test for t in group])
        ]
        seconds = f"{statistics.mean(t.cpu_seconds for t in group):.0f}"
        lines.append(f"| {' | '.join([group[0].network, *counts, *shares, seconds])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
