"""A ladder as a table and a bar chart, and what its devices can do."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.judge.bounds import EXPLAINS
from bench.judge.ladder import DeviceRates, Rung
from bench.render.escape import for_terminal
from bench.render.table import Column, Table, Value
from bench.render.tables import describe_quality
from bench.render.units import giga, microseconds, number, percent, seconds, times, whole

_MARKS_PER_DECADE = (10, 5, 2, 1)
"""As many as there is room for."""
_TIME_WIDTH = 12
"""Of a time with its unit, and of the gaps before and after a bar."""

_RATE_NAMES = {
    "register_multiply_adds_per_second": "multiply-adds in registers",
    "matrix_multiply_adds_per_second": "matrix product",
    "stream_bytes_per_second": "copying",
    "operators_per_second": "an operator",
}


def make_ladder_table(rungs: Sequence[Rung]) -> Table:
    """Each rung beside the one before, the reference and the floor, and what holds it up."""
    columns = (
        Column("rung", "case"),
        Column("time to\ntrain (s)", "training_seconds", number, has_spread=True),
        Column("over the\nrung before", "over_before", times),
        Column("over the\nreference", "over_reference", times),
        Column("share of\nfloor", "share_of_floor", percent),
        Column("GFLOP/s", "flop_per_second", giga, is_detail=True),
        Column("of matrix\nrate", "share_of_matrix", percent, is_detail=True),
        Column("operators\na step", "operators_per_step", number, is_detail=True),
        Column("kernels\na step", "kernels_per_step", number, is_detail=True),
        Column("host\nbusy", "host_busy_share", percent, is_detail=True),
        Column("calls\nalone", "dispatch_share", percent, is_detail=True),
        Column("memory\nalone", "memory_share", percent, is_detail=True),
        Column("verdict", "verdict"),
        Column("quality", "quality", is_detail=True),
    )
    return Table(
        "Ladder",
        columns,
        tuple(_make_row(rung) for rung in rungs),
        (
            "Over the rung before: the last one above that may be ranked. Over the reference: the run's first case. "
            "Both from pairs of blocks of one round, as speedups everywhere.",
            "Floor: a training's floating-point operations at the peak of the device, the best rate of multiply-adds "
            "that was measured in this run; so the share of the floor is the share of the peak. Calls alone, memory "
            "alone: what calling the operators, or what a step can't keep in a cache, would take by itself, over the "
            "time of a step.",
            f"Verdict: what takes {EXPLAINS * 100:.0f} % of a step or more by itself: dispatch-bound (calls, or the "
            "device waits for them), compute-bound (the share of the floor, or of the matrix rate), memory-bound; "
            "latency-bound where nothing does. Operators: torch's that call no other; what a compiled graph runs "
            "inside of itself is none.",
        ),
    )


def make_rates_table(rates: Sequence[DeviceRates]) -> Table:
    """What each device did at most."""
    columns = (
        Column("device", "device"),
        Column("precision", "precision"),
        Column("threads", "num_threads", whole),
        Column("multiply-adds in\nregisters (G/s)", "register_multiply_adds_per_second", giga),
        Column("in a matrix\nproduct (G/s)", "matrix_multiply_adds_per_second", giga),
        Column("copying\n(GB/s)", "stream_bytes_per_second", giga),
        Column("an operator\n(us)", "operator_seconds", microseconds),
        Column("not measured", "not_measured"),
    )
    return Table(
        "What the device can do",
        columns,
        tuple(_make_rates_row(each) for each in rates),
        (
            "Measured in this run, before each of its waves; the best of all. A multiply-add is two floating-point "
            "operations; in registers in float32, in a product in the precision of the cases. An operator: what "
            "calling one costs in a training step on a single number, as a rule.",
        ),
    )


def draw_ladder(rungs: Sequence[Rung], width: int) -> list[str]:
    """Draw the time of every rung as a bar, on a logarithmic scale, with the floor of each device below its rungs."""
    bars: list[tuple[str, float | str]] = []
    for place, rung in enumerate(rungs):
        device = rung.result.case.device
        bars.append((for_terminal(rung.result.case.name), _find_length(rung)))
        is_last = place + 1 == len(rungs) or rungs[place + 1].result.case.device != device
        bars += _list_floors(rungs, device) if is_last else []
    return _draw_bars(bars, width)


def _draw_bars(bars: Sequence[tuple[str, float | str]], width: int) -> list[str]:
    lengths = [length for _, length in bars if isinstance(length, float)]
    shortest, longest = min(lengths, default=1.0), max(lengths, default=1.0)
    name_width = max(len(name) for name, _ in bars)
    room = width - name_width - _TIME_WIDTH
    decades = math.log10(longest / shortest)
    marks_per_decade = next(
        (marks for marks in _MARKS_PER_DECADE if 1 + marks * decades <= room), _MARKS_PER_DECADE[-1]
    )
    lines = [f"Time to train, logarithmic: {marks_per_decade} more # are ten times as long"]
    for name, length in bars:
        if isinstance(length, str):
            shown = for_terminal(length)
        else:
            num_marks = 1 + round(marks_per_decade * math.log10(length / shortest))
            shown = f"{'#' * num_marks} {seconds(length)}"
        lines.append(f"{name:{name_width}}  {shown}")
    return lines


def _find_length(rung: Rung) -> float | str:
    if rung.result.failures:
        failure = rung.result.failures[0]
        return f"({failure.kind}: {failure.reason})"
    if rung.result.training_seconds is None:
        return "(not measured)"
    return rung.result.training_seconds.median


def _list_floors(rungs: Sequence[Rung], device: str) -> list[tuple[str, float | str]]:
    """List the floors of a device: one for each precision, the same for all of its rungs."""
    ours = [rung for rung in rungs if rung.result.case.device == device]
    floors = {rung.result.case.precision: rung.floor_seconds for rung in ours if rung.floor_seconds is not None}
    return [(f"{device} floor, {precision}", floor) for precision, floor in floors.items()] or [
        (f"{device} floor", "(not measured)")
    ]


def _make_row(rung: Rung) -> tuple[Value, ...]:
    result = rung.result
    failed = result.failures[0].kind if result.failures else None
    return (
        result.case.name,
        result.training_seconds,
        rung.over_before,
        rung.over_reference,
        rung.share_of_floor,
        rung.flop_per_second,
        rung.share_of_matrix,
        rung.operators_per_step,
        rung.kernels_per_step,
        rung.host_busy_share,
        rung.shares.dispatch,
        rung.shares.memory,
        failed or (None if rung.bound is None else str(rung.bound)),
        describe_quality(result),
    )


def _make_rates_row(each: DeviceRates) -> tuple[Value, ...]:
    rate = each.peaks.get("operators_per_second")
    reasons = "; ".join(f"{_RATE_NAMES.get(name, name)}: {reason}" for name, reason in each.reasons.items())
    return (
        each.device,
        each.precision,
        each.num_threads,
        each.peaks.get("register_multiply_adds_per_second"),
        each.peaks.get("matrix_multiply_adds_per_second"),
        each.peaks.get("stream_bytes_per_second"),
        None if rate is None else 1 / rate,
        reasons or None,
    )
