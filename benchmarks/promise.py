"""What a search broke of the promise: what objectives and storage saw, against the result after a resumption."""

from __future__ import annotations

from collections import Counter
from typing import Any

TRIALS, KEPT = 3, 2
"""Evaluations of the first stage, and of the second."""


def audit(found: dict[str, Any], events: list[tuple[str, str]]) -> list[str]:
    """Return what of the promise a search and its resumption have broken.

    Args:
        found: the result after the resumption.
        events: what objectives and storage have seen, in order.
    """
    broken = []
    scored = ["first:" + digest for _, state, digest in found["first"] if state == "scored"]
    second = ["second:" + digest for _, digest in found["second"]]
    results = Counter([*scored, *second])
    begun = Counter(digest for word, digest in events if word == "begun")
    ended = Counter(digest for word, digest in events if word == "ended")
    if (len(scored), found["evaluated"], len(second), found["judged"]) != (TRIALS, TRIALS, KEPT, KEPT):
        broken.append(f"the count: {len(scored)}, {found['evaluated']}, {len(second)}, {found['judged']}")
    if found["interrupted"]:
        broken.append(f"it says that it was interrupted: {found['interrupted']}")
    broken += [f"{digest} is in the result {times} times" for digest, times in results.items() if times != 1]
    broken += [f"{digest} had ended and is lost" for digest in ended if digest not in results]
    broken += [f"{digest} is in the result and never ended" for digest in results if digest not in ended]
    if sum(begun.values()) > TRIALS + KEPT + 1:
        broken.append(f"{sum(begun.values())} evaluations for {TRIALS + KEPT}, and one that a fault may cost")
    known: set[str] = set()
    for word, digest in events:
        if word == "begun" and digest in known:
            broken.append(f"{digest} was evaluated again after its record was written")
        elif word == "recorded":
            known.add(digest)
    broken += [f"a trial is left {state}" for states in found["states"] for state in states if state == "RUNNING"]
    return broken
