"""What a case draws: power from counters, times the time that a training took; with what is drawn idle, and without."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.judge.statistics import Summary, summarise
from bench.records.energy import SCOPES, Drawn, Metered, Scope
from bench.records.run import Measurement

RESOLUTION = 0.01
"""Of a power: a window's ends can be off by one move of the counter, and it moves 100 times at least."""


@dataclass(frozen=True, slots=True)
class ScopeEnergy:
    """Over replicates: of a card, or of all packages of processors together. What was not measured is None."""

    counters: str
    """Their names with how often they moved in how many seconds, or why nothing was measured."""
    training_joules: Summary | None = None
    """Of a whole training."""
    training_joules_above_idle: Summary | None = None
    """None, too, where it can't be told from what is drawn idle; likewise the samples."""
    samples_per_joule: Summary | None = None
    samples_per_joule_above_idle: Summary | None = None
    watts: Summary | None = None
    idle_watts: Summary | None = None


@dataclass(frozen=True, slots=True)
class CaseEnergy:
    """All that counters said of a case."""

    scopes: Mapping[Scope, ScopeEnergy]
    """Those that were looked for."""
    step_time_ratio: float | None
    """Seconds a step while counters were watched, over those of the timed trainings."""


def judge_energy(measurements: Sequence[Measurement]) -> CaseEnergy | None:
    """Judge what a case draws; None where nobody looked."""
    scopes = {scope: _judge_scope(scope, measurements) for scope in SCOPES if _list_meters(scope, measurements)}
    return CaseEnergy(scopes, _compare_times(measurements)) if scopes else None


def _list_meters(scope: Scope, measurements: Sequence[Measurement]) -> list[Metered]:
    return [meter for each in measurements if each.energy for meter in each.energy.meters if meter.scope == scope]


def _judge_scope(scope: Scope, measurements: Sequence[Measurement]) -> ScopeEnergy:
    values: dict[str, dict[int, list[float]]] = {}
    for each in measurements:
        for name, value in _find_figures(scope, each).items():
            values.setdefault(name, {}).setdefault(each.replicate, []).append(value)
    # The first case has a process in every wave of a replicate.
    figures = {name: summarise([statistics.median(each) for each in found.values()]) for name, found in values.items()}
    return ScopeEnergy(_describe_counters(_list_meters(scope, measurements)), **figures)


def _find_figures(scope: Scope, measurement: Measurement) -> dict[str, float]:
    """Find what one process says; nothing where one of the scope's counters says nothing: a part is no whole."""
    energy, meters = measurement.energy, _list_meters(scope, [measurement])
    if energy is None or not energy.num_steps or not energy.num_samples or not energy.seconds:
        return {}
    training = [meter.training for meter in meters if meter.training is not None]
    idle = [meter.idle for meter in meters if meter.idle is not None]
    if not len(training) == len(idle) == len(meters):
        return {}
    watts, idle_watts = _add_power(training), _add_power(idle)
    figures = {"watts": watts, "idle_watts": idle_watts}
    num_steps = _count_steps(measurement)
    resolution = RESOLUTION * (watts + idle_watts)
    for suffix, power in (("", watts), ("_above_idle", watts - idle_watts)):
        if power > resolution:
            figures[f"samples_per_joule{suffix}"] = energy.num_samples / (energy.seconds * power)
            if num_steps is not None:
                figures[f"training_joules{suffix}"] = power * energy.seconds * num_steps / energy.num_steps
    return figures


def _add_power(drawn: Sequence[Drawn]) -> float:
    return sum(each.watts for each in drawn)


def _count_steps(measurement: Measurement) -> int | None:
    """Count the steps of a whole training."""
    return next((sum(block.num_steps for block in blocks) for blocks in measurement.whole_trainings()), None)


def _compare_times(measurements: Sequence[Measurement]) -> float | None:
    ratios = []
    for each in measurements:
        steps = sum(block.num_steps for block in each.blocks_of("train"))
        if each.energy and each.energy.seconds and each.energy.num_steps and steps:
            timed = sum(block.seconds for block in each.blocks_of("train")) / steps
            ratios.append(each.energy.seconds / each.energy.num_steps / timed)
    return statistics.median(ratios) if ratios else None


def _describe_counters(meters: Sequence[Metered]) -> str:
    """Name each counter once: with the reason where it gave none, else with the least that it moved."""
    lines = []
    for name in dict.fromkeys(meter.name for meter in meters):
        same = [meter for meter in meters if meter.name == name]
        reasons = dict.fromkeys(meter.reason for meter in same if meter.reason is not None)
        drawn = [each for meter in same for each in (meter.idle, meter.training) if each is not None]
        if reasons:
            lines.append(f"{name}: {'; '.join(reasons)}")
        else:
            least = min(drawn, key=lambda each: each.num_refreshes)
            lines.append(f"{name}: {least.num_refreshes} refreshes in {least.seconds:.1f} s")
    return "; ".join(lines)
