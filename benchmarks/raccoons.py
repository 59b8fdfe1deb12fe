"""A second truth: do the detection scores, chosen on BCCD, predict trained AP on other data, read from other levels?

    python -m benchmarks.raccoons --rows N    # N trainings that are not there yet, one line each; resumes
    python -m benchmarks.raccoons --again N   # N scores of the first input with a second seed; resumes
    python -m benchmarks.raccoons [--json]    # the table of both sets; --json records it

Photographs of raccoons, one class, 150 to train and 50 to validate. The rule, which stood in the repository before the
first of these trainings:

- Nothing is chosen on this set: no score, part, weight or step count. All of it is final.
- The backbones are the first two of each four neighbours of BCCD's pool: 32 over the same tenfold range of MACs, half
  of them in groups of near-equal MACs. Each is trained as a search's ``train`` does it, 300 steps of 8 images, seed 0;
  every third again with seed 1, from which the noise is known.
- Changed since, for time: the inputs after three trainings, one of them dropped at 128x160, and the order after seven.
- Two inputs, chosen by the sides of the boxes and by what a busy machine has time for, after three trainings and before
  any was compared: 64x96 with ``canonical`` 56, where p2, p3 and p4 read 7, 62 and 31 % of the boxes; and 96x128 with
  ``canonical`` 224, where every box is read from p2 as on BCCD. The first is trained in full before the second.
- The truth is COCO's AP on the validation images, the mean over the seeds; a training that failed counts as 0.
- *Probe first* holds if at both inputs the better half by the probe's class accuracy has the best eight by
  ``detection``, and as many of the best eight by AP as the better half by ``detection`` itself.
- A *rung* at a share of the steps is what a search's pruner does there, which looks at .6, with eight trainings one
  behind the other; eights are drawn from all, in any order. What it saves is steps, what it loses how far the best of
  those that go on is below the best of the eight. A search looks at .4 or .5 if there the mean loss is at most half the
  deviation of one training at both inputs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from benchmarks.detecting import second
from benchmarks.detecting.pool import GROUPS, MEMBERS, SPREAD
from benchmarks.detecting.trainings import DATA, KEY, STEPS, add_rows, scored, trained
from benchmarks.detecting.truth import lines
from benchmarks.machine import RESULTS, machine, record, versions

BCCD = RESULTS / "detection.json"
AGAIN = RESULTS / "raccoon_scores_again.jsonl"
ROWS = RESULTS / "raccoon_trainings.jsonl"
INPUTS = (((64, 96), 56), ((96, 128), 224))
"""Height and width, and ``canonical``."""

SCORES = ("detection", "roi_probe")
LOOKS = (0.4, 0.5, 0.6)
NETWORKS = tuple(index for index in range(SPREAD + GROUPS * MEMBERS) if index % 4 < 2)
MIXED = tuple(NETWORKS[i * 19 % len(NETWORKS)] for i in range(len(NETWORKS)))
"""In an order of which each beginning is a sample of the range of MACs."""


def jobs() -> Iterator[dict[str, Any]]:
    """Yield what is to be trained: an input in full before the next, and behind each fifth first seed a second one."""
    for at in INPUTS:
        again = iter(MIXED[::3])
        for i, network in enumerate(MIXED, start=1):
            yield _job(at, network, 0)
            if i % 5 == 0:
                yield _job(at, next(again), 1)
        yield from (_job(at, network, 1) for network in again)


def _job(at: tuple[tuple[int, int], float], network: int, seed: int) -> dict[str, Any]:
    size, canonical = at
    return dict(zip(KEY, ("raccoon", list(size), network, seed, canonical, STEPS), strict=True))


def row_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """Score and train one detector; scores are of the first seed alone."""
    return {**job, **(scored(job, SCORES) if job["seed"] == 0 else {}), **trained(job, LOOKS)}


def score_again(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return scores of another seed: how much of a score is its own luck."""
    found = scored(job, SCORES)
    return {**job, **found, "seconds": sum(found["score seconds"].values())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=0, metavar="N", help="train at most N that are not there yet")
    parser.add_argument("--again", type=int, default=0, metavar="N", help="score at most N with a second seed")
    parser.add_argument("--json", action="store_true", help="record the table in benchmarks/results/raccoons.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.rows or args.again:
        if not (DATA / "raccoon").is_dir():
            print(f"needs the data in {DATA / 'raccoon'}", file=sys.stderr)
            return 2
        add_rows(ROWS, jobs(), row_of, args.rows)
        add_rows(AGAIN, (_job(INPUTS[0], network, 1) for network in MIXED), score_again, args.again)
        return 0
    rows = lines(ROWS)
    trainings_there, scores_there = (lines(RESULTS / f"detection_{name}.jsonl") for name in ("trainings", "scores"))
    sets = {"bccd 96x128": second.of_bccd(json.loads(BCCD.read_text(encoding="utf-8")), trainings_there, scores_there)}
    trainings = {}
    for size, _ in INPUTS:
        name = f"raccoon {size[0]}x{size[1]}"
        own = [row for row in rows if tuple(row["size"]) == size]
        trainings[name] = {"done": len(own), "of": sum(1 for job in jobs() if tuple(job["size"]) == size)}
        if second.is_enough(own):
            again = [row for row in lines(AGAIN) if tuple(row["size"]) == size]
            sets[name] = second.of_rows(own) | second.again(own, again)
    second.show(sets)
    print(f"trainings: {trainings}")
    if args.json:
        told = {"steps": STEPS, "machine": machine(), "versions": versions(*PACKAGES)}
        record("raccoons", {"sets": sets, "trainings": trainings, **told})
    return 0


PACKAGES = ("torch", "torchvision", "numpy", "pycocotools")

if __name__ == "__main__":
    sys.exit(main())
