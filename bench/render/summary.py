"""The lines around the tables: where it was measured, what the numbers say, what to do.

They hold text from elsewhere as it is; whoever shows them escapes it for the place.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.judge.advice import MIN_REPLICATES
from bench.judge.quality import Quality
from bench.judge.results import CaseResult, find_fastest
from bench.records.environment import Environment
from bench.records.run import Run
from bench.render.units import counted, duration, number, times

UNKNOWN = "unknown"
UNDATED = "says it was started when it can't have been, and counts as the oldest"


def describe_machine(environment: Environment | None) -> str:
    """Say in one line where a run was measured."""
    if environment is None:
        return "machine not recorded"
    identity, recorded = environment.identity, environment.recorded
    parts = [
        f"{identity.cpu_model or UNKNOWN} ({_or_unknown(identity.num_cpus_granted)} CPUs granted)",
        *(accelerator.model_name for accelerator in identity.accelerators or ()),
        f"torch {identity.torch_version or UNKNOWN}",
        f"Python {identity.python_version or UNKNOWN}",
        recorded.os_release or UNKNOWN,
    ]
    return ", ".join(parts)


def describe_run(run: Run) -> list[str]:
    """Say what was measured, where and when."""
    plan = run.info.plan
    seconds = f" in {duration(run.ended.seconds)}" if run.ended else ""
    label = f", label {run.info.label}" if run.info.label else ""
    works = list(dict.fromkeys(case.workload for case in plan.cases if case.workload is not None))
    lines = [
        f"Measured on {describe_machine(run.info.environment)}",
        f"Suite {plan.suite}, {plan.num_replicates} replicate(s) from seed {plan.seed}, "
        f"{plan.cases[0].num_epochs} {'steps' if works else 'epochs'} a training, started {run.info.started_at}"
        f"{seconds}{label}",
        *(f"Workload {work.name}: {work.place}, digest {work.digest[:12]}" for work in works),
    ]
    if not run.is_complete:
        lines.append("PARTIAL: the run was stopped before its end; the tables hold what was measured.")
    return lines


def advise(results: Sequence[CaseResult]) -> str:
    """Say in one line which valid mode to use here."""
    fastest = find_fastest(results)
    if fastest is None or fastest.training_seconds is None:
        return "No case ran to its end with a quality that may be ranked: there is no mode to recommend."
    replicates = fastest.training_seconds.count
    seen = f"{counted(replicates, 'replicate')}, quality {fastest.quality}"
    # Trainings cut short have no quality that could be valid.
    claim = "Shortest time" if fastest.quality is Quality.CUT_SHORT else "Fastest valid mode"
    count = fastest.case.num_replicas
    what = "a training" if count == 1 else f"for {count:,} trainings at once"
    line = f"{claim} here: {fastest.case.name}, {number(fastest.training_seconds.median)} s {what}"
    if fastest is not results[0] and fastest.speedup is not None:
        line += f", {times(fastest.speedup)} the speed of {results[0].case.name}"
    line += f" ({seen})."
    if len(results) > 1 and replicates < MIN_REPLICATES:
        line += f" INCONCLUSIVE under {MIN_REPLICATES} replicates: a small difference may turn."
    return line


def explain_quality(run: Run, results: Sequence[CaseResult]) -> list[str]:
    """Say what quality is compared with, and why where it is not what one would hope for."""
    plan = run.info.plan
    lines = []
    if plan.reference is not None:
        place = "trained beside the cases, not timed" if plan.trains_reference_apart else "one of the cases"
        lines.append(f"Quality is compared with {plan.reference.name}, {place}; margin {plan.quality_margin:g}.")
    reasons = [(each.case.name, each.verdict) for each in results if each.verdict.reason is not None]
    return [*lines, *(f"{name} is {verdict.quality}: {verdict.reason}" for name, verdict in reasons)]


def _or_unknown(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:g}"
