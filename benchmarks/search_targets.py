"""What the default sampler is to reach in ``benchmarks.search``, and what of it a record misses."""

from __future__ import annotations

from typing import Any

PEERS = ("gp", "botorch")
"""Optuna's Gaussian processes, which the default is to be no worse than."""
MOST_STUCK = 0.1
SHARE_OF_EVOLUTION = 2 / 3
MOST_CPU_MS = 15


def missed(result: dict[str, Any]) -> list[str]:
    """Return the targets that the default misses, in words; what was not run is not missed."""
    found = []
    for task, quantiles in result["tables"].items():
        for q, rows in quantiles.items():
            if "default" in rows:
                where = f"{task} at {float(q):.0%}"
                found += [f"{where}: {words}" for words in (*_of_row(task, rows), *(_on_macro(q, rows, task)))]
    for task, samplers in result["two_objectives"].items():
        shares = samplers.get("default", {}).get("share", {})
        if task == "macro":
            found += [
                f"{task}: less than {least:.1%} of the hypervolume at {n}"
                for n, least in (("100", 0.97), ("200", 0.999))
                if n in shares and shares[n] < least
            ]
    return found


def _of_row(task: str, rows: dict[str, Any]) -> list[str]:
    ours = rows["default"]
    regret, words = ours["regret"]["100"], []
    if task == "nb201_imagenet16" and ours["stuck"] > MOST_STUCK:
        words.append(f"stuck on {ours['stuck']:.0%} of the seeds")
    evolution = rows.get("evolution")
    if evolution is not None and regret > SHARE_OF_EVOLUTION * evolution["regret"]["100"]:
        words.append(f"a regret of {regret} is more than two thirds of evolution's {evolution['regret']['100']}")
    words += [
        f"a regret of {regret} is more than the {rows[name]['regret']['100']} of {name}"
        for name in PEERS
        if name in rows and regret > rows[name]["regret"]["100"]
    ]
    if ours["infeasible_share"] or ours["repeated_share"]:
        words.append("infeasible or repeated evaluations")
    if ours["cpu_ms_a_trial"] > MOST_CPU_MS:
        words.append(f"{ours['cpu_ms_a_trial']} ms of CPU a trial, more than {MOST_CPU_MS}")
    return words


def _on_macro(q: str, rows: dict[str, Any], task: str) -> list[str]:
    if task != "macro":
        return []
    ours, words = rows["default"], []
    evals = ours["median_evals"] or float("inf")
    if q == "0.25" and evals > 20:
        words.append(f"{evals} evaluations to within 0.2 points, more than 20")
    if q != "0.25" and "tpe" in rows and 3 * evals > (rows["tpe"]["median_evals"] or float("inf")):
        words.append("more than a third of TPE's evaluations")
    if (ours["worst_regret"]["100"] or 0) > 0:
        words.append(f"{ours['seeds'] - ours['seeds_at_the_best']['100']} seeds not at the best after 100")
    return words
