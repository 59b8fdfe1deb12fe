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


_SI = {"n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_UNITS = ("", "J", "Wh", "W", "s", "Hz", "V", "A", "g", "B", "bit", "m", "FLOP", "%")
"""Units that a user's own metric may have, besides those that take no prefix."""


def parse_quantity(text: str) -> tuple[float, str]:
    """Return a number in its unit, and the unit: of a metric of the user's own, which may have any of ``_UNITS``.

    >>> parse_quantity("3.5mJ"), parse_quantity("20M"), parse_quantity("80 %")
    ((0.0035, 'J'), (20000000.0, ''), (80.0, '%'))
    """
    match = re.fullmatch(r"\s*(-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)\s*([A-Za-zµ%]*)\s*", text)
    word = match[2] if match else ""
    # A prefix that could be a unit is one: 3m of an unknown unit is .003.
    found = next(((p, word[len(p) :]) for p in sorted(_SI, key=len, reverse=True)
                  if word.startswith(p) and word[len(p) :] in _UNITS), None)  # fmt: skip
    if match is None or found is None or not math.isfinite(float(match[1])):
        units = ", ".join(filter(None, _UNITS))
        raise InputError(
            f"{text!r} is not a number with a unit",
            hint=f"write it like 3.5mJ: n, u, m, k, M, G or T or nothing, and one of {units} or nothing",
        )
    return float(f"{float(match[1]) * _SI[found[0]]:.12g}"), found[1]


def parse_number(text: str) -> float:
    """Return a number as ``parse_quantity`` reads it, without its unit.

    >>> parse_number("3.5mJ")
    0.0035
    """
    return parse_quantity(text)[0]


def format_quantity(value: float, unit: str = "") -> str:
    """Return a number of a unit in four figures, with a prefix where it has a unit that takes one.

    >>> format_quantity(0.0035, "J"), format_quantity(0.0035), format_quantity(1.25e7)
    ('3.5 mJ', '0.0035', '1.25e+07')
    """
    for word, scale in scales_of(unit) if unit else ():
        if abs(value) >= 0.9995 * scale:
            return f"{value / scale:.4g} {word}"
    return f"{value:.4g} {unit}".strip()


def scales_of(unit: str) -> tuple[tuple[str, float], ...]:
    """Return a unit with each prefix that it may be shown with, the largest first, and how much one of each is."""
    if unit in ("", "%"):
        return ((unit, 1.0),)
    return tuple((f"{prefix}{unit}", _SI[prefix]) for prefix in ("G", "M", "k", "", "m", "µ", "n"))


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


def format_tick(value: float) -> str:
    """Return a round number of an axis, without digits that say nothing.

    >>> [format_tick(value) for value in (0.5, 200, 50e3, 2.5e6, 5e9)]
    ['0.5', '200', '50 k', '2.5 M', '5 G']
    """
    for prefix, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= scale:
            return f"{value / scale:g} {prefix}"
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
    if value < 0.9995:  # so that 0.9999 reads 1 s
        return f"{value * 1e3:.3g} ms"
    if value < 60:
        return f"{value:.3g} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


NOISY = 2.0
"""A latency whose tenth slowest runs take more than so many times what the tenth fastest do is no number."""


def is_noisy(low: float, high: float) -> bool:
    """Return whether a time's spread is too wide for its median to be a number."""
    return high > NOISY * low


def format_spread(middle: float, low: float, high: float) -> str:
    """Return a time in seconds with its spread; of one too noisy to be a number, only that and the spread.

    >>> format_spread(0.0123, 0.0119, 0.0142), format_spread(0.01, 0.002, 0.05), format_spread(6e-4, 5.85e-4, 6.7e-4)
    ('12.3 ms (11.9–14.2)', 'too noisy to say (2.00–50.00 ms)', '0.600 ms (0.585–0.670)')
    """
    if is_noisy(low, high):
        return f"too noisy to say ({format_range(low, high)})"
    digits = _digits(middle)
    return f"{1e3 * middle:.{digits}f} ms ({1e3 * low:.{digits}f}–{1e3 * high:.{digits}f})"


def format_range(low: float, high: float) -> str:
    """Return two times in seconds as a range.

    >>> format_range(0.0119, 0.0142), format_range(5.85e-4, 6.7e-4)
    ('11.9–14.2 ms', '0.585–0.670 ms')
    """
    digits = _digits(low)
    return f"{1e3 * low:.{digits}f}–{1e3 * high:.{digits}f} ms"


def _digits(seconds: float) -> int:
    """Return how many digits stand behind the point of so many seconds in milliseconds."""
    return 1 if seconds >= 0.01 else 2 if seconds >= 0.001 else 3


def format_percent(share: float, digits: int = 1) -> str:
    """Return a share as percent.

    >>> format_percent(0.6684), format_percent(1.02, 0)
    ('66.8 %', '102 %')
    """
    return with_minus(f"{100 * share:.{digits}f} %")


def with_minus(number: str) -> str:
    """Return a written number with the sign for minus, as wide as a plus, in the place of the hyphen; no minus zero.

    >>> with_minus("-0.25"), with_minus("-0.00"), with_minus("1e-3")
    ('−0.25', '0.00', '1e-3')
    """
    if not number.startswith("-"):
        return number
    return "−" + number[1:] if any(digit in "123456789" for digit in number) else number[1:]


def _four_figures(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 9.9995 else f"{value:.2f}" if abs(value) < 99.995 else f"{value:.1f}"


def format_signed(value: float, digits: int = 2) -> str:
    """Return a difference with its sign, which nothing that rounds to zero has.

    >>> format_signed(1.4), format_signed(-0.4), format_signed(-0.001)
    ('+1.40', '−0.40', '0.00')
    """
    text = format_fixed(value, digits)
    return text if text[0] == "−" or not float(text) else f"+{text}"


def format_fixed(value: float, digits: int) -> str:
    """Return a number with so many digits behind the point.

    >>> format_fixed(-1.04, 1), format_fixed(-0.01, 1), format_fixed(38.25, 1)
    ('−1.0', '0.0', '38.2')
    """
    return with_minus(f"{value:.{digits}f}")


def format_change(before: float, after: float) -> str:
    """Return how much more the second is, in percent of the first; nothing where they are equal or the first is 0.

    >>> format_change(200, 150), format_change(200, 201), format_change(3, 3), format_change(0, 3)
    ('−25.0 %', '+0.5 %', '', '')
    """
    return "" if before == after or not before else f"{format_signed(100 * (after - before) / before, 1)} %"
