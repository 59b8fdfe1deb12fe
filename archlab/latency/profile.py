"""A profile as data, and its file: what kernels take on one machine, and how well networks are predicted from it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from archlab.decoding import MisfitError, decode
from archlab.errors import InputError, quote
from archlab.files import write_atomic
from archlab.latency.backend import Setting
from archlab.latency.kernels import Kernel
from archlab.latency.laws import AMOUNTS
from archlab.reading import read_json

SCHEMA = "archlab.latency/1"
MAX_BYTES = 64 * 2**20
"""The largest profile that is read; five thousand kernels take a million bytes."""
WAY_OUT = "make it again with `archlab device profile`"
MOST_OVERHEAD = 1e-2
"""Seconds for each kernel, either way."""
MOST = 10**9
"""The largest size of a kernel that a profile may hold."""
_SIZES = len(Kernel._fields) - 1


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a profile was measured: the processor or graphics card, the cores, the system, and versions."""

    cpu: str
    cores: int
    system: str
    accelerator: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class State:
    """How the machine was while a profile was measured.

    Attributes:
        load: processes that wanted to run, the mean over the time, beside this one.
        megahertz: the processor's frequency at the beginning and at the end, where the system tells it.
        spread: of a network's runs, the distance of the quartiles as a share of the median; the mean over networks.
        clock: what seconds were read from.
    """

    load: float
    megahertz: tuple[float, ...]
    spread: float
    clock: str


@dataclass(frozen=True, slots=True)
class Point:
    """A measured kernel: seconds, the least, the lower quartile and the median of its runs, and in how many networks.

    The quartile is what is predicted by: what disturbs a run makes it longer, and on a busy machine many are disturbed.
    """

    kernel: Kernel
    least: float
    quartile: float
    median: float
    networks: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How networks that a profile was not made from are predicted: cross-validated over those that it was made from.

    Attributes:
        networks: how many were predicted.
        error: the relative error that 90 % of them are within.
        median_error: that half of them are within.
        within_10_percent: the share of them within 10 %.
    """

    networks: int
    error: float
    median_error: float
    within_10_percent: float


@dataclass(frozen=True)
class Profile:
    """What a profile file holds.

    Attributes:
        space: the space whose draws the kernels were measured in, or ``general``.
        laws: by kind of kernel the coefficients of ``archlab.latency.laws``.
        scale, overhead: a network takes ``scale`` times the sum of its kernels, and ``overhead`` seconds for each, or
            less by it where timing each kernel takes longer than running them all.
    """

    setting: Setting
    machine: Machine
    state: State
    space: str
    points: tuple[Point, ...]
    laws: dict[str, tuple[float, ...]]
    scale: float
    overhead: float
    accuracy: Accuracy
    seconds: float

    @cached_property
    def digest(self) -> str:
        """A hash of all that it predicts by."""
        told = (self.setting, self.points, sorted(self.laws.items()), self.scale, self.overhead)
        return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()

    @cached_property
    def line(self) -> str:
        """The profile in one line."""
        setting = self.setting
        threads = f"{setting.threads} thread{'s' if setting.threads > 1 else ''}"
        where = self.machine.accelerator or self.machine.cpu
        return f"{setting.backend} {self.machine.versions[setting.backend]} on {where}, {threads}, {setting.dtype}"


@dataclass(frozen=True, slots=True)
class _Row:
    """A point in a file: short, since there are thousands."""

    kind: str
    sizes: tuple[int, ...]
    times: tuple[float, ...]
    networks: int


@dataclass(frozen=True, slots=True)
class _File:
    schema: str
    setting: Setting
    machine: Machine
    state: State
    space: str
    kernels: tuple[_Row, ...]
    laws: dict[str, tuple[float, ...]]
    scale: float
    overhead: float
    accuracy: Accuracy
    seconds: float


def write_profile(path: Path, profile: Profile) -> None:
    """Write a profile to a file.

    Raises:
        InputError: the file cannot be written.
    """
    data = {field.name: getattr(profile, field.name) for field in dataclasses.fields(profile)}
    points = data.pop("points")
    rows = [_Row(p.kernel.kind, tuple(p.kernel[1:]), (p.least, p.quartile, p.median), p.networks) for p in points]
    file = _File(schema=SCHEMA, kernels=tuple(rows), **data)
    write_atomic(path, json.dumps(dataclasses.asdict(file), ensure_ascii=False, allow_nan=False) + "\n")


def read_profile_data(path: Path) -> dict[str, Any]:
    """Read what is in a profile's file.

    Raises:
        InputError: the file cannot be read, or is no JSON object.
    """
    try:
        data: dict[str, Any] = read_json(path, dict, MAX_BYTES)
    except InputError as error:
        raise InputError(error.message, hint=error.hint or WAY_OUT) from error
    return data


def profile_of(data: dict[str, Any], path: Path) -> Profile:
    """Return the profile in a file's data.

    Raises:
        InputError: it is broken or cut off, is of another version, or holds what no measurement gives.
    """
    if data.get("schema") != SCHEMA:
        found = quote(str(data.get("schema"))[:60])
        raise InputError(f"{path} is no profile of this version: its schema is {found}, not {SCHEMA!r}", hint=WAY_OUT)
    try:
        file = decode(_File, data, "profile")
        assert isinstance(file, _File)
        return _profile_of(file)
    except MisfitError as error:
        raise InputError(f"{path} is not a whole profile: {error}", hint=WAY_OUT) from error
    except InputError as error:
        raise InputError(f"{path} is not a whole profile: {error.message}", hint=WAY_OUT) from error


def _profile_of(file: _File) -> Profile:
    points = tuple(_point(row, f"profile.kernels[{i}]") for i, row in enumerate(file.kernels))
    for name in ("scale", "seconds"):
        _refuse_odd(getattr(file, name), f"profile.{name}")
    if abs(file.overhead) > MOST_OVERHEAD:
        raise MisfitError(f"profile.overhead holds {file.overhead!r}")
    for name in ("error", "median_error"):
        _refuse_odd(getattr(file.accuracy, name), f"profile.accuracy.{name}")
    for kind, law in file.laws.items():
        if len(law) != AMOUNTS:
            raise MisfitError(f"profile.laws.{kind[:40]} holds {len(law)} numbers, not {AMOUNTS}")
        for i, number in enumerate(law):
            _refuse_odd(number, f"profile.laws.{kind[:40]}[{i}]")
    if file.setting.backend not in file.machine.versions:
        raise MisfitError(f"profile.machine.versions lacks {file.setting.backend}")
    if not points:
        raise MisfitError("profile.kernels is empty")
    data = {field.name: getattr(file, field.name) for field in dataclasses.fields(file)}
    del data["schema"], data["kernels"]
    return Profile(points=points, **data)


def _point(row: _Row, where: str) -> Point:
    if len(row.sizes) != _SIZES:
        raise MisfitError(f"{where}.sizes holds {len(row.sizes)} numbers, not {_SIZES}")
    if not all(0 < size <= MOST for size in row.sizes[:-1]) or not 0 <= row.sizes[-1] <= MOST:
        raise MisfitError(f"{where}.sizes holds a size that no kernel has")
    if not 0 < row.networks <= MOST:
        raise MisfitError(f"{where}.networks holds {row.networks}")
    if len(row.times) != 3:
        raise MisfitError(f"{where}.times holds {len(row.times)} numbers, not 3")
    for i, seconds in enumerate(row.times):
        _refuse_odd(seconds, f"{where}.times[{i}]")
    return Point(Kernel(row.kind, *row.sizes), *row.times, row.networks)


def _refuse_odd(number: float, where: str) -> None:
    """Refuse what is no amount: times, errors and coefficients are 0 or more, and within a day."""
    if not 0 <= number <= 86_400:
        raise MisfitError(f"{where} holds {number!r}")
