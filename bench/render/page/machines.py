"""Several runs beside each other, on whatever machines; and several races."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.judge.comparison import ALPHA, DEAD_ZONE, MARGIN, Criteria
from bench.judge.devices import (
    CaseTime,
    MachineRun,
    compare_devices,
    hold_against_first,
    list_times,
    summarise_devices,
)
from bench.judge.race import judge_race
from bench.records.plan import QUALITY_MARGIN
from bench.records.stored import StoredRace, StoredRun
from bench.render.devices import (
    describe_devices,
    describe_differences,
    describe_left_out,
    make_devices_table,
    make_runs_table,
    make_speedup_table,
)
from bench.render.table import Column, Table, Value
from bench.render.units import number, whole

_CRITERIA = Criteria(ALPHA, DEAD_ZONE, MARGIN, QUALITY_MARGIN)


@dataclass(frozen=True, slots=True)
class Machines:
    """Runs that can stand beside each other."""

    names: tuple[str, ...]
    times: tuple[CaseTime, ...]
    tables: tuple[Table, ...]
    lines: tuple[str, ...]
    """What is to be said of them: who is left out, how devices compare."""


def compare_runs(runs: Sequence[StoredRun]) -> Machines:
    """Put runs beside the first of them; what did other work is left out, and named."""
    kept, lines = [], []
    for machine, refusing, noted in hold_against_first([MachineRun(str(each.path), each.result) for each in runs]):
        if refusing:
            lines.append(describe_left_out(machine.name, refusing))
        else:
            kept.append(machine)
            lines += describe_differences(machine.name, noted)
    times = list_times(kept, lambda _case: True)
    figures = compare_devices(times, _CRITERIA)
    tables = [make_runs_table({each.name: each.run for each in kept}, times)]
    if figures:
        tables = [make_devices_table(figures, _CRITERIA), *tables]
    if len({each.device for each in figures}) > 1:
        tables = [make_speedup_table(figures), *tables]
        lines = [*describe_devices(summarise_devices(figures), figures), *lines]
    return Machines(tuple(each.name for each in kept), tuple(times), tuple(tables), tuple(lines))


def make_races_table(races: Sequence[StoredRace]) -> Table:
    """Put the arms of all races below each other, each beside the first arm of its race."""
    columns = (
        Column("race", "race"),
        Column("arm", "arm"),
        Column("against", "first_arm"),
        Column("time ratio", "time_ratio", number),
        Column("from", "time_ratio_low", number),
        Column("to", "time_ratio_high", number),
        Column("verdict", "verdict"),
        Column("quality", "quality"),
        Column("pairs", "num_pairs", whole),
    )
    rows: list[tuple[Value, ...]] = []
    for stored in races:
        arms = stored.result.info.plan.arms
        for each in judge_race(stored.result):
            found = each.estimate
            ratios = (found.mean, found.low, found.high) if found else ()
            shown = [math.exp(value) if math.isfinite(value) else None for value in ratios] or [None] * 3
            verdicts = (str(each.verdict), str(each.quality.quality), found.num_pairs if found else 0)
            rows.append((str(stored.path), arms[each.arm].settings, arms[0].settings, *shown, *verdicts))
    note = "Time ratio: above 1 is slower than what it was raced against; verdicts are those of each race's own rules."
    return Table("Races side by side", columns, tuple(rows), (note,))
