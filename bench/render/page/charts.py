"""Figures drawn: from a table of raw values to a Vega-Lite specification, of which every picture is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import altair as alt

from bench.records.journal import PHASES
from bench.render.page.figure import ALL, NOT_RANKED, NOT_RESOLVED, RANKED, REST, Figure, Kind
from bench.render.page.layers import (
    ACCENT,
    BELOW,
    GOOD,
    GRID,
    INK,
    MUTED,
    PALE,
    SERIES,
    Chart,
    Record,
    Rows,
    count_along,
    light_up,
    list_records,
    mark_constant,
)
from bench.render.page.lines import draw_losses, draw_narrowing, draw_sweep
from bench.render.units import microseconds, number, times

WIDTH = 400
"""Of a picture in the page: two of them side by side on a screen, one on a phone."""
_PHASE_COLOURS = {**dict(zip(PHASES, SERIES, strict=False)), NOT_RESOLVED: "#b9a27a", REST: "#9aa3ad"}
_LARGE_RATIO = 10
"""Beyond it, small numbers beside large ones need a logarithm to be seen."""


def draw(figure: Figure, width: int = WIDTH) -> Chart:
    """Draw a figure, so many pixels wide."""
    return _DRAWINGS[figure.kind](figure).properties(width=width)


def specify(chart: Chart, background: str = "transparent") -> dict[str, Any]:
    """Return the specification of a chart, checked against Vega-Lite's schema."""
    styled = (
        chart.configure(background=background, font="sans-serif", padding=4, numberFormat=",.4~r")
        .configure_view(stroke=None)
        .configure_mark(tooltip=alt.TooltipContent("encoding"))
        .configure_axis(
            domainColor=GRID,
            gridColor=GRID,
            tickColor=GRID,
            labelColor=MUTED,
            titleColor=MUTED,
            titleFontWeight="normal",
            labelFontSize=11,
            titleFontSize=12,
        )
        .configure_legend(labelColor=INK, labelFontSize=12, labelLimit=WIDTH - 40, title=None, orient="bottom")
        .configure_title(color=INK, subtitleColor=MUTED, anchor="start", fontSize=17, subtitleFontSize=12, offset=14)
    )
    specification: dict[str, Any] = styled.to_dict()
    return specification


def _draw_speedups(figure: Figure) -> Chart:
    records = list_records(figure.table)
    cases = [each for each in records if each["replicate"] == ALL]
    rows = Rows([{**each, "shown": _or_quality(each, "speedup", times)} for each in cases], "case", "shown")
    x = alt.X("speedup:Q", title="speedup", axis=count_along(), scale=alt.Scale(zero=True, nice=True))
    singles = rows.of([each for each in records if each["replicate"] != ALL])
    return alt.layer(
        rows.chart.mark_bar(size=12, yOffset=BELOW).encode(x=x, color=_by_standing()),
        mark_constant(speedup=1).mark_rule(color=MUTED, strokeDash=[3, 3], aria=False).encode(x=x),
        singles.mark_point(yOffset=BELOW, size=14, filled=True, color=INK, opacity=0.8).encode(x=x),
        *rows.texts(),
    )


def _draw_ladder(figure: Figure) -> Chart:
    records: list[Record] = []
    for each in list_records(figure.table):
        speedup = "" if each["speedup"] is None else f", {times(float(each['speedup']))}"
        records.append({**each, "shown": f"{_or_quality(each, 'samples_per_second', number)}{speedup}"})
    rows = Rows(records, "case", "shown")
    x = alt.X("samples_per_second:Q", title="samples a second", axis=alt.Axis(format="~s", tickCount=5))
    lines = rows.chart.mark_rule(yOffset=BELOW, y2Offset=BELOW, strokeWidth=3, color=INK, opacity=0.8)
    return alt.layer(
        rows.chart.mark_bar(size=12, yOffset=BELOW).encode(x=x, color=_by_standing()),
        lines.encode(x="samples_per_second_low:Q", x2="samples_per_second_high:Q"),
        *rows.texts(),
    )


def _draw_throughput(figure: Figure) -> Chart:
    records = list_records(figure.table)
    rows = Rows(
        [{**each, "shown": _or_quality(each, "samples_per_second", number)} for each in records], "case", "shown"
    )
    return alt.layer(*_dots_with_lines(rows, _by_standing(), is_wide=False), *rows.texts())


def _draw_runs(figure: Figure) -> Chart:
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


def _draw_phases(figure: Figure) -> Chart:
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
    chosen = alt.selection_point(fields=["part"], bind="legend")
    bars = (
        rows.of(records)
        .mark_bar(size=12, yOffset=BELOW)
        .encode(
            x=alt.X("microseconds:Q", title="time of a batch (us)", axis=count_along(), stack="zero"),
            color=alt.Color("part:N", scale=colours, legend=alt.Legend(columns=3)),
            order="place:Q",
            opacity=light_up(chosen, 1),
            tooltip=["case:N", "part:N", alt.Tooltip("microseconds:Q", title="us")],
        )
    )
    return alt.layer(bars.add_params(chosen), *rows.texts())


def _draw_quality(figure: Figure) -> Chart:
    records = list_records(figure.table)
    rows = Rows([each for each in records if each["seed"] == ALL], "case", "quality")
    singles = rows.of([each for each in records if each["seed"] != ALL])
    x = alt.X(
        "heldout_mse_ratio:Q",
        title="held-out error over the reference's",
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(tickCount=4, format="~g"),
    )
    lines = rows.chart.mark_rule(yOffset=BELOW, y2Offset=BELOW, strokeWidth=2, color=ACCENT, aria=False)
    means = rows.chart.mark_point(yOffset=BELOW, shape="diamond", size=80, filled=True, color=ACCENT, opacity=1)
    low, high = figure.band or (1.0, 1.0)
    return alt.layer(
        mark_constant(low=low, high=high)
        .mark_rect(color=GOOD, opacity=0.13, aria=False)
        .encode(x="low:Q", x2="high:Q"),
        lines.encode(x="heldout_mse_ratio_low:Q", x2="heldout_mse_ratio_high:Q"),
        means.encode(x=x),
        singles.mark_point(yOffset=BELOW, size=22, filled=True, color=INK, opacity=0.8).encode(x=x),
        *rows.texts(),
    )


_DRAWINGS: Mapping[Kind, Callable[[Figure], Chart]] = {
    "speedups": _draw_speedups,
    "ladder": _draw_ladder,
    "throughput": _draw_throughput,
    "phases": _draw_phases,
    "losses": draw_losses,
    "quality": _draw_quality,
    "narrowing": draw_narrowing,
    "runs": _draw_runs,
    "sweep": draw_sweep,
}


def _by_standing() -> alt.Color:
    scale = alt.Scale(domain=[RANKED, NOT_RANKED], range=[ACCENT, PALE])
    return alt.Color("standing:N", scale=scale, legend=None)


def _or_quality(record: Record, name: str, show: Callable[[float], str]) -> str:
    """Return a number as a table shows it, with what is to be known of it; or why there is none."""
    quality, value = str(record["quality"]), record[name]
    if value is None:
        return quality
    shown = show(float(value))
    return shown if record["standing"] == RANKED else f"{shown}, {quality}"
