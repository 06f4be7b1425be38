"""The tables behind the lines of a report: how the loss fell, how a race narrowed, how steps grow along a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.judge.curves import list_curves
from bench.judge.race import LOOKS, Contrast, estimate_pairs
from bench.judge.results import CaseResult
from bench.judge.statistics import Summary
from bench.judge.sweep import CurveResult, Family, SweepResult
from bench.records.race import Race
from bench.records.sweep import SweepPlan
from bench.render.page.figure import Figure
from bench.render.sweep_words import axis_word, name_family
from bench.render.table import Column, Table, Value
from bench.render.units import microseconds, number, whole

MAX_POINTS = 120
"""Of a curve: about one for every three pixels."""
MAX_CURVES = 8
"""As many as there are colours that can be told apart."""


def list_losses(results: Sequence[CaseResult]) -> Table:
    """List the curves of the loss, condensed; cases with the same losses are one curve."""
    columns = (
        Column("cases", "cases"),
        Column("epoch", "epoch", whole),
        Column("loss", "loss", number),
        Column("lowest", "loss_lowest", number),
        Column("highest", "loss_highest", number),
    )
    curves = list_curves(results, MAX_POINTS)
    rows = tuple(
        (_name_curve(curve.case_names), point.epoch, point.loss, point.lowest, point.highest)
        for curve in curves[:MAX_CURVES]
        for point in curve.points
        # A logarithm is drawn.
        if point.lowest > 0
    )
    longest = max((curve.num_epochs for curve in curves), default=0)
    notes = [
        "Line: the median over seeds of the mean training loss of an epoch, standardised. Band: from the lowest to the "
        "highest over all seeds and epochs up to the next point. Cases with the same losses bit for bit are one line.",
    ]
    if longest > MAX_POINTS:
        notes.append(f"Condensed: {MAX_POINTS} points for {longest:,} epochs; samples.jsonl has every epoch.")
    if len(curves) > MAX_CURVES:
        notes.append(f"The first {MAX_CURVES} of {len(curves)} curves are drawn.")
    return Table("Loss", columns, rows, tuple(notes))


def make_narrowing(race: Race, contrast: Contrast) -> Figure:
    """Show how the estimate and its interval of a race narrowed from pair to pair."""
    plan = race.info.plan
    return Figure("narrowing", list_narrowing(race, contrast), (1 / (1 + plan.margin), 1 + plan.margin))


def list_narrowing(race: Race, contrast: Contrast) -> Table:
    """List where the estimate and its interval stood after each pair of a race."""
    plan = race.info.plan
    ours, theirs = plan.arms[contrast.arm].label, plan.arms[0].label
    columns = (
        Column("pairs", "num_pairs", whole),
        Column("time ratio", "time_ratio", number),
        Column("from", "time_ratio_low", number),
        Column("to", "time_ratio_high", number),
        Column("looked at", "is_look"),
        Column("difference of the pair", "time_ratio_of_pair", number),
    )
    rows: list[tuple[Value, ...]] = []
    for count, pair in enumerate(contrast.pairs, 1):
        found = estimate_pairs(contrast.pairs[:count], plan.alpha)
        if found is not None:
            low, high = (math.exp(each) if math.isfinite(each) else None for each in (found.low, found.high))
            is_look = "yes" if count in LOOKS else "no"
            rows.append((count, math.exp(found.mean), low, high, is_look, math.exp(pair.value)))
    note = (
        f"Time of {ours} over that of {theirs}, as it stood after each pair of processes, with its "
        f"{100 * (1 - plan.alpha):g} % interval. Small dots: the pairs themselves. Filled: where the race looked at "
        f"the interval and could stop. Band: the same within {plan.margin:.1%}."
    )
    return Table(f"{ours} against {theirs}", columns, tuple(rows), (note,))


def list_sweep_figures(plan: SweepPlan, result: SweepResult) -> list[Figure]:
    """Show the curves of each family with where they cross; of a single point there is nothing to be drawn."""
    families = dict.fromkeys(curve.family for curve in result.curves)
    tables = [_list_family(plan, result, family) for family in families]
    return [Figure("sweep", each) for each in tables if len({row[1] for row in each.rows}) > 1]


def _list_family(plan: SweepPlan, result: SweepResult, family: Family) -> Table:
    curves = {curve.curve: curve for curve in result.curves if curve.family == family}
    columns = (
        Column("curve", "curve"),
        Column(axis_word(plan), "value", number),
        Column("us a step", "step_seconds", microseconds, has_spread=True),
        Column("crossing from", "crossing_low", whole),
        Column("to", "crossing_high", whole),
    )
    rows: list[tuple[Value, ...]] = [
        (
            plan.curves[curve.curve].name,
            point.value,
            Summary(point.num_visits, point.step_seconds, point.low, point.high),
            None,
            None,
        )
        for curve in curves.values()
        for point in curve.points
    ]
    for pairing in result.pairings:
        if pairing.family == family:
            names = [plan.curves[each].name for each in (pairing.first, pairing.second)]
            for crossing in pairing.encounter.crossings:
                slower, faster = names if crossing.second_is_faster_above else reversed(names)
                there = Summary(0, _read_off(curves[pairing.first], crossing.value), None, None)
                rows.append((f"{faster} passes {slower}", crossing.value, there, crossing.low, crossing.high))
    note = (
        "Dots: the mean over visits, each in a fresh process; upright lines: from the quickest visit to the slowest. "
        "Diamonds: where two curves cross, with the interval."
    )
    return Table(f"A step over {axis_word(plan)}{name_family(plan, family)}", columns, tuple(rows), (note,))


def _read_off(curve: CurveResult, value: float) -> float:
    """Return the seconds of a step on the straight line between two points, both axes on the logarithm."""
    values, seconds = zip(*((math.log(each.value), math.log(each.step_seconds)) for each in curve.points), strict=True)
    return math.exp(np.interp(math.log(value), values, seconds))


def _name_curve(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
