"""Two sides of stored runs, case by case; and the cases of one run beside its first.

Stored runs are not paired, so the unit is the run: replicates of one share an hour and a machine. Cases of one run are
pairs within its rounds, and the unit is the replicate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.errors import IncompleteError
from bench.judge.comparison import Criteria, Difference, compare_paired, compare_unpaired
from bench.judge.equality import compare_quality
from bench.judge.phases import per_step
from bench.judge.quality import Quality, QualityVerdict, judge_quality
from bench.judge.results import pair_with_baseline, summarise_blocks
from bench.records.case import Case
from bench.records.journal import as_text
from bench.records.run import Measurement, Run

NOT_COMPARED = "NOT COMPARED"


@dataclass(frozen=True, slots=True)
class CaseComparison:
    """One case on both sides; or, within a run, a case beside the first."""

    case: Case
    base_seconds: tuple[float, ...]
    """Of a step, one value a unit."""
    head_seconds: tuple[float, ...]
    difference: Difference | None
    """None where a side has no valid time."""
    quality: QualityVerdict
    faults: tuple[str, ...] = ()
    """What went wrong with it."""
    remarks: tuple[str, ...] = ()
    """What to know besides."""

    @property
    def verdict(self) -> str:
        """What is said of it: a verdict on its time, or why there is none."""
        if self.quality.quality is Quality.INVALID:
            return str(Quality.INVALID)
        return str(self.difference.verdict) if self.difference else NOT_COMPARED


@dataclass(frozen=True, slots=True)
class SideComparison:
    """All cases of two sides."""

    cases: tuple[CaseComparison, ...]
    """Those that both sides planned."""
    missing: tuple[Case, ...]
    """Those that only the base planned."""
    new: tuple[Case, ...]
    """Those that only the head planned."""


def compare_sides(
    base: Sequence[Run], head: Sequence[Run], criteria: Criteria, keep: Callable[[Case], bool]
) -> SideComparison:
    """Compare two sides.

    Args:
        keep: which cases to look at.
    Raises:
        IncompleteError: when they share no case.
    """
    ours, theirs = ({case.name: case for run in runs for case in run.info.plan.cases} for runs in (base, head))
    ours, theirs = ({name: case for name, case in side.items() if keep(case)} for side in (ours, theirs))
    common = [case for name, case in ours.items() if name in theirs]
    if not common:
        listed = (", ".join(side) or "none that was asked for" for side in (ours, theirs))
        raise IncompleteError("no case is on both sides: base has {}; head has {}".format(*listed))
    return SideComparison(
        tuple(_compare_case(base, head, case, criteria) for case in common),
        tuple(case for name, case in ours.items() if name not in theirs),
        tuple(case for name, case in theirs.items() if name not in ours),
    )


def compare_within(run: Run, criteria: Criteria, keep: Callable[[Case], bool]) -> list[CaseComparison]:
    """Compare the cases of a run with its first one."""
    baseline = run.info.plan.baseline
    base_seconds = _replicate_seconds(_valid_measurements(run, baseline))
    is_sound = judge_quality(run, baseline).quality is not Quality.INVALID and not any(
        each.failed for each in run.measurements_of(baseline)
    )
    comparisons = []
    for case in run.info.plan.cases[1:]:
        measurements = _valid_measurements(run, case)
        ratios = pair_with_baseline(run, measurements) if is_sound else []
        difference = compare_paired([-math.log(ratio) for ratio in ratios], criteria)
        faults = (*_list_faults(run, case), *(f"{baseline.name}: {fault}" for fault in _list_faults(run, baseline)))
        quality = judge_quality(run, case)
        seconds = _replicate_seconds(measurements)
        comparisons.append(CaseComparison(case, base_seconds, seconds, difference, quality, faults))
    return [each for each in comparisons if keep(each.case)]


def time_over_first(run: Run, case: Case) -> list[float]:
    """Return how long a case took beside the first case of its run: a ratio for each replicate, above 1 is slower."""
    return [1 / ratio for ratio in pair_with_baseline(run, _valid_measurements(run, case))]


def step_seconds(run: Run, case: Case) -> float | None:
    """Return what a step of a case took in a run: the median over replicates, each the median of its blocks."""
    summary = summarise_blocks(_valid_measurements(run, case), "train", per_step)
    return summary.median if summary else None


def _compare_case(base: Sequence[Run], head: Sequence[Run], case: Case, criteria: Criteria) -> CaseComparison:
    ours, theirs = (tuple(_list_step_seconds(runs, case)) for runs in (base, head))
    sides = (("base", base), ("head", head))
    quality = compare_quality(base, head, case, criteria.quality_margin)
    difference = compare_unpaired(ours, theirs, criteria)
    remarks = [remark for name, runs in sides for remark in _list_gaps(name, runs, case)]
    if difference is not None and difference.half_width == 0:
        remarks.append("no run differs from another of its side: are they copies?")
    faults = tuple(
        f"{name}, run of {run.info.started_at}: {fault}"
        for name, runs in sides
        for run in runs
        for fault in (_list_faults(run, case) if _plans(run, case) else ())
    )
    return CaseComparison(case, ours, theirs, difference, quality, faults, tuple(remarks))


def _list_step_seconds(runs: Sequence[Run], case: Case) -> Iterator[float]:
    for run in runs:
        seconds = step_seconds(run, case)
        if seconds is not None:
            yield seconds


def _list_gaps(name: str, runs: Sequence[Run], case: Case) -> Iterator[str]:
    planned = sum(_plans(run, case) for run in runs)
    if planned < len(runs):
        yield f"{name}: planned in {planned} of {len(runs)} runs"


def _plans(run: Run, case: Case) -> bool:
    return any(each.name == case.name for each in run.info.plan.cases)


def _replicate_seconds(measurements: Sequence[Measurement]) -> tuple[float, ...]:
    """Return what a step took in each replicate, in their order."""
    replicates = sorted({each.replicate for each in measurements})
    summaries = (
        summarise_blocks([each for each in measurements if each.replicate == replicate], "train", per_step)
        for replicate in replicates
    )
    return tuple(summary.median for summary in summaries if summary)


def _measurements_named(run: Run, case: Case) -> list[Measurement]:
    """Return the measurements of a case whatever its epochs; in names that is the only thing that does not stand."""
    return [each for each in run.measurements if each.case.name == case.name]


def _valid_measurements(run: Run, case: Case) -> list[Measurement]:
    """Return those that trained to their end; half a training has the blocks of its beginning alone."""
    return [each for each in _measurements_named(run, case) if each.trained is not None and each.failed is None]


def _list_faults(run: Run, case: Case) -> Iterator[str]:
    """Say what of a planned case was not measured, and why."""
    measurements = _measurements_named(run, case)
    for failed in (each.failed for each in measurements if each.failed is not None):
        yield as_text(f"{failed.kind} during {failed.stage} of replicate {failed.replicate}: {failed.reason}", 300)
    done = {each.replicate for each in measurements if each.trained is not None or each.failed is not None}
    lacking = run.info.plan.num_replicates - len(done)
    if lacking > 0:
        yield f"{lacking} of {run.info.plan.num_replicates} replicates did not come to their end"
