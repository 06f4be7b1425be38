"""Figures in which a line goes on: the loss over epochs, the interval of a race over its pairs, curves of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence

import altair as alt

from bench.render.page.figure import Figure
from bench.render.page.layers import (
    ACCENT,
    GOOD,
    INK,
    MUTED,
    SERIES,
    Chart,
    Record,
    light_up,
    list_records,
    mark_constant,
)

_MAX_TICKS = 6
_FEW_POWERS = 3


def draw_losses(figure: Figure) -> Chart:
    """Draw the curves of the loss, on a logarithm."""
    records = list_records(figure.table)
    cases = list(dict.fromkeys(each["cases"] for each in records))
    chosen = alt.selection_point(fields=["cases"], bind="legend")
    colour = alt.Color(
        "cases:N",
        scale=alt.Scale(domain=cases, range=list(SERIES[: len(cases)])),
        legend=alt.Legend(columns=1, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1),
    )
    # A line that lies on another one is narrower, so that both are seen.
    widths = {name: 1.5 + 4.5 * place / max(1, len(cases) - 1) for place, name in enumerate(reversed(cases))}
    width = alt.StrokeWidth("width:Q", scale=None)
    scale = alt.Scale(type="log", nice=False)
    powers = _powers_of_ten([float(each[name] or 1) for each in records for name in ("loss_lowest", "loss_highest")])
    y = alt.Y("loss:Q", title="loss", scale=scale, axis=alt.Axis(format="~g", values=powers))
    epochs = alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False), axis=alt.Axis(tickCount=5, format="~r"))
    values = [{**each, "width": widths[each["cases"]]} for each in records]
    base = alt.Chart(alt.InlineData(values=values)).encode(x=epochs, color=colour)
    band = base.mark_area(aria=False).encode(
        y=alt.Y("loss_lowest:Q", scale=scale), y2="loss_highest:Q", opacity=light_up(chosen, 0.15)
    )
    line = base.mark_line().encode(y=y, strokeWidth=width, opacity=light_up(chosen, 1))
    return alt.layer(band, line.add_params(chosen)).properties(height=270)


def _powers_of_ten(values: Sequence[float]) -> list[float]:
    exponents = [math.log10(value) for value in values]
    lowest, highest = math.floor(min(exponents)), math.ceil(max(exponents))
    step = max(1, (highest - lowest) // 8)
    return [10.0**exponent for exponent in range(lowest, highest + 1, step)]


def draw_narrowing(figure: Figure) -> Chart:
    """Draw the estimate and its interval from pair to pair."""
    records = list_records(figure.table)
    low, high = figure.band or (1.0, 1.0)
    domain = _narrow_domain(records)
    scale = alt.Scale(domain=domain, clamp=True, nice=False, zero=False)
    y = alt.Y("time_ratio:Q", title="time ratio", scale=scale, axis=alt.Axis(tickCount=6, format="~g"))
    last = max((int(record["num_pairs"] or 0) for record in records), default=0)
    step = math.ceil(last / _MAX_TICKS) or 1
    whole = alt.Axis(values=list(range(step, last + 1, step)))
    pairs = alt.X("num_pairs:Q", title="pairs of processes", axis=whole, scale=alt.Scale(nice=False, padding=10))
    base = alt.Chart(alt.InlineData(values=records)).encode(x=pairs)
    shown = base.transform_filter(alt.datum.time_ratio_low > 0)
    one = mark_constant(time_ratio=1).mark_rule(color=MUTED, strokeDash=[3, 3], aria=False)
    same = mark_constant(low=max(low, domain[0]), high=min(high, domain[1])).mark_rect(
        color=GOOD, opacity=0.13, aria=False
    )
    interval = shown.mark_area(color=ACCENT, opacity=0.22, aria=False)
    looks = alt.Scale(domain=["yes", "no"], range=[ACCENT, "transparent"])
    return alt.layer(
        same.encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        one.encode(y=y),
        interval.encode(y=alt.Y("time_ratio_low:Q", scale=scale), y2="time_ratio_high:Q"),
        base.mark_line(color=ACCENT, strokeWidth=2, aria=False).encode(y=y),
        base.mark_point(size=12, filled=True, color=INK, opacity=0.6).encode(
            y=alt.Y("time_ratio_of_pair:Q", scale=scale)
        ),
        base.mark_point(size=55, stroke=ACCENT, opacity=1).encode(
            y=y, fill=alt.Fill("is_look:N", scale=looks, legend=None)
        ),
    ).properties(height=250)


def draw_sweep(figure: Figure) -> Chart:
    """Draw the curves of a sweep, both axes on the logarithm, and where two of them cross."""
    records = [_in_microseconds(each) for each in list_records(figure.table)]
    points = [each for each in records if each["crossing_low"] is None]
    crossings = [each for each in records if each["crossing_low"] is not None]
    names = list(dict.fromkeys(each["curve"] for each in points))
    chosen = alt.selection_point(fields=["curve"], bind="legend")
    looks = [(colour, dash) for dash in ([1, 0], [5, 3]) for colour in SERIES][: len(names)]
    colours, dashes = (list(each) for each in zip(*looks, strict=True))
    legend = alt.Legend(columns=1, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1)
    colour = alt.Color("curve:N", scale=alt.Scale(domain=names, range=colours), legend=legend)
    dash = alt.StrokeDash("curve:N", scale=alt.Scale(domain=names, range=dashes), legend=legend)
    scale = alt.Scale(type="log", nice=False, padding=10)
    x, y = (
        alt.X("value:Q", title=figure.table.columns[1].heading, scale=scale, axis=_log_axis(points, "value")),
        alt.Y("microseconds:Q", title="us a step", scale=scale, axis=_log_axis(points, "microseconds")),
    )
    base, spread = (
        alt.Chart(alt.InlineData(values=drawn)).encode(x=x, color=colour, opacity=light_up(chosen, 1))
        for drawn in (points, [each for each in points if "quickest" in each])
    )
    meetings = alt.Chart(alt.InlineData(values=crossings)).encode(y=y)
    return alt.layer(
        spread.mark_rule(strokeWidth=2, aria=False).encode(y=alt.Y("quickest:Q", scale=scale), y2="slowest:Q"),
        base.mark_line(strokeWidth=2).encode(y=y, strokeDash=dash).add_params(chosen),
        base.mark_point(filled=True, size=45).encode(y=y),
        meetings.mark_rule(strokeWidth=2, color=INK, aria=False).encode(
            x=alt.X("crossing_low:Q", scale=scale), x2="crossing_high:Q"
        ),
        meetings.mark_point(shape="diamond", size=80, filled=True, color=INK, opacity=1).encode(
            x=x, tooltip=["curve:N", "value:Q", "crossing_low:Q", "crossing_high:Q"]
        ),
    ).properties(height=320)


def _in_microseconds(record: Record) -> Record:
    names = {"step_seconds": "microseconds", "step_seconds_low": "quickest", "step_seconds_high": "slowest"}
    shown = {ours: 1e6 * float(record[theirs] or 0) for theirs, ours in names.items() if record[theirs] is not None}
    return {**record, **shown}


def _log_axis(records: Sequence[Record], name: str) -> alt.Axis:
    """Mark powers of ten, and where they are few what lies between them."""
    values = [float(each[name] or 1) for each in records]
    powers = _powers_of_ten(values)
    if len(powers) <= _FEW_POWERS:
        powers = [part * power for power in powers for part in (1.0, 2.0, 5.0)]
    return alt.Axis(format="~s", values=powers)


def _narrow_domain(records: list[Record]) -> tuple[float, float]:
    """Choose what part of the ratios is shown: the intervals from the first look on, and 1.

    Those of two or three pairs are so wide that beside them nothing else could be seen.
    """
    settled = [each for each in records if int(each["num_pairs"] or 0) >= 4] or records
    values = [
        float(value)
        for each in settled
        for name in ("time_ratio_low", "time_ratio_high", "time_ratio", "time_ratio_of_pair")
        if (value := each[name]) is not None
    ]
    low, high = min(1.0, *values), max(1.0, *values)
    room = 0.05 * (high - low) or 0.01
    return low - room, high + room
