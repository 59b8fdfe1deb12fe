"""Numbers as people write them: ``600M``, ``3.4M``, ``25ms``, ``10MiB``, and back.

Counts (MACs, params, activations) take decimal prefixes; bytes take both kinds, and print in binary ones.
"""

from __future__ import annotations

import math
import re

from archlab.errors import InputError

_DECIMAL = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
_BYTES = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-zµ]*)\s*")


def _parse(text: str, what: str, prefixes: dict[str, int] | dict[str, float], example: str) -> float:
    match = _NUMBER.fullmatch(text)
    if match is None or match[2] not in prefixes:
        units = ", ".join(sorted(filter(None, prefixes), key=lambda u: prefixes[u]))
        raise InputError(f"{what} {text!r} is not a number with one of {units}", hint=f"write it like {example}")
    value = float(match[1]) * prefixes[match[2]]
    if not math.isfinite(value) or value > 1e18:
        raise InputError(f"{what} {text!r} is too large", hint=f"write it like {example}")
    return value


def parse_count(text: str) -> int:
    """Return a count with an optional decimal prefix.

    >>> parse_count("3.4M")
    3400000
    """
    return round(_parse(text, "count", _DECIMAL, "600M"))


def parse_bytes(text: str) -> int:
    """Return a number of bytes with an optional prefix, decimal (MB) or binary (MiB).

    >>> parse_bytes("10MiB")
    10485760
    """
    return round(_parse(text, "size", _BYTES, "10MiB"))


def parse_seconds(text: str) -> float:
    """Return a time with its unit, in seconds.

    >>> parse_seconds("25ms")
    0.025
    """
    return _parse(text, "time", _SECONDS, "25ms")


def parse_duration(text: str) -> float:
    """Return a waiting time in seconds: a bare number of seconds, or one with s, m, min or h.

    >>> parse_duration("5m")
    300.0
    """
    return _parse(text, "duration", {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}, "5m")


def format_duration(seconds: float) -> str:
    """Return a waiting time as ``parse_duration`` reads it.

    >>> format_duration(1800), format_duration(7200), format_duration(0.5)
    ('30m', '2h', '0.5s')
    """
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def format_count(value: float) -> str:
    """Return a count in three or four figures.

    >>> format_count(4_089_184_256), format_count(25_557_032), format_count(999)
    ('4.089 G', '25.56 M', '999')
    """
    for prefix, scale in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        # 0.9995 so that 999,950 reads 1.000 M and never 1000 k.
        if abs(value) >= scale * 0.9995:
            return f"{_four_figures(value / scale)} {prefix}"
    return f"{value:g}"


def format_bytes(value: float) -> str:
    """Return a size in binary units.

    >>> format_bytes(10_538_176)
    '10.05 MiB'
    """
    for prefix, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if abs(value) >= scale:
            return f"{_four_figures(value / scale)} {prefix}"
    return f"{value:g} B"


def format_seconds(value: float) -> str:
    """Return a time in milliseconds below one second.

    >>> format_seconds(0.0253), format_seconds(75)
    ('25.3 ms', '1 min 15 s')
    """
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    if value < 60:
        return f"{value:.3g} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _four_figures(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 9.9995 else f"{value:.2f}" if abs(value) < 99.995 else f"{value:.1f}"
