"""The throughput of a run as bars of plain characters, for a terminal of whatever encoding."""

from __future__ import annotations

from collections.abc import Sequence

from bench.judge.results import CaseResult
from bench.render.escape import for_terminal
from bench.render.tables import describe_quality
from bench.render.units import number

_MIN_BAR, _MAX_BAR = 10, 60
"""Columns; with less room a name gets a line of its own."""


def draw_throughput(results: Sequence[CaseResult], width: int) -> str:
    """Draw a bar for every case, the fastest first; what may not be ranked has none, and says why.

    Returns:
        "" where there is nothing to hold against each other.
    """
    rates = [(_rate(result), result) for result in results]
    ranked = sorted((pair for pair in rates if pair[0] is not None), key=lambda pair: -(pair[0] or 0))
    if len(ranked) < 2:
        return ""
    largest = ranked[0][0] or 1.0
    names = [for_terminal(result.case.name) for result in results]
    shown = [number(rate) for rate, _ in ranked if rate is not None]
    numbers, indent = max(map(len, shown)), max(map(len, names)) + 2
    is_folded = width - indent - numbers - 1 < _MIN_BAR
    room = min(_MAX_BAR, max(_MIN_BAR, width - numbers - (3 if is_folded else indent + 1)))
    lines = ["Samples a second", ""]
    for rate, result in [*ranked, *(pair for pair in rates if pair[0] is None)]:
        name = for_terminal(result.case.name)
        start = f"{name}\n  " if is_folded else name.ljust(indent)
        if rate is None:
            lines.append(f"{start}not ranked: {for_terminal(describe_quality(result))}")
        else:
            lines.append(f"{start}{number(rate).rjust(numbers)} {'#' * max(1, round(room * rate / largest))}")
    return "\n".join((*lines, ""))


def _rate(result: CaseResult) -> float | None:
    return result.samples_per_second.median if result.is_rankable and result.samples_per_second else None
