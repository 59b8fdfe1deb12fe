"""What an objective is given of the network that it judges, and what it may record of it besides its value."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlab.elaborate import Value
from archlab.ir import Graph
from archlab.train.settings import Device

if TYPE_CHECKING:
    import optuna
    from torch.fx import GraphModule


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a user's objective is given of the network that it judges, beside the module itself.

    Attributes:
        number: its trial's number.
        text: its canonical text, without holes.
        graph: its operators; ``graph.to_networkx()`` for analysis.
        cost: params, macs, other, activations and memory.
        draws: the value of every hole, by name.
        seed: the search's seed.
        details: for the objective to fill with what it has found besides its value, as JSON data, such as ``{"AP":
            {"person": 0.4}}``; kept with the trial, and printed with the finalists. At most 16 kB.
        device: where the search wants networks to be run and trained, by ``--device``; the module is on the CPU.
        folder: the search's, for files of the objective's own; None where this process cannot see it.
    """

    number: int
    text: str
    graph: Graph
    cost: Mapping[str, float]
    draws: Mapping[str, Value]
    seed: int
    details: dict[str, Any] = field(default_factory=dict)
    device: Device = "cpu"
    folder: Path | None = None


UserObjective = Callable[["GraphModule", Candidate, "optuna.Trial"], float]
"""A user's objective: the candidate's module with fresh weights, the candidate, and its trial, to report to."""

MAX_CHARACTERS = 16_384
"""Of an objective's details as JSON; longer ones are dropped, since every trial's are kept in the study."""
MAX_DEPTH = 8


def plain_details(details: Mapping[str, object]) -> dict[str, Any]:
    """Return details as JSON data; what is not a finite number becomes null.

    Those that are no JSON, or too much of it, are replaced by the reason: an evaluation is not lost for its details.
    """
    try:
        plain: dict[str, Any] = _plain(details, 0)
        length = len(json.dumps(plain))
    except (TypeError, ValueError) as error:
        return {"dropped": str(error)[:200]}
    if length > MAX_CHARACTERS:
        return {"dropped": f"{length:,} characters of JSON, more than {MAX_CHARACTERS:,}"}
    return plain


def _plain(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if hasattr(value, "tolist"):  # numpy's and torch's
        return _plain(value.tolist(), depth + 1)
    raise TypeError(f"{type(value).__name__} is not JSON")
