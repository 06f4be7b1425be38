"""A ladder: each rung beside the one before, the reference, and what its device can do."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.judge.bounds import CACHED_BYTES, Bound, Shares, judge_bound
from bench.judge.quality import Quality
from bench.judge.results import CaseResult
from bench.records.case import Case
from bench.records.rates import RATES, Rates, StepWork
from bench.records.run import Measurement, Run

Peaks = dict[str, float]
"""Name of a rate -> the best that was measured; without those that were not."""


@dataclass(frozen=True, slots=True)
class DeviceRates:
    """The best that a device did in a run, in one precision with so many threads."""

    device: str
    precision: str
    num_threads: int
    peaks: Peaks
    reasons: dict[str, str]
    """Rate -> why it is not among them."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung. What was not measured or counted is None."""

    result: CaseResult
    over_before: float | None
    """Speedup over the rung before on its device, of those that may be ranked."""
    over_reference: float | None
    """Speedup over the first case; None where this one is INVALID."""
    floor_seconds: float | None
    """What a whole training's arithmetic takes at the peak of its device."""
    share_of_floor: float | None
    """Of its time; the share of the measured peak at which it computes is the same number."""
    share_of_matrix: float | None
    """The rate at which it computes, over that of a matrix product."""
    flop_per_second: float | None
    operators_per_step: float | None
    kernels_per_step: float | None
    host_busy_share: float | None
    """Of a device with a queue of its own: how much of the time the host hands over work."""
    shares: Shares
    bound: Bound | None


def judge_ladder(run: Run, results: Sequence[CaseResult]) -> list[Rung]:
    """Judge every rung in the order in which they are climbed; none where the run is no ladder."""
    by_name = {result.case.name: result for result in results}
    rungs: list[Rung] = []
    before: CaseResult | None = None
    for name in run.info.plan.rungs:
        result = by_name[name]
        if before is not None and _name_ladder(before.case) != _name_ladder(result.case):
            before = None
        rungs.append(_judge_rung(run, result, before))
        if result.is_rankable:
            before = result
    return rungs


def _name_ladder(case: Case) -> tuple[str, int]:
    return case.device, case.num_replicas


def list_rates(run: Run) -> list[DeviceRates]:
    """List what each device did at most: the best of all waves, since whatever disturbs makes a rate smaller.

    Of operators the median, since what they cost is held against what steps take as a rule.
    """
    groups: dict[tuple[str, str, int], list[Rates]] = {}
    for each in run.rates:
        groups.setdefault((each.device, each.precision, each.num_threads), []).append(each)
    return [DeviceRates(*key, *_find_best(group)) for key, group in groups.items()]


def _find_best(group: Sequence[Rates]) -> tuple[Peaks, dict[str, str]]:
    peaks: Peaks = {}
    for name in RATES:
        known = [rate for each in group if (rate := getattr(each, name)) is not None]
        if known:
            peaks[name] = statistics.median(known) if name == "operators_per_second" else max(known)
    reasons = {name: reason for each in group for name, reason in each.reasons.items() if name not in peaks}
    return peaks, reasons


def _judge_rung(run: Run, result: CaseResult, before: CaseResult | None) -> Rung:
    measurements = run.measurements_of(result.case)
    peaks = _find_peaks(run, result.case)
    step_seconds = None if result.steps_per_second is None else 1 / result.steps_per_second.median
    work = next((each.started.work for each in measurements if each.started and each.started.work), None)
    operators, kernels = (_count(measurements, name) for name in ("operators_per_step", "kernels_per_step"))
    flop_per_second = None if work is None or step_seconds is None else work.num_flops / step_seconds
    peak = _find_peak_flops(peaks)
    matrix = peaks.get("matrix_multiply_adds_per_second")
    share_of_matrix = None if matrix is None or flop_per_second is None else flop_per_second / (2 * matrix)
    share_of_floor = None if peak is None or flop_per_second is None else flop_per_second / peak
    num_steps = _count_steps(measurements)
    split = result.queue_split
    shares = Shares(
        dispatch=_share_dispatch(result, operators, peaks, step_seconds),
        compute=share_of_matrix if share_of_floor is None else share_of_floor,
        memory=_share_memory(work, peaks, step_seconds),
    )
    return Rung(
        result=result,
        over_before=_compare(result, before),
        over_reference=None if result.quality is Quality.INVALID else result.speedup,
        floor_seconds=None if work is None or peak is None or num_steps is None else num_steps * work.num_flops / peak,
        share_of_floor=share_of_floor,
        share_of_matrix=share_of_matrix,
        flop_per_second=flop_per_second,
        operators_per_step=operators,
        kernels_per_step=kernels,
        host_busy_share=None if split is None else split.host_busy_share,
        shares=shares,
        bound=None if step_seconds is None else judge_bound(shares),
    )


def _find_peaks(run: Run, case: Case) -> Peaks:
    key = (case.device, case.precision, case.num_threads)
    return next((each.peaks for each in list_rates(run) if (each.device, each.precision, each.num_threads) == key), {})


def _find_peak_flops(peaks: Peaks) -> float | None:
    """Return the floating-point operations a second that are the ceiling; None where registers were not measured.

    A library's product alone is no ceiling: it reached 62 to 87 % of it on one core. Where it is the faster one, since
    it may use what the compiled loop does not, it is.
    """
    registers = peaks.get("register_multiply_adds_per_second")
    return None if registers is None else 2 * max(registers, peaks.get("matrix_multiply_adds_per_second", 0.0))


def _share_dispatch(
    result: CaseResult, num_operators: float | None, peaks: Peaks, step_seconds: float | None
) -> float | None:
    """Return what calling the operators takes, or the share in which the device waits for calls: the larger one."""
    rate = peaks.get("operators_per_second")
    shares = [] if result.queue_split is None else [result.queue_split.idle_share]
    if num_operators is not None and rate is not None and step_seconds is not None:
        shares.append(num_operators / rate / step_seconds)
    return max(shares, default=None)


def _share_memory(work: StepWork | None, peaks: Peaks, step_seconds: float | None) -> float | None:
    rate = peaks.get("stream_bytes_per_second")
    if work is None or rate is None or step_seconds is None:
        return None
    return 0.0 if work.working_set_bytes <= CACHED_BYTES else work.num_bytes / rate / step_seconds


def _compare(result: CaseResult, before: CaseResult | None) -> float | None:
    """Divide two speedups over the first case: in one wave that is the mean over pairs of blocks of one round."""
    if before is None or not result.is_rankable or result.speedup is None or before.speedup is None:
        return None
    return result.speedup / before.speedup


def _count(measurements: Sequence[Measurement], name: str) -> float | None:
    counts = [count for each in measurements if each.counted and (count := getattr(each.counted, name)) is not None]
    return statistics.median(counts) if counts else None


def _count_steps(measurements: Sequence[Measurement]) -> int | None:
    trainings = (training for each in measurements for training in each.whole_trainings())
    return next((sum(block.num_steps for block in training) for training in trainings), None)
