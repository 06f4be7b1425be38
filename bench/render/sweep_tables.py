"""The tables of a sweep: curves, crossings, laws, threads, and what was left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from bench.judge.crossing import Meeting
from bench.judge.law import CLOSE, Interval
from bench.judge.statistics import Summary
from bench.judge.sweep import CurveResult, Pairing, SweepResult
from bench.records.sweep import Sweep, SweepPlan
from bench.render.sweep_words import axis_word, unit_word
from bench.render.table import Column, Table, Value
from bench.render.units import microseconds, number, percent, times, whole

_KINDS = {
    "estimate": "would not fit",
    "memory": "did not fit",
    "failed": "failed",
    "unavailable": "unavailable",
}


def family_columns(plan: SweepPlan) -> tuple[Column, ...]:
    """Return the column of the second axis, where there is one."""
    return tuple(Column(axis_word(plan, place), axis.name, whole) for place, axis in enumerate(plan.axes) if place)


def make_tables(sweep: Sweep, result: SweepResult) -> dict[str, Table]:
    """Return all tables that say something."""
    plan = sweep.info.plan
    tables = {
        "curves": make_curves_table(plan, result),
        "crossings": make_crossings_table(plan, result.pairings),
        "money": make_money_table(plan, result.priced),
        "laws": make_laws_table(plan, [each for each in result.curves if each.law is not None]),
        "threads": make_threads_table(plan, [each for each in result.curves if each.best is not None]),
        "left_out": make_left_out_table(sweep, result),
    }
    return {name: table for name, table in tables.items() if table.rows}


def make_curves_table(plan: SweepPlan, result: SweepResult) -> Table:
    """Every point of every curve."""
    means = {
        (pairing.family, pairing.second, point.value): point.mean
        for pairing in result.pairings
        if pairing.first == 0
        for point in pairing.encounter.points
    }
    columns = (
        Column("curve", "curve"),
        *family_columns(plan),
        Column(axis_word(plan), plan.axes[0].name, whole),
        Column("us a step", "step_seconds", microseconds, has_spread=True),
        Column("samples/s", "samples_per_second", number),
        Column("speedup", "speedup", times),
        Column("visits", "num_visits", whole, is_detail=True),
    )
    rows: list[tuple[Value, ...]] = []
    for curve in result.curves:
        for point in curve.points:
            mean = 0.0 if curve.curve == 0 else means.get((curve.family, curve.curve, point.value))
            samples = point.samples_per_step
            rows.append(
                (
                    plan.curves[curve.curve].name,
                    *curve.family,
                    point.value,
                    Summary(point.num_visits, point.step_seconds, point.low, point.high),
                    None if samples is None else samples / point.step_seconds,
                    None if mean is None else math.exp(-mean),
                    point.num_visits,
                )
            )
    of_one = "A step is an update of one network. " if any(axis.name == "replicas" for axis in plan.axes) else ""
    return Table(
        "Curves",
        columns,
        tuple(rows),
        (
            f"{of_one}In brackets: the quickest and the slowest visit, each in a fresh process. Speedup: over the "
            "first curve, from blocks of one round; above 1 is faster; a ratio, no verdict.",
        ),
    )


def make_crossings_table(plan: SweepPlan, pairings: Sequence[Pairing]) -> Table:
    """Where each pair of curves crosses."""
    columns = (
        Column("curve", "curve"),
        Column("other", "other"),
        *family_columns(plan),
        Column("verdict", "verdict"),
        Column("faster\nabove", "faster_above"),
        Column(f"at {axis_word(plan)}", f"{plan.axes[0].name}", number),
        Column("from", f"{plan.axes[0].name}_low", whole),
        Column("to", f"{plan.axes[0].name}_high", whole),
        Column("over the\ndefault", "over_default", times, is_detail=True),
    )
    rows: list[tuple[Value, ...]] = []
    for pairing in pairings:
        names = [plan.curves[each].name for each in (pairing.first, pairing.second)]
        head: tuple[Value, ...] = (*names, *pairing.family, str(pairing.encounter.meeting))
        for crossing in pairing.encounter.crossings:
            faster = names[crossing.second_is_faster_above]
            over = crossing.value / plan.axes[0].usual
            rows.append((*head, faster, crossing.value, crossing.low, crossing.high, over))
        if not pairing.encounter.crossings:
            points = pairing.encounter.points
            is_told = pairing.encounter.meeting is Meeting.NOT_WITHIN
            rows.append((*head, names[points[0].sign < 0] if is_told else None, None, None, None, None))
    return Table(
        "Crossings",
        columns,
        tuple(rows),
        (
            "At the ends of the interval one curve is shown to be faster, and then the other; all intervals of a pair "
            f"hold at {1 - plan.alpha:.0%} together. NOT WITHIN: one is faster at every point. UNDECIDED: that can't "
            "be told.",
        ),
    )


def make_money_table(plan: SweepPlan, priced: Sequence[Pairing]) -> Table:
    """Where each pair of curves crosses in money."""
    table = make_crossings_table(plan, priced)
    columns = (
        replace(each, heading="cheaper\nabove", name="cheaper_above") if each.name == "faster_above" else each
        for each in table.columns
    )
    note = (
        "Time at the price of an hour on each curve's device, in the currency of --price-per-hour; the rest as where "
        "they cross in time."
    )
    return replace(table, title="Crossings in money", columns=tuple(columns), notes=(note,))


def make_laws_table(plan: SweepPlan, curves: Sequence[CurveResult]) -> Table:
    """What the curves follow."""
    per = unit_word(plan)
    name = f"seconds_per_{per.replace('-', '_')}"
    columns = (
        Column("curve", "curve"),
        *family_columns(plan),
        Column("fixed\n(us a step)", "fixed_seconds", microseconds, has_spread=True),
        Column(f"each {per}\n(ns)", name, _nanoseconds, has_spread=True),
        Column("fixed share\nof the default", "fixed_share_of_default", percent, has_spread=True),
        Column("each beyond\nthe bend (ns)", f"{name}_beyond_bend", _nanoseconds, has_spread=True, is_detail=True),
        Column(f"bend\n({per}s a step)", f"bend_{per.replace('-', '_')}s", number),
        Column(f"knee\n({per}s a step)", f"knee_{per.replace('-', '_')}s", number, has_spread=True),
        Column("foretells\nwithin", "largest_left_out_error", percent),
        Column("with those\nbeside", "largest_left_out_error_beside", percent),
    )
    rows: list[tuple[Value, ...]] = []
    for curve in curves:
        law = curve.law
        if law is None:
            continue
        rows.append(
            (
                plan.curves[curve.curve].name,
                *curve.family,
                _summary(curve, law.fixed),
                _summary(curve, law.each),
                _summary(curve, law.default_share),
                _summary(curve, law.each_beyond),
                law.bend,
                _summary(curve, law.knee),
                law.largest_error,
                law.largest_error_beside,
            )
        )
    return Table(
        "Scaling laws",
        columns,
        tuple(rows),
        (
            f"A step costs a fixed time and a time for each {per}; in brackets the 95 % interval. Bend: beyond it each "
            "costs more, where that is shown. Knee: there half of a step is fixed cost. Foretells within: by how much "
            "the law misses, at most, a point between the ends that it was not fitted to; beyond "
            f"{CLOSE:.0%} it is no law of this curve. With those beside: the same once a law without "
            "a bend is scaled by what it is off at the two points beside that one.",
        ),
    )


def make_threads_table(plan: SweepPlan, curves: Sequence[CurveResult]) -> Table:
    """How many threads are best."""
    columns = (
        Column("curve", "curve"),
        *family_columns(plan),
        Column("best count", "best_count", whole),
        Column("time over\nthe least", "time_ratio", times),
        Column("not told apart", "ties"),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            plan.curves[curve.curve].name,
            *curve.family,
            curve.best.count,
            curve.best.time_ratio,
            ", ".join(map(str, curve.best.ties)) or "none",
        )
        for curve in curves
        if curve.best is not None
    )
    return Table("Threads", columns, rows, ("Not told apart: counts that are not shown to be slower than the best.",))


def make_left_out_table(sweep: Sweep, result: SweepResult) -> Table:
    """What was not measured, and why."""
    plan = sweep.info.plan
    columns = (
        Column("curve", "curve"),
        *(Column(axis_word(plan, place), axis.name, whole) for place, axis in enumerate(plan.axes)),
        Column("what", "kind"),
        Column("why", "reason"),
    )
    lost: list[tuple[Value, ...]] = [
        (plan.curves[each.curve].name, *each.values, _KINDS[each.kind], each.reason) for each in sweep.lost
    ]
    late: list[tuple[Value, ...]] = [
        (plan.curves[curve].name, *values, "not reached", "") for curve, values in result.not_reached
    ]
    larger = "What did not fit, or is unavailable, is not tried any larger."
    return Table("Left out", columns, (*lost, *late), (larger,))


def _summary(curve: CurveResult, interval: Interval | None) -> Summary | None:
    return None if interval is None else Summary(len(curve.points), interval.value, interval.low, interval.high)


def _nanoseconds(seconds: float) -> str:
    return number(seconds * 1e9)
