"""Runs of several machines as text: speedups within each, absolute times, ratios, and every run by itself."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence

from bench.errors import InvalidFileError
from bench.judge.comparability import FieldDifference
from bench.judge.comparison import Criteria
from bench.judge.devices import CaseTime, DeviceFigure, Overall, find_model, rank
from bench.records.run import Run
from bench.render.escape import for_terminal
from bench.render.summary import UNKNOWN
from bench.render.table import Column, Table, Value
from bench.render.tables import BRACKETS, CASE, describe_quality
from bench.render.units import microseconds, number, times, whole

THIS_MACHINE_ONLY = "this machine only"


def make_speedup_table(figures: Sequence[DeviceFigure]) -> Table:
    """Lay out how modes compare with each other on each device."""
    devices = list(dict.fromkeys(each.device for each in figures))
    speedups = {(each.mode, each.device): each.speedup for each in figures}
    columns = (Column("mode", "mode"), *(Column(for_terminal(each), f"speedup {each}", times) for each in devices))
    modes = dict.fromkeys(each.mode for each in figures)
    rows = tuple((mode, *(speedups.get((mode, device)) for device in devices)) for mode in modes)
    note = (
        "Over the mode at 1.000x on the same device, from pairs of blocks of one round in the same run; above 1 is "
        "faster."
    )
    return Table("Speedups within each machine", columns, rows, (note,))


def make_devices_table(figures: Sequence[DeviceFigure], criteria: Criteria) -> Table:
    """Lay out what every mode takes on every device."""
    columns = (
        Column("device", "device"),
        Column("mode", "mode"),
        Column("us a step", "seconds_a_step", microseconds),
        Column("from", "seconds_a_step_low", microseconds, is_detail=True),
        Column("to", "seconds_a_step_high", microseconds, is_detail=True),
        Column("time\nratio", "time_ratio", number),
        Column("from", "time_ratio_low", number),
        Column("to", "time_ratio_high", number),
        Column("runs", "num_runs", whole),
        Column("machines", "num_machines", whole),
        Column("holds for", "holds_for"),
    )
    notes = (
        "Time ratio: over the first device, above 1 is slower; the unit is the run. Intervals: "
        f"{100 * (1 - criteria.alpha):g} %, on logarithms, of ratios by Welch from three runs a side on. Nothing is "
        "paired across machines: the ratio is that of different machines at different times.",
        f"Below three runs on two machines a device a figure holds for {THIS_MACHINE_ONLY}. A machine is told by its "
        "host's name and its CPU.",
    )
    return Table("Devices", columns, tuple(_device_row(each, figures) for each in figures), notes)


def _device_row(figure: DeviceFigure, figures: Sequence[DeviceFigure]) -> tuple[Value, ...]:
    mean = statistics.fmean(map(math.log, figure.seconds))
    width, found = figure.half_width, figure.difference
    first = next((each for each in figures if (each.device, each.mode) == (figures[0].device, figure.mode)), figure)
    is_of_one_machine = figure.is_of_one_machine or first.is_of_one_machine
    ratios = (found.mean, found.low, found.high) if found else (None, None, None)
    return (
        figure.device,
        figure.mode,
        math.exp(mean),
        None if width is None else math.exp(mean - width),
        None if width is None else math.exp(mean + width),
        *(None if each is None else math.exp(each) for each in ratios),
        len(figure.seconds),
        figure.num_machines,
        THIS_MACHINE_ONLY if is_of_one_machine else "machines like these",
    )


def make_runs_table(runs: Mapping[str, Run | InvalidFileError], times_of_cases: Sequence[CaseTime]) -> Table:
    """Put the cases of all runs below each other.

    Args:
        runs: name -> the run, or why it can't be read; that is a row as well, so that no machine drops out unseen.
    """
    columns: tuple[Column, ...] = (
        Column("run", "run"),
        Column("machine", "machine"),
        CASE,
        Column("time to train (s)", "training_seconds", number, has_spread=True),
        Column("steps/s", "steps_per_second", number, has_spread=True),
        Column("rank", "rank"),
        Column("quality", "quality"),
    )
    rows = [row for name, run in runs.items() for row in _list_rows(name, run, times_of_cases)]
    if any(time.result.price_per_hour for time in times_of_cases):
        columns = (*columns, Column("money\na training", "training_money", number, has_spread=True))
    else:
        rows = [row[:-1] for row in rows]
    notes = (
        "Each machine was measured by itself. Rank: by time of a step among the published runs of the same mode, this "
        f"run among them. Quality is held against the same run's reference. {BRACKETS}",
    )
    return Table("Machines side by side", columns, tuple(rows), notes)


def _list_rows(
    name: str, run: Run | InvalidFileError, times_of_cases: Sequence[CaseTime]
) -> Iterator[tuple[Value, ...]]:
    if isinstance(run, InvalidFileError):
        yield (name, None, None, None, None, None, "can't be read", None)
        return
    for time in times_of_cases:
        if time.name == name:
            place = rank(time, times_of_cases)
            yield (
                name,
                find_model(run, time.result.case.device) or UNKNOWN,
                time.result.case.name,
                time.result.training_seconds,
                time.result.steps_per_second,
                f"{place[0]} of {place[1]}" if place else None,
                describe_quality(time.result),
                time.result.training_money,
            )


def describe_devices(overall: Sequence[Overall], figures: Sequence[DeviceFigure]) -> Iterator[str]:
    """Say how each device compares with the first over all modes; no verdict."""
    for each in overall:
        yield (
            f"{each.device} beside {figures[0].device}: {number(each.ratio)} times its time, the geometric mean over "
            f"{each.num_modes} mode(s) that both have ({number(each.least)} to {number(each.most)})"
        )


def describe_left_out(name: str, refusing: Sequence[FieldDifference]) -> str:
    """Say why a run does not stand beside the first."""
    return f"{name} is left out: it did other work ({', '.join(each.field for each in refusing)})"


def describe_differences(name: str, differences: Sequence[FieldDifference]) -> Iterator[str]:
    """Say in what a run that stands beside the first differs from it."""
    yield from (f"{name}: {each.field} differs: {each.base}; {each.head}" for each in differences)


def describe_faults(runs: Mapping[str, Run | InvalidFileError]) -> Iterator[str]:
    """Say what is wrong with single runs."""
    for name, run in runs.items():
        if isinstance(run, InvalidFileError):
            yield f"{name}: {run}"
        else:
            yield from (f"{name}: {warning}" for warning in run.warnings)
            if not run.is_complete:
                yield f"{name}: PARTIAL: the run was stopped before its end"
