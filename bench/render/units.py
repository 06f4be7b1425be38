"""Numbers for people: significant digits and scales. Inside, everything is seconds, bytes and plain ratios."""

from __future__ import annotations

import math

SIGNIFICANT_DIGITS = 4


def number(value: float) -> str:
    """Show a number with four significant digits and no exponent where that reads well: 3.424, 40,210, 0.0001638."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    # The magnitude after rounding: 999.96 is 1,000 and not 1,000.0.
    magnitude = int(f"{value:.{SIGNIFICANT_DIGITS - 1}e}".partition("e")[2])
    if magnitude < -6:
        return f"{value:.{SIGNIFICANT_DIGITS - 1}e}"
    return f"{round(value, SIGNIFICANT_DIGITS - 1 - magnitude):,.{max(0, SIGNIFICANT_DIGITS - 1 - magnitude)}f}"


def whole(value: float) -> str:
    """Show a count."""
    return f"{value:,.0f}"


def microseconds(seconds: float) -> str:
    """Show seconds in microseconds."""
    return number(seconds * 1e6)


def milliseconds(seconds: float) -> str:
    """Show seconds in milliseconds."""
    return number(seconds * 1e3)


def seconds(value: float) -> str:
    """Show seconds in the unit that reads best: 4.677 s, 23.20 ms, 1.100 us."""
    scale, unit = next(((scale, unit) for scale, unit in ((1, "s"), (1e3, "ms")) if value * scale >= 1), (1e6, "us"))
    return f"{number(value * scale)} {unit}"


def giga(value: float) -> str:
    """Show a rate in thousands of millions."""
    return number(value / 1e9)


def as_nanoseconds(seconds: float) -> float:
    """Return seconds in nanoseconds, for a tool that takes them so."""
    return seconds * 1e9


def percent(share: float) -> str:
    """Show a share of 1 in percent, with two decimals."""
    return f"{share * 100:.2f} %"


def times(ratio: float) -> str:
    """Show a ratio: 3.4x, 0.0033x."""
    return f"{number(ratio)}x"


def duration(seconds: float) -> str:
    """Show how long something takes or has taken: 8 s, 2 min 05 s, 1 h 20 min, 1,062 h 30 min."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60:,} h {minutes % 60:02d} min"


def mega(count: float) -> str:
    """Show a count in millions."""
    return number(count / 1e6)


def counted(count: int, noun: str) -> str:
    """Show how many there are: 1 run, 1,200 runs."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def mebibytes(count: float) -> str:
    """Show bytes in MiB."""
    return number(count / 2**20)


def binary_bytes(count: float) -> str:
    """Show a number of bytes in GiB."""
    return f"{number(count / 2**30)} GiB"
