"""Runs of several machines: what each device takes, how its modes compare with each other, and where a run stands.

Nothing is paired across machines. Speedups of modes are pairs within one run, and so compare cleanly; absolute times
have the run as their unit, and below three runs on two machines hold for this machine only.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.judge.comparability import FieldDifference, compare_plans
from bench.judge.comparison import Criteria, Difference, compare_unpaired, t_interval
from bench.judge.results import CaseResult, judge_run
from bench.judge.sides import step_seconds
from bench.judge.statistics import geometric_mean
from bench.records.case import Case
from bench.records.run import Run

MIN_RUNS, MIN_MACHINES = 3, 2

_SAME_BYTES = ("cpu_model", "cpu_architecture", "cpu_capability", "torch_version")
"""Where these agree the same seed gives the same data to the last bit. Elsewhere a mean may be added up in another
order, and standardised samples then differ in their last digit."""


@dataclass(frozen=True, slots=True)
class MachineRun:
    """A run among those of several machines."""

    name: str
    run: Run
    is_published: bool = False


@dataclass(frozen=True, slots=True)
class CaseTime:
    """What a case took in one run."""

    name: str
    """Of the run."""
    device: str
    """What worked: model and kind."""
    machine: tuple[str | None, str | None]
    """Host and CPU."""
    result: CaseResult
    seconds: float | None
    """Of a step; None where it was not trained to its end."""
    is_published: bool

    @property
    def mode(self) -> str:
        """Everything of the case but its device."""
        return mode_of(self.result.case)


@dataclass(frozen=True, slots=True)
class DeviceFigure:
    """A mode on a device, over all runs there."""

    device: str
    mode: str
    seconds: tuple[float, ...]
    """Of a step, one value a run."""
    half_width: float | None
    """Of the interval of the mean of their logarithms; None for a single run."""
    num_machines: int
    speedup: float | None
    """Over the reference mode on the same device, from pairs within each run."""
    difference: Difference | None
    """Beside the first device; None for itself, and where it lacks the mode."""

    @property
    def is_of_one_machine(self) -> bool:
        """Whether it holds for the machine at hand only."""
        return len(self.seconds) < MIN_RUNS or self.num_machines < MIN_MACHINES


@dataclass(frozen=True, slots=True)
class Overall:
    """A device beside the first one, over all modes that both have."""

    device: str
    num_modes: int
    ratio: float
    """Geometric mean of the ratios of times."""
    least: float
    most: float


def mode_of(case: Case) -> str:
    """Return the name of a case without its device."""
    return case.name.partition("/")[2]


def find_plan_conflicts(first: Run, other: Run) -> tuple[list[FieldDifference], list[FieldDifference]]:
    """Compare the work of two machines; returns what refuses, and what two processors may differ in by a last digit."""
    conflicts = compare_plans([first], [other], mode_of)
    identities = [run.info.environment.identity if run.info.environment else None for run in (first, other)]
    has_same_bytes = all(identities) and all(
        len({getattr(each, name) for each in identities}) == 1 for name in _SAME_BYTES
    )
    refusing = [each for each in conflicts if each.field != "digest" or has_same_bytes]
    return refusing, [each for each in conflicts if each not in refusing]


def hold_against_first(
    machines: Sequence[MachineRun],
) -> Iterator[tuple[MachineRun, list[FieldDifference], list[FieldDifference]]]:
    """Hold the work of each run against the first's: what refuses it, and what is only to be said."""
    for machine in machines:
        yield machine, *(([], []) if machine is machines[0] else find_plan_conflicts(machines[0].run, machine.run))


def list_times(runs: Sequence[MachineRun], keep: Callable[[Case], bool]) -> list[CaseTime]:
    """List every case of every run."""
    return [time for each in runs for time in _list_times_of(each) if keep(time.result.case)]


def compare_devices(times: Sequence[CaseTime], criteria: Criteria) -> list[DeviceFigure]:
    """Put together what each device takes, the first device and its modes first."""
    valid = [time for time in times if time.seconds is not None]
    devices = list(dict.fromkeys(time.device for time in valid))
    modes = list(dict.fromkeys(time.mode for time in valid))
    reference = choose_reference_mode(valid)
    figures = []
    for device in devices:
        for mode in modes:
            ours, theirs = (_seconds_by_run(valid, each, mode) for each in (device, devices[0]))
            if not ours:
                continue
            difference = compare_unpaired(theirs, ours, criteria) if device != devices[0] else None
            half_width = t_interval([math.log(each) for each in ours], criteria.alpha)
            machines = {time.machine for time in valid if (time.device, time.mode) == (device, mode)}
            speedup = _speedup(valid, device, mode, reference)
            figures.append(DeviceFigure(device, mode, tuple(ours), half_width, len(machines), speedup, difference))
    return figures


def summarise_devices(figures: Sequence[DeviceFigure]) -> list[Overall]:
    """Summarise each device over the modes that it shares with the first."""
    overall = []
    for device in dict.fromkeys(each.device for each in figures):
        means = [each.difference.mean for each in figures if each.device == device and each.difference]
        if means:
            ratios = (statistics.fmean(means), min(means), max(means))
            overall.append(Overall(device, len(means), *map(math.exp, ratios)))
    return overall


def choose_reference_mode(times: Sequence[CaseTime]) -> str | None:
    """Choose the first mode that every device has, else the first of all."""
    devices = {time.device for time in times}
    modes = list(dict.fromkeys(time.mode for time in times))
    shared = (mode for mode in modes if {time.device for time in times if time.mode == mode} == devices)
    return next(shared, modes[0] if modes else None)


def rank(time: CaseTime, times: Sequence[CaseTime]) -> tuple[int, int] | None:
    """Say which place a case of the user's takes among the published runs of its mode, and of how many.

    Returns:
        None where it is published itself, may not be ranked, or there is no published run of its mode.
    """
    others = [
        each.seconds
        for each in times
        if each.is_published and each.mode == time.mode and each.result.is_rankable and each.seconds is not None
    ]
    if time.is_published or time.seconds is None or not time.result.is_rankable or not others:
        return None
    return 1 + sum(other < time.seconds for other in others), 1 + len(others)


def _list_times_of(machine_run: MachineRun) -> Iterator[CaseTime]:
    run, environment = machine_run.run, machine_run.run.info.environment
    machine = (environment.recorded.host_name, environment.identity.cpu_model) if environment else (None, None)
    for result in judge_run(run):
        model = find_model(run, result.case.device) or f"unknown of {machine_run.name}"
        device = f"{model} ({result.case.device.partition(':')[0]})"
        seconds = None if result.quality.value in ("INVALID", "not trained") else step_seconds(run, result.case)
        yield CaseTime(machine_run.name, device, machine, result, seconds, machine_run.is_published)


def find_model(run: Run, device: str) -> str | None:
    """Return the model of what a case ran on; None where that was not recorded."""
    if run.info.environment is None:
        return None
    identity = run.info.environment.identity
    models = {accelerator.name: accelerator.model_name for accelerator in identity.accelerators or ()}
    return models.get(device) if device != "cpu" else identity.cpu_model


def _seconds_by_run(times: Sequence[CaseTime], device: str, mode: str) -> list[float]:
    """Return one time a run; two cards of one model in a run are one value."""
    by_run: dict[str, list[float]] = {}
    for time in times:
        if (time.device, time.mode) == (device, mode) and time.seconds is not None:
            by_run.setdefault(time.name, []).append(time.seconds)
    return [geometric_mean(seconds) or 0.0 for seconds in by_run.values()]


def _speedup(times: Sequence[CaseTime], device: str, mode: str, reference: str | None) -> float | None:
    """Divide speedups over each run's own first case, so that it cancels; the mean over runs that have both modes."""
    speedups: dict[tuple[str, str], float] = {
        (time.name, time.mode): time.result.speedup
        for time in times
        if time.device == device and time.result.speedup is not None
    }
    ratios = [
        speedup / speedups[name, reference]
        for (name, each), speedup in speedups.items()
        if each == mode and reference is not None and (name, reference) in speedups
    ]
    return geometric_mean(ratios)
