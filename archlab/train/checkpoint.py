"""The state of a training in a file, and what must be the same for it to go on.

What is random in a step follows from the seed and the step's number, so that no generator's state has to be kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archlab.errors import InputError
from archlab.nn.weight_files import digest, load, save
from archlab.train.settings import FREE_TO_CHANGE, TrainSettings
from archlab.train.step import State

FORMAT = "archlab.checkpoint/1"


def identity_of(module: nn.Module, teacher: nn.Module | None, settings: TrainSettings, data: str) -> dict[str, str]:
    """Return what a training is, by name: its settings, the weights it begins with, its teacher and its data."""
    plain = {name: json.dumps(value) for name, value in asdict(settings).items() if name not in FREE_TO_CHANGE}
    return plain | {
        "the network and its first weights": digest(module),
        "the teacher": "none" if teacher is None else digest(teacher),
        "the data": data,
    }


def write_checkpoint(path: Path, state: State, position: Mapping[str, Any], identity: Mapping[str, str]) -> None:
    """Write the whole state of a training that is at ``position``; an older file stays until the new one is whole.

    Raises:
        InputError: the file cannot be written.
    """
    data = {
        "format": FORMAT,
        "identity": dict(identity),
        "position": dict(position),
        "weights": state.module.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "average": state.kept,
        "scaler": None if state.scaler is None else state.scaler.state_dict(),
    }
    save(data, path)


def read_checkpoint(path: Path, state: State, identity: Mapping[str, str]) -> dict[str, Any]:
    """Put a checkpoint's state into ``state``, and return its position.

    Raises:
        InputError: it is no checkpoint, or one of another training; the message names what differs.
    """
    found = load(path)
    if found.get("format") != FORMAT:
        raise InputError(f"{path} is no checkpoint of this version of archlab", hint="name another folder (--out)")
    theirs = found["identity"]
    for name, value in identity.items():
        if theirs.get(name) != value:
            differs = f"{name} was {theirs.get(name)} and is {value}"
            raise InputError(
                f"{path} is the state of another training: {differs}",
                hint="go on with the same command, or name another folder (--out)",
            )
    state.module.load_state_dict(found["weights"])
    state.optimiser.load_state_dict(found["optimiser"])
    if state.kept is not None:
        _copy(found["average"], state.kept)
    if state.scaler is not None and found["scaler"] is not None:
        state.scaler.load_state_dict(found["scaler"])
    position: dict[str, Any] = found["position"]
    return position


@torch.no_grad()
def _copy(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    for name, tensor in target.items():
        tensor.copy_(source[name])
