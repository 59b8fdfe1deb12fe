"""What ``archlab calibrate`` does: a score of a space, fitted to trained networks of it and written to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from archlab.elaborate import Interpreter, load
from archlab.errors import InputError
from archlab.grammar import parse_file
from archlab.resources import find_architecture
from archlab.search.calibration import Calibration, fit, read_trained, write_calibration
from archlab.search.request import make_plan
from archlab.search.run import run_search
from archlab.search.study.history import INTERRUPTED, Progress, no_progress


def calibrate(
    space: str,
    out: Path,
    *,
    source: Path | None = None,
    value: str | None = None,
    objective: str | None = None,
    trials: int = 20,
    budget: Iterable[str] = (),
    scores: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = no_progress,
    say: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Fit a score of ``space`` to trained networks of it, and write it to the ``.json`` file ``out``.

    Args:
        source: the trained networks: a search's ``result.json``, or a CSV; see ``read_trained``.
        value: the objective, or the CSV's column.
        objective: where there is no ``source``: what trains ``trials`` networks that are drawn randomly within
            ``budget``, by a search in the folder of ``out``'s name.
        scores: zero-cost scores to learn from, beside the graph features.
        progress: makes a watcher of the search that trains networks.
        say: is told what else is being done.

    Raises:
        KeyboardInterrupt: the user interrupted the search.
        InputError: neither or both of ``source`` and ``objective`` are given, or one of the files cannot be used.
    """
    if (source is None) == (objective is None):
        raise InputError("a calibration needs either --from FILE or --objective NAME")
    if out.suffix != ".json":
        raise InputError(f"a calibration is a .json file, not {out}")
    loaded = load(parse_file(find_architecture(space)))
    if source is None:
        folder = out.with_suffix("")
        plan = make_plan(space, budget=budget, objective=objective, trials=trials, seed=seed, out=folder,
                         sampler="random", top=1, latency=False)  # fmt: skip
        if run_search(plan, progress).interrupted == INTERRUPTED:
            raise KeyboardInterrupt  # too few networks are no calibration; the same again goes on with the search
        source = folder / "result.json"
    say(f"reading {source}")
    networks, values = read_trained(source, Interpreter(loaded), value)
    calibration = fit(loaded.name, networks, values, scores, say)
    write_calibration(out, calibration)
    return calibration
