"""A sweep as text: sentences, plots and tables, on the terminal and as files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.judge.crossing import Crossing, Meeting
from bench.judge.itinerary import count_left
from bench.judge.sweep import CurveResult, Pairing, SweepResult
from bench.records.case import Case
from bench.records.sweep import Sweep, SweepPlan
from bench.render.curve_plot import MARKS, plot_curves
from bench.render.escape import for_markdown, for_terminal
from bench.render.summary import describe_machine
from bench.render.sweep_money import describe_money
from bench.render.sweep_tables import make_tables
from bench.render.sweep_words import axis_word, describe_place, name_family, unit_word
from bench.render.table import to_csv, to_markdown, to_terminal, wrap
from bench.render.units import duration, microseconds, number, whole

_PLOT_WIDTH = 100
"""At most: wider, a curve is no clearer."""


def report_sweep(sweep: Sweep, result: SweepResult, width: int) -> str:
    """Return all that a sweep says, for a terminal."""
    # What was not reached may be long: here a sentence says it, the files list it.
    tables = make_tables(sweep, replace(result, not_reached=()))
    return "\n".join(
        [
            *(wrap(for_terminal(line), width) for line in describe_sitting(sweep)),
            "",
            *plot_families(sweep, result, width),
            *(to_terminal(table, width) for table in tables.values()),
            *(wrap(for_terminal(line), width) for line in describe_sweep(sweep, result)),
        ]
    )


def list_sweep_files(sweep: Sweep, result: SweepResult) -> dict[str, str]:
    """Return the tables of a sweep as files: name -> contents; the plots stand beside the curves."""
    files = {}
    for name, table in make_tables(sweep, result).items():
        files[f"{name}.md"] = to_markdown(table)
        files[f"{name}.csv"] = to_csv(table)
    lines = "".join(f"- {for_markdown(line)}\n" for line in (*describe_sitting(sweep), *describe_sweep(sweep, result)))
    plots = "\n".join(plot_families(sweep, result, _PLOT_WIDTH))
    files["sweep.md"] = f"# Sweep\n\n{lines}" + (f"\n```\n{plots}```\n" if plots else "")
    return files


def describe_sitting(sweep: Sweep) -> Iterator[str]:
    """Say where it was measured, and how it ended."""
    yield f"Measured on {describe_machine(sweep.info.environment)}"
    visits = len({timed.visit for timed in sweep.timed})
    ended = sweep.ended
    if ended is None:
        yield f"PARTIAL: {visits} visits; the sweep was killed, or still goes on"
        return
    how = {
        "resolved": "all was measured that was asked for",
        "budget": "the budget ended it",
        "interrupted": "PARTIAL: it was interrupted",
    }[ended.reason]
    yield f"{visits} visits; the last sitting took {duration(ended.seconds)}: {how}"
    yield from sweep.warnings


def describe_sweep(sweep: Sweep, result: SweepResult) -> Iterator[str]:
    """Say where curves cross, how many threads are best, and what laws they follow."""
    plan = sweep.info.plan
    yield from describe_pairings(plan, result)
    yield from describe_money(plan, result)
    for curve in result.curves:
        if curve.best is None and plan.axes[0].name == "threads":
            yield f"UNDECIDED how many threads are best for {_name(plan, curve.curve, curve.family)}: too few visits"
        if curve.best is not None:
            ties = f"; not told apart from it: {', '.join(map(str, curve.best.ties))}" if curve.best.ties else ""
            count = "1 thread is" if curve.best.count == 1 else f"{curve.best.count} threads are"
            yield f"{_name(plan, curve.curve, curve.family)}: {count} best{ties}"
        yield from describe_law(plan, curve)
    yield from _describe_rest(sweep)


def _describe_rest(sweep: Sweep) -> Iterator[str]:
    """Say how many visits of the grid are left, and how long they would take by the mean of those made."""
    left = count_left(sweep)
    if not left:
        return
    made = len({timed.visit for timed in sweep.timed})
    lasted = sum(timed.wall_seconds for timed in sweep.timed)
    so_long = f", {duration(left * lasted / made)} by the mean of the {made} made" if made else ""
    yield (
        f"{whole(left)} visits of the grid are left{so_long}: the same command with this sweep's --output, and a "
        "--budget that holds them, goes on"
    )


def describe_pairings(plan: SweepPlan, result: SweepResult) -> Iterator[str]:
    """Say of each pair of curves where one overtakes the other; those that do come first."""
    for pairing in sorted(result.pairings, key=lambda each: each.encounter.meeting is not Meeting.CROSSES):
        yield from describe_pairing(plan, pairing)


def describe_pairing(plan: SweepPlan, pairing: Pairing) -> Iterator[str]:
    """Say where one curve overtakes another."""
    cases = [plan.curves[each] for each in (pairing.first, pairing.second)]
    within = name_family(plan, pairing.family)
    encounter = pairing.encounter
    points = encounter.points
    if encounter.meeting is Meeting.UNDECIDED:
        yield f"UNDECIDED where {cases[1].name} passes {cases[0].name}{within}: {encounter.reason}"
        return
    if encounter.meeting is Meeting.NOT_WITHIN:
        slower, faster = cases if points[0].sign < 0 else reversed(cases)
        span = f"from {whole(points[0].value)} to {whole(points[-1].value)}"
        yield f"{faster.name} is faster than {slower.name} at every {axis_word(plan)} {span}{within}: no crossing"
        yield from _describe_precision(plan, slower, faster, span, within)
        return
    for crossing in encounter.crossings:
        slower, faster = cases if crossing.second_is_faster_above else reversed(cases)
        at = f"{axis_word(plan)} {describe_place(crossing)}"
        yield f"{faster.name} passes {slower.name} at {at}{within}; {_describe_default(plan, crossing)}"
        if faster.precision != "fp32" and slower.precision == "fp32" and _differ_in_precision_alone(faster, slower):
            yield f"{faster.precision} pays from {at}{within}, of {slower.name}"


def _describe_precision(plan: SweepPlan, slower: Case, faster: Case, span: str, within: str) -> Iterator[str]:
    if not _differ_in_precision_alone(faster, slower) or "fp32" not in (faster.precision, slower.precision):
        return
    if faster.precision == "fp32":
        yield f"{slower.precision} pays at no {axis_word(plan)} {span}{within}, of {faster.name}"
    else:
        yield f"{faster.precision} pays at every {axis_word(plan)} {span}{within}, of {slower.name}"


def _describe_default(plan: SweepPlan, crossing: Crossing) -> str:
    """Say on which side of a crossing the recipe lies."""
    default = plan.axes[0].usual
    if crossing.low <= default <= crossing.high:
        return f"the default of {whole(default)} lies there"
    ratio = crossing.value / default
    far = f"{_times(ratio)} under" if ratio > 1 else f"{_times(1 / ratio)} over"
    return f"the default of {whole(default)} is {far}"


def describe_law(plan: SweepPlan, curve: CurveResult) -> Iterator[str]:
    """Say what a curve follows, and what holds on each side of its knee."""
    law = curve.law
    if law is None:
        return
    name = _name(plan, curve.curve, curve.family)
    if not law.is_close:
        yield (
            f"{name}: no law of a fixed cost and a cost for each unit describes it; points left out are missed by up "
            f"to {law.largest_error:.0%}; by up to {law.largest_error_beside:.0%} once a law without a bend is scaled "
            "by what it is off at the two points beside each"
        )
        return
    unit = unit_word(plan)
    fixed = f"{microseconds(law.fixed.value)} us a step"
    each = f"{number(law.each.value * 1e9)} ns a {unit}"
    if law.bend is not None and law.each_beyond is not None:
        each += f", beyond {number(law.bend)} {number(law.each_beyond.value * 1e9)} ns"
    share, knee = law.default_share, law.knee
    if share is None or knee is None:
        open_one = "the fixed cost" if law.fixed.low == 0 else f"the cost a {unit}"
        yield f"{name}: {fixed} and {each}; {open_one} is not told from nothing, so there is no knee"
        return
    at_knee = f"{number(knee.value)} {unit}s a step ({number(knee.low)} to {number(knee.high)})"
    if knee.value < law.smallest:
        regime = f"the knee, {at_knee}, is below all that was measured: {unit}s are what costs"
    elif knee.value > law.largest:
        regime = f"the knee, {at_knee}, is above all that was measured: the fixed cost is what costs"
    else:
        regime = f"under the knee, {at_knee}, more work is nearly free, and over it time grows with the work"
    at_default = f"{share.value:.0%} of the default's step is fixed cost ({share.low:.0%} to {share.high:.0%})"
    yield f"{name}: {fixed} and {each}; {at_default}; {regime}"


def plot_families(sweep: Sweep, result: SweepResult, width: int) -> Iterator[str]:
    """Plot the curves of each family with their crossings; of a single point there is no plot."""
    plan = sweep.info.plan
    for family in dict.fromkeys(curve.family for curve in result.curves):
        curves = {each.curve: each for each in result.curves if each.family == family}
        points = [
            [(float(point.value), point.step_seconds) for point in curves[number].points] if number in curves else []
            for number in range(len(plan.curves))
        ]
        if len({x for curve in points for x, _ in curve}) < 2:
            continue
        crossings = [
            crossing.value
            for pairing in result.pairings
            if pairing.family == family
            for crossing in pairing.encounter.crossings
        ]
        yield f"us a step over {axis_word(plan)}{name_family(plan, family)}, both on the logarithm; | is a crossing"
        yield from plot_curves(points, crossings, (whole, microseconds), min(width, _PLOT_WIDTH))
        yield from (
            f"{MARKS[number]} {for_terminal(case.name)}" for number, case in enumerate(plan.curves) if number in curves
        )
        yield ""


def _name(plan: SweepPlan, curve: int, family: tuple[int, ...]) -> str:
    return f"{plan.curves[curve].name}{name_family(plan, family)}"


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times"


def _differ_in_precision_alone(first: Case, second: Case) -> bool:
    return first.precision != second.precision and (first.device, first.engine, first.batching, first.num_threads) == (
        second.device,
        second.engine,
        second.batching,
        second.num_threads,
    )
