"""The best candidates: written as text, counted again by fvcore, and timed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from archlab.elaborate import Fixed, Interpreter, elaborate, fill_holes
from archlab.files import make_folder, write_atomic
from archlab.grammar import parse, unparse
from archlab.latency import AnyPredictor, measured_as
from archlab.nn import build, measure, recount
from archlab.search.kept_weights import kept_files
from archlab.search.result import Finalist, SearchResult, Trial, to_json


def make_finalist(
    trial: Trial,
    interpreter: Interpreter,
    seed: int,
    folder: Path,
    timing_threads: int | None,
    profile: AnyPredictor | None = None,
) -> Finalist:
    """Write a trial out as a network of its own, and check it.

    Args:
        seed: of its weights.
        folder: the search's, where its trained weights are, if any.
        timing_threads: torch's threads while its latency is measured; None where it is not.
        profile: what predicts its latency; it is then measured as the profile's networks were.
    """
    space = interpreter.space
    network = interpreter.network(Fixed(trial.draws))
    name = f"{space.name}_{trial.number}"
    text = unparse(fill_holes(space, network, name))
    # What is counted and timed is the text, not the network that the search drew.
    written = elaborate(parse(text, f"{name}.arch"))
    graph = written.graph
    count = recount(graph)
    latency = None
    if timing_threads is not None and profile is None:
        latency = measure(build(graph, seed=seed), graph.input_shape, threads=timing_threads)
    elif timing_threads is not None and profile is not None and profile.setting is not None:
        latency = measured_as(graph, profile.setting)  # another device's cannot be measured here
    file = f"finalists/{name}.arch"
    return Finalist(
        trial.number,
        name,
        file,
        text,
        trial.cost,
        trial.values,
        count,
        latency,
        trial.details,
        predicted=profile.predict(written) if profile is not None else None,
        kept=_copy_weights(kept_files(trial.details, folder), folder, name),
        seed=seed,
        folder=folder,
    )


def _copy_weights(files: Mapping[str, Path], folder: Path, name: str) -> dict[str, str]:
    """Copy a finalist's weights to its text; return the copies by part, as seen from the search's folder."""
    kept = {part: f"finalists/{name}{f'-{part}' if part else ''}.safetensors" for part in files}
    if files:
        make_folder(folder / "finalists")
    for part, file in kept.items():
        write_atomic(folder / file, files[part].read_bytes())
    return kept


def write_result(folder: Path, result: SearchResult) -> None:
    """Write ``result.json`` into ``folder``, and each finalist's text; finalists of an earlier run stay."""
    make_folder(folder / "finalists")
    for item in result.finalists:
        write_atomic(folder / item.file, item.text)
    write_atomic(folder / "result.json", to_json(result))
