"""Weights of the networks that a search has trained: where they are kept, for finalists to be built with their own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlab.search.candidate import Candidate

if TYPE_CHECKING:
    from torch import nn

FOLDER = "trained"
WEIGHTS = "weights"
"""Under which an objective's details have the file, as seen from the search's folder."""


def keep_weights(
    module: nn.Module, candidate: Candidate, digest: str, part: str = "", told: Mapping[str, str] | None = None
) -> str | None:
    """Write a trained module's weights into the search's folder, and note the file in the candidate's details.

    Nothing is written where this process cannot see that folder.

    Args:
        digest: of the data and settings, so that no other training's weights are taken for these.
        part: of what; empty for the network itself.
        told: what else the file says, by name.

    Returns:
        the file as seen from the search's folder.

    Raises:
        InputError: the file cannot be written.
    """
    from archlab.nn.weight_files import save_weights

    if candidate.folder is None:
        return None
    what = f"{digest} {candidate.seed} {candidate.device} {candidate.graph.digest}"
    key = hashlib.sha256(what.encode()).hexdigest()[:16]
    file = f"{FOLDER}/{key}{f'-{part}' if part else ''}.safetensors"
    (candidate.folder / FOLDER).mkdir(exist_ok=True)
    save_weights(module, candidate.folder / file, told)
    candidate.details[f"{part} {WEIGHTS}".strip()] = file
    return file


def kept_files(details: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, Path]:
    """Return the files of weights that a trial's details name and that are there, by part; "" is the network itself.

    Of several objectives the last one's count.
    """
    found: dict[str, Path] = {}
    for recorded in details.values():
        for name, file in recorded.items():
            part, is_weights = name.removesuffix(WEIGHTS).strip(), name.endswith(WEIGHTS)
            if is_weights and isinstance(file, str) and file.startswith(f"{FOLDER}/") and ".." not in file:
                path = folder / file
                if os.path.isfile(path):
                    found[part] = path
    return found
