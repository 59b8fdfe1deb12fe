"""The machine that latency is measured on: which it is, how busy it is, and whether a profile is of it."""

from __future__ import annotations

import importlib.metadata
import os
from dataclasses import replace
from pathlib import Path

from archlab.environment import cpuinfo, machine
from archlab.errors import InputError
from archlab.latency.backend import Setting
from archlab.latency.profile import Machine, Profile


def this_machine(setting: Setting) -> Machine:
    """Return the machine that this runs on, as a profile of ``setting`` records it.

    Raises:
        InputError: the backend is not installed.
    """
    found = machine()
    try:
        versions = {name: importlib.metadata.version(name) for name in (setting.backend, "archlab")}
    except importlib.metadata.PackageNotFoundError as error:
        raise InputError(
            f"the package {setting.backend} is not installed", hint="pip install 'archlab[onnx]'"
        ) from error
    accelerator = ""
    if setting.device == "cuda":
        import torch

        accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device"
    return Machine(str(found["cpu"]), int(found["cores"]), str(found["system"]), accelerator, versions)


def refuse_other_machine(profile: Profile, path: Path | str, threads: int | None = None) -> None:
    """Refuse a profile that is not of this machine, its backend's version, or so many threads.

    Args:
        threads: on how many the latency is to be; None where it is to be on the profile's.

    Raises:
        InputError: with each difference.
    """
    here, there = this_machine(profile.setting), profile.machine
    name = profile.setting.backend
    pairs = [
        ("processor", there.cpu, here.cpu),
        ("cores", there.cores, here.cores),
        ("system", there.system, here.system),
        ("graphics card", there.accelerator, here.accelerator),
        (f"{name}", there.versions.get(name), here.versions[name]),
        ("threads", profile.setting.threads, threads or profile.setting.threads),
    ]
    differences = [f"its {what} is {theirs}, here {ours}" for what, theirs, ours in pairs if theirs != ours]
    if differences:
        raise InputError(
            f"the profile {path} is not of this machine as it is: {'; '.join(differences)}",
            hint="make one here with `archlab device profile`",
        )


def load() -> float:
    """Return how many processes wanted to run in the last minute, this one among them; 0 where nobody knows."""
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return 0.0


def megahertz() -> float | None:
    """Return the processor's frequency now: the mean of its cores; None where the system does not tell it."""
    found = cpuinfo("cpu MHz")
    return round(sum(map(float, found)) / len(found), 1) if found else None


def block_of(setting: Setting) -> Setting:
    """Return a setting with the channels in a block of ONNX Runtime's maps on this processor."""
    if setting.backend != "onnxruntime":
        return setting
    flags = " ".join(cpuinfo("flags")[:1]).split()
    return replace(setting, block=16 if "avx512f" in flags else 8)
