"""Figures drawn: from a table of raw values to a Vega-Lite specification, of which every picture is made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt

from bench.records.journal import PHASES
from bench.render.page.figures import ALL, NOT_RANKED, NOT_RESOLVED, RANKED, REST, Figure, Kind
from bench.render.page.layers import BELOW, GRID, INK, MUTED, Record, Rows, list_records, mark_constant
from bench.render.units import microseconds

WIDTH = 400
"""Of a picture in the page: two of them side by side on a screen, one on a phone."""
ACCENT, PALE, GOOD = "#2f7ed8", "#a9c4e4", "#2a9d74"
SERIES = (ACCENT, "#e08a1e", GOOD, "#b5599d", "#8c6bd1", "#c25b3f", "#5aa2b8", "#8a8f3c")
"""Told apart by eyes that see red and green alike, and seen on white and on black."""
_PHASE_COLOURS = {**dict(zip(PHASES, SERIES, strict=False)), NOT_RESOLVED: "#b9a27a", REST: "#9aa3ad"}
_LARGE_RATIO = 10
"""Beyond it, small numbers beside large ones need a logarithm to be seen."""


def draw(figure: Figure, width: int = WIDTH) -> alt.LayerChart:
    """Draw a figure, so many pixels wide."""
    return _DRAWINGS[figure.kind](figure).properties(width=width)


def specify(chart: alt.LayerChart, background: str = "transparent") -> dict[str, Any]:
    """Return the specification of a chart, checked against Vega-Lite's schema."""
    styled = (
        chart.configure(background=background, font="sans-serif", padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            domainColor=GRID, gridColor=GRID, tickColor=GRID, labelColor=MUTED, titleColor=MUTED,
            titleFontWeight="normal", labelFontSize=11, titleFontSize=12,
        )
        .configure_legend(labelColor=INK, labelFontSize=12, labelLimit=WIDTH - 40, title=None, orient="bottom")
        .configure_title(color=INK, subtitleColor=MUTED, anchor="start", fontSize=17, subtitleFontSize=12, offset=14)
    )
    return styled.to_dict()


def _draw_speedups(figure: Figure) -> alt.LayerChart:
    records = list_records(figure.table)
    cases = [each for each in records if each["replicate"] == ALL]
    rows = Rows([{**each, "shown": _or_quality(each, "speedup")} for each in cases], "case", "shown")
    x = alt.X("speedup:Q", title="speedup", axis=_counting(), scale=alt.Scale(zero=True, nice=True))
    singles = rows.of([each for each in records if each["replicate"] != ALL])
    return alt.layer(
        rows.chart.mark_bar(size=12, yOffset=BELOW).encode(x=x, color=_by_standing()),
        mark_constant(speedup=1).mark_rule(color=MUTED, strokeDash=[3, 3], aria=False).encode(x=x),
        singles.mark_point(yOffset=BELOW, size=14, filled=True, color=INK, opacity=0.8).encode(x=x),
        *rows.texts(),
    )


def _draw_ladder(figure: Figure) -> alt.LayerChart:
    records: list[Record] = []
    for each in list_records(figure.table):
        speedup = "" if each["speedup"] is None else f", {each['speedup_shown']}"
        records.append({**each, "shown": f"{_or_quality(each, 'samples_per_second')}{speedup}"})
    rows = Rows(records, "case", "shown")
    x = alt.X("samples_per_second:Q", title="samples a second", axis=alt.Axis(format="~s", tickCount=5))
    lines = rows.chart.mark_rule(yOffset=BELOW, y2Offset=BELOW, strokeWidth=3, color=INK, opacity=0.8)
    return alt.layer(
        rows.chart.mark_bar(size=12, yOffset=BELOW).encode(x=x, color=_by_standing()),
        lines.encode(x="samples_per_second_low:Q", x2="samples_per_second_high:Q"),
        *rows.texts(),
    )


def _draw_throughput(figure: Figure) -> alt.LayerChart:
    records = list_records(figure.table)
    rows = Rows([{**each, "shown": _or_quality(each, "samples_per_second")} for each in records], "case", "shown")
    return alt.layer(*_dots_with_lines(rows, _by_standing(), is_wide=False), *rows.texts())


def _draw_runs(figure: Figure) -> alt.LayerChart:
    records = list_records(figure.table)
    devices = list(dict.fromkeys(each["device"] for each in records))
    rates = [float(rate) for each in records if (rate := each["samples_per_second"])]
    rows = Rows(records, "mode")
    colour = alt.Color(
        "device:N",
        scale=alt.Scale(domain=devices, range=[SERIES[place % len(SERIES)] for place in range(len(devices))]),
        legend=alt.Legend(columns=1) if len(devices) > 1 else None,
    )
    is_wide = max(rates, default=1) > _LARGE_RATIO * min(rates, default=1)
    return alt.layer(*_dots_with_lines(rows, colour, is_wide), *rows.texts())


def _dots_with_lines(rows: Rows, colour: alt.Color, is_wide: bool) -> tuple[alt.Chart, alt.Chart]:
    scale = alt.Scale(type="log", padding=10) if is_wide else alt.Scale(zero=True, nice=True)
    x = alt.X("samples_per_second:Q", title="samples a second", scale=scale, axis=alt.Axis(format="~s", tickCount=5))
    lines = rows.chart.mark_rule(yOffset=BELOW, y2Offset=BELOW, strokeWidth=2, aria=False)
    return (
        lines.encode(x="samples_per_second_low:Q", x2="samples_per_second_high:Q", color=colour),
        rows.chart.mark_point(yOffset=BELOW, filled=True, size=70, opacity=0.9).encode(x=x, color=colour),
    )


def _draw_phases(figure: Figure) -> alt.LayerChart:
    records: list[Record] = []
    totals: dict[str, float] = {}
    for place, each in enumerate(list_records(figure.table)):
        seconds, case = float(each["seconds"] or 0.0), str(each["case"])
        totals[case] = totals.get(case, 0.0) + seconds
        records.append({**each, "microseconds": seconds * 1e6, "place": place})
    names: list[Record] = [{"case": case, "shown": f"{microseconds(total)} us"} for case, total in totals.items()]
    rows = Rows(names, "case", "shown")
    parts = [part for part in _PHASE_COLOURS if any(each["part"] == part for each in records)]
    colours = alt.Scale(domain=parts, range=[_PHASE_COLOURS[part] for part in parts])
    bars = rows.of(records).mark_bar(size=12, yOffset=BELOW).encode(
        x=alt.X("microseconds:Q", title="time of a batch (us)", axis=_counting(), stack="zero"),
        color=alt.Color("part:N", scale=colours, legend=alt.Legend(columns=3)),
        order="place:Q",
    )
    return alt.layer(bars, *rows.texts())


def _draw_losses(figure: Figure) -> alt.LayerChart:
    records = list_records(figure.table)
    cases = list(dict.fromkeys(each["cases"] for each in records))
    colour = alt.Color(
        "cases:N",
        scale=alt.Scale(domain=cases, range=list(SERIES[: len(cases)])),
        legend=alt.Legend(columns=1, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1),
    )
    # A line that lies on another one is narrower, so that both are seen.
    widths = [1.5 + 4.5 * place / max(1, len(cases) - 1) for place in reversed(range(len(cases)))]
    width = alt.StrokeWidth("cases:N", scale=alt.Scale(domain=cases, range=widths), legend=None)
    scale = alt.Scale(type="log", nice=False)
    powers = _powers_of_ten([float(each[name] or 1) for each in records for name in ("loss_lowest", "loss_highest")])
    y = alt.Y("loss:Q", title="loss", scale=scale, axis=alt.Axis(format="~g", values=powers))
    epochs = alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False), axis=alt.Axis(tickCount=5, format="~r"))
    base = alt.Chart(alt.InlineData(values=records)).encode(x=epochs, color=colour)
    band = base.mark_area(opacity=0.15, aria=False).encode(y=alt.Y("loss_lowest:Q", scale=scale), y2="loss_highest:Q")
    line = base.mark_line(opacity=1).encode(y=y, strokeWidth=width)
    return alt.layer(band, line).properties(height=270)


def _powers_of_ten(values: Sequence[float]) -> list[float]:
    exponents = [math.log10(value) for value in values]
    lowest, highest = math.floor(min(exponents)), math.ceil(max(exponents))
    step = max(1, (highest - lowest) // 8)
    return [10.0**exponent for exponent in range(lowest, highest + 1, step)]


def _draw_quality(figure: Figure) -> alt.LayerChart:
    records = list_records(figure.table)
    rows = Rows([each for each in records if each["seed"] == ALL], "case", "quality")
    singles = rows.of([each for each in records if each["seed"] != ALL])
    x = alt.X(
        "heldout_mse_ratio:Q",
        title="held-out MSE over the reference's",
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(tickCount=4, format="~g"),
    )
    lines = rows.chart.mark_rule(yOffset=BELOW, y2Offset=BELOW, strokeWidth=2, color=ACCENT, aria=False)
    means = rows.chart.mark_point(yOffset=BELOW, shape="diamond", size=80, filled=True, color=ACCENT, opacity=1)
    low, high = figure.band or (1.0, 1.0)
    return alt.layer(
        mark_constant(low=low, high=high).mark_rect(color=GOOD, opacity=0.13, aria=False).encode(x="low:Q", x2="high:Q"),
        lines.encode(x="heldout_mse_ratio_low:Q", x2="heldout_mse_ratio_high:Q"),
        means.encode(x=x),
        singles.mark_point(yOffset=BELOW, size=22, filled=True, color=INK, opacity=0.8).encode(x=x),
        *rows.texts(),
    )


def _draw_narrowing(figure: Figure) -> alt.LayerChart:
    records = list_records(figure.table)
    low, high = figure.band or (1.0, 1.0)
    domain = _narrow_domain(records)
    scale = alt.Scale(domain=domain, clamp=True, nice=False, zero=False)
    y = alt.Y("time_ratio:Q", title="time ratio", scale=scale, axis=alt.Axis(tickCount=6, format="~g"))
    pairs = alt.X("num_pairs:Q", title="pairs of processes", axis=_counting(), scale=alt.Scale(nice=False, padding=10))
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


_DRAWINGS: Mapping[Kind, Callable[[Figure], alt.LayerChart]] = {
    "speedups": _draw_speedups,
    "ladder": _draw_ladder,
    "throughput": _draw_throughput,
    "phases": _draw_phases,
    "losses": _draw_losses,
    "quality": _draw_quality,
    "narrowing": _draw_narrowing,
    "runs": _draw_runs,
}


def _by_standing() -> alt.Color:
    scale = alt.Scale(domain=[RANKED, NOT_RANKED], range=[ACCENT, PALE])
    return alt.Color("standing:N", scale=scale, legend=None)


def _counting() -> alt.Axis:
    return alt.Axis(tickCount=5, format="~r")


def _or_quality(record: Record, name: str) -> str:
    """Return a number as a table shows it, with what is to be known of it; or why there is none."""
    quality, shown = str(record["quality"]), str(record[f"{name}_shown"])
    if record[name] is None:
        return quality
    return shown if record["standing"] == RANKED else f"{shown}, {quality}"
