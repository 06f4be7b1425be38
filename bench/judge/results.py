"""What a run says of each case: time, throughput, speedup, phases, accuracy; all from the raw samples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench.judge.quality import Quality, QualityVerdict, judge_quality
from bench.judge.statistics import Summary, geometric_mean, summarise
from bench.judge.target import summarise_target
from bench.records.case import Case
from bench.records.journal import PHASES, Block, BlockKind, Failed, Trained
from bench.records.run import Measurement, Run

RESOLVED_FLOORS = 10.0
"""A phase shorter than this many times what the timer measures of nothing is not resolved."""


@dataclass(frozen=True, slots=True)
class PhaseSplit:
    """Seconds per batch: the training's own total, shared out as blocks with inner timers say.

    Shares come from within a block, so that what slows the machine down for a while slows all phases alike and cancels.
    """

    phases: dict[str, float]
    rest: float
    """What no phase accounts for: total less phases."""
    total: float
    """From training blocks, which have no inner timers."""
    timer_tax: float
    """What inner timers add to a block, as a share of it: the median over pairs of blocks of the same round."""
    unresolved: frozenset[str]
    """Phases that are too short to be told from the timer itself."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case of a run. What was not measured is None."""

    case: Case
    verdict: QualityVerdict
    failures: tuple[Failed, ...]
    trained: tuple[Trained, ...]
    training_seconds: Summary | None
    """Of whole trainings, one value for each replicate."""
    target_seconds: Summary | None
    """Of the same trainings until their loss was first under the target; the median is infinite where it was not."""
    steps_per_second: Summary | None
    """Over replicates; over blocks where there is one replicate."""
    samples_per_second: Summary | None
    """Likewise."""
    setup_seconds: Summary | None
    compile_seconds: Summary | None
    speedup: float | None
    """Over the baseline, from pairs of blocks of the same round; above 1 is faster. None where the baseline is INVALID
    or has failed: a ratio to nothing."""
    phase_split: PhaseSplit | None
    inference_seconds: Summary | None
    """Per batch; over replicates, or over blocks where there is one."""

    @property
    def quality(self) -> Quality:
        """How good its trainings are beside the reference's."""
        return self.verdict.quality

    @property
    def is_rankable(self) -> bool:
        """Whether its speed counts: trained to the end, of a quality that may be ranked, and nothing failed."""
        return self.quality.may_be_ranked and self.training_seconds is not None and not self.failures


def judge_run(run: Run) -> list[CaseResult]:
    """Judge every planned case, also those of which nothing was measured."""
    results = [_judge_case(run, case) for case in run.info.plan.cases]
    baseline = results[0]
    if baseline.quality is Quality.INVALID or baseline.failures:
        return [replace(result, speedup=None) for result in results]
    return results


def find_fastest(results: Sequence[CaseResult]) -> CaseResult | None:
    """Return the case that trains fastest among those that may be ranked, or None where none may.

    By speedup, since cases of different waves share nothing but the baseline that each is paired with; by time only
    where there is no valid baseline.
    """
    rankable = [result for result in results if result.is_rankable]
    if any(result.speedup is None for result in rankable):
        return min(rankable, key=_median_training_seconds, default=None)
    return max(rankable, key=lambda result: result.speedup or 0.0, default=None)


def _judge_case(run: Run, case: Case) -> CaseResult:
    measurements = run.measurements_of(case)
    started = [measurement.started for measurement in measurements if measurement.started]
    return CaseResult(
        case=case,
        verdict=judge_quality(run, case),
        failures=tuple(measurement.failed for measurement in measurements if measurement.failed),
        trained=tuple(measurement.trained for measurement in measurements if measurement.trained),
        training_seconds=summarise(_time_replicates(measurements)),
        target_seconds=summarise_target(measurements),
        steps_per_second=_summarise_blocks(measurements, "train", lambda block: block.num_steps / block.seconds),
        samples_per_second=_summarise_blocks(measurements, "train", lambda block: block.num_samples / block.seconds),
        setup_seconds=summarise([each.setup_seconds for each in started]),
        compile_seconds=summarise([each.compile_seconds for each in started]),
        speedup=_compare_with_baseline(run, measurements),
        phase_split=_split_phases(measurements),
        inference_seconds=_summarise_blocks(measurements, "inference", _per_step),
    )


def _time_replicates(measurements: Sequence[Measurement]) -> list[float]:
    """Time each replicate: the median over its trainings, which the baseline repeats in every wave."""
    times: dict[int, list[float]] = {}
    for measurement in measurements:
        times.setdefault(measurement.replicate, []).extend(measurement.training_seconds())
    return [statistics.median(seconds) for seconds in times.values() if seconds]


def _summarise_blocks(
    measurements: Sequence[Measurement], kind: BlockKind, figure: Callable[[Block], float]
) -> Summary | None:
    """Summarise a figure over replicates, each by the median of its blocks; over the blocks where there is one.

    Blocks of one process are no independent samples: pooled with those of others they would hide what a fresh process
    changes.
    """
    figures: dict[int, list[float]] = {}
    for measurement in measurements:
        figures.setdefault(measurement.replicate, []).extend(map(figure, measurement.blocks_of(kind)))
    replicates = [each for each in figures.values() if each]
    if len(replicates) == 1:
        return summarise(replicates[0])
    return summarise([statistics.median(each) for each in replicates])


def _compare_with_baseline(run: Run, measurements: Sequence[Measurement]) -> float | None:
    """Divide by the baseline round by round, within a wave; then average over rounds, then over replicates."""
    baselines = {(each.wave, each.replicate): each for each in run.measurements_of(run.info.plan.baseline)}
    ratios = []
    for measurement in measurements:
        baseline = baselines.get((measurement.wave, measurement.replicate))
        if baseline is not None:
            theirs = {block.round: block for block in baseline.blocks_of("train")}
            pairs = [(theirs[ours.round], ours) for ours in measurement.blocks_of("train") if ours.round in theirs]
            ratio = geometric_mean([_per_step(base) / _per_step(ours) for base, ours in pairs])
            ratios += [ratio] if ratio is not None else []
    return geometric_mean(ratios)


def _split_phases(measurements: Sequence[Measurement]) -> PhaseSplit | None:
    timed = _blocks(measurements, "phases")
    taxes = [tax for measurement in measurements for tax in _timer_taxes(measurement)]
    total = summarise([_per_step(block) for block in _blocks(measurements, "train")])
    floors = [measurement.started.timer_floor_seconds for measurement in measurements if measurement.started]
    if total is None or not taxes or not floors:
        return None
    inner = [(block, block.phase_seconds or {}) for block in timed]
    shares = {phase: statistics.median(parts[phase] / block.seconds for block, parts in inner) for phase in PHASES}
    shortest = {phase: statistics.median(parts[phase] / block.num_steps for block, parts in inner) for phase in PHASES}
    return PhaseSplit(
        phases={phase: share * total.median for phase, share in shares.items()},
        rest=(1 - sum(shares.values())) * total.median,
        total=total.median,
        timer_tax=statistics.median(taxes),
        unresolved=frozenset(p for p in PHASES if shortest[p] < RESOLVED_FLOORS * statistics.median(floors)),
    )


def _timer_taxes(measurement: Measurement) -> list[float]:
    plain = {block.round: block for block in measurement.blocks_of("plain")}
    return [
        _per_step(block) / _per_step(plain[block.round]) - 1
        for block in measurement.blocks_of("phases")
        if block.round in plain
    ]


def _blocks(measurements: Sequence[Measurement], kind: BlockKind) -> list[Block]:
    return [block for measurement in measurements for block in measurement.blocks_of(kind)]


def _per_step(block: Block) -> float:
    return block.seconds / block.num_steps


def _median_training_seconds(result: CaseResult) -> float:
    return result.training_seconds.median if result.training_seconds else math.inf
