"""What a run says of each case: time, throughput, speedup, phases, accuracy; all from the raw samples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.judge.quality import Quality, judge_quality
from bench.judge.statistics import Summary, geometric_mean, summarise
from bench.records.case import Case
from bench.records.journal import PHASES, Block, BlockKind, Failed, Trained
from bench.records.run import Measurement, Run

RESOLVED_FLOORS = 10.0
"""A phase shorter than this many times what the timer measures of nothing is not resolved."""


@dataclass(frozen=True, slots=True)
class PhaseSplit:
    """Seconds per batch: what the phases take, and what is left of the undisturbed total."""

    phases: dict[str, float]
    unattributed: float
    """Total minus phases; may be under zero by what noise and inner timers add to the phases."""
    total: float
    """From blocks without inner timers."""
    timer_tax: float
    """What a block with inner timers takes more than one without."""
    timer_floor: float

    def is_resolved(self, phase: str) -> bool:
        """Whether a phase is long enough to be told from the timer itself."""
        return self.phases[phase] >= RESOLVED_FLOORS * self.timer_floor


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case of a run. What was not measured is None."""

    case: Case
    quality: Quality
    invalid_reason: str | None
    failures: tuple[Failed, ...]
    trained: tuple[Trained, ...]
    training_seconds: Summary | None
    """Of whole trainings, one value for each replicate."""
    steps_per_second: Summary | None
    """Over blocks."""
    samples_per_second: Summary | None
    """Over blocks."""
    setup_seconds: Summary | None
    compile_seconds: Summary | None
    speedup: float | None
    """Over the baseline, from pairs of blocks of the same round; above 1 is faster."""
    phase_split: PhaseSplit | None
    inference_seconds: Summary | None
    """Per batch, over blocks."""

    @property
    def is_rankable(self) -> bool:
        """Whether its speed counts: trained to the end, valid, and nothing failed."""
        return self.quality is not Quality.INVALID and self.training_seconds is not None and not self.failures


def judge_run(run: Run) -> list[CaseResult]:
    """Judge every planned case, also those of which nothing was measured."""
    return [_judge_case(run, case) for case in run.info.plan.cases]


def find_fastest(results: Sequence[CaseResult]) -> CaseResult | None:
    """Return the valid case with the shortest time to train, or None where no case is valid."""
    rankable = [result for result in results if result.is_rankable]
    return min(rankable, key=_median_training_seconds, default=None)


def _judge_case(run: Run, case: Case) -> CaseResult:
    measurements = run.measurements_of(case)
    quality, invalid_reason = judge_quality(run, case)
    started = [measurement.started for measurement in measurements if measurement.started]
    training_blocks = _blocks(measurements, "train")
    per_replicate = [statistics.median(times) for each in measurements if (times := each.training_seconds())]
    return CaseResult(
        case=case,
        quality=quality,
        invalid_reason=invalid_reason,
        failures=tuple(measurement.failed for measurement in measurements if measurement.failed),
        trained=tuple(measurement.trained for measurement in measurements if measurement.trained),
        training_seconds=summarise(per_replicate),
        steps_per_second=summarise([block.num_steps / block.seconds for block in training_blocks]),
        samples_per_second=summarise([block.num_samples / block.seconds for block in training_blocks]),
        setup_seconds=summarise([each.setup_seconds for each in started]),
        compile_seconds=summarise([each.compile_seconds for each in started]),
        speedup=_compare_with_baseline(run, measurements),
        phase_split=_split_phases(measurements),
        inference_seconds=summarise([_per_step(block) for block in _blocks(measurements, "inference")]),
    )


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
    plain = [_per_step(block) for block in _blocks(measurements, "plain")]
    timed = _blocks(measurements, "phases")
    floors = [each.started.timer_floor_seconds for each in measurements if each.started]
    if not plain or not timed or not floors:
        return None
    total = statistics.median(plain)
    phases = {
        phase: statistics.median((block.phase_seconds or {})[phase] / block.num_steps for block in timed)
        for phase in PHASES
    }
    return PhaseSplit(
        phases=phases,
        unattributed=total - sum(phases.values()),
        total=total,
        timer_tax=statistics.median(_per_step(block) for block in timed) - total,
        timer_floor=statistics.median(floors),
    )


def _blocks(measurements: Sequence[Measurement], kind: BlockKind) -> list[Block]:
    return [block for measurement in measurements for block in measurement.blocks_of(kind)]


def _per_step(block: Block) -> float:
    return block.seconds / block.num_steps


def _median_training_seconds(result: CaseResult) -> float:
    return result.training_seconds.median if result.training_seconds else math.inf
