"""What a run says of each case: time, throughput, speedup, phases, accuracy; all from the raw samples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench.judge.energy import CaseEnergy, judge_energy
from bench.judge.money import cost_of
from bench.judge.phases import DATA_PARTS, PhaseSplit, QueueSplit, per_step, split_phases, split_prefixes, split_queue
from bench.judge.quality import Quality, QualityVerdict, judge_quality
from bench.judge.stages import Stages, count_payoff_epochs, judge_stages
from bench.judge.statistics import Summary, geometric_mean, summarise
from bench.judge.target import summarise_target
from bench.judge.work import WorkRate, judge_work
from bench.records.case import Case
from bench.records.journal import Block, BlockKind, Failed, Trained
from bench.records.price import find_price
from bench.records.run import Measurement, Run


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case of a run. What was not measured is None."""

    case: Case
    verdict: QualityVerdict
    failures: tuple[Failed, ...]
    trained: tuple[Trained, ...]
    training_seconds: Summary | None
    """Of whole trainings, one value for each replicate; of all replicas together."""
    target_seconds: Summary | None
    """Of the same trainings until their loss was first under the target; the median is infinite where it was not."""
    steps_per_second: Summary | None
    """Over replicates; over blocks where there is one replicate."""
    samples_per_second: Summary | None
    """Likewise."""
    stages: Stages
    payoff_epochs: float | None
    """Epochs after which the baseline, which warms up faster but trains slower, is caught up with: infinite where it
    never is. None for the baseline itself, and where either was not measured."""
    speedup: float | None
    """Over the baseline, from pairs of blocks of the same round; above 1 is faster. Of replicas it is what one network
    among them takes, since a step is an update of one. None where the baseline is INVALID
    or has failed: a ratio to nothing."""
    phase_split: PhaseSplit | None
    queue_split: QueueSplit | None
    data_parts: dict[str, float]
    """Seconds per batch of the parts of fetching it: some of `DATA_PARTS`, in their order."""
    inference_seconds: Summary | None
    """Per batch; over replicates, or over blocks where there is one."""
    work: WorkRate | None
    energy: CaseEnergy | None
    """None where nobody looked."""
    price_per_hour: float | None
    """Of its device, as the user said."""

    @property
    def training_money(self) -> Summary | None:
        """What a training costs, in the currency of the price; set-up is not in it."""
        return cost_of(self.training_seconds, self.price_per_hour)

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
    results = [baseline, *(replace(each, payoff_epochs=_count_payoff_epochs(each, baseline)) for each in results[1:])]
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
    return CaseResult(
        case=case,
        verdict=judge_quality(run, case),
        failures=tuple(measurement.failed for measurement in measurements if measurement.failed),
        trained=tuple(measurement.trained for measurement in measurements if measurement.trained),
        training_seconds=summarise(_time_replicates(measurements)),
        target_seconds=summarise_target(measurements),
        steps_per_second=summarise_blocks(measurements, "train", lambda block: block.num_steps / block.seconds),
        samples_per_second=summarise_blocks(measurements, "train", lambda block: block.num_samples / block.seconds),
        stages=judge_stages(measurements),
        payoff_epochs=None,
        speedup=_compare_with_baseline(run, measurements),
        phase_split=split_phases(measurements),
        queue_split=split_queue(measurements),
        data_parts=split_prefixes(measurements, DATA_PARTS),
        inference_seconds=summarise_blocks(measurements, "inference", per_step),
        work=judge_work(measurements),
        energy=judge_energy(measurements),
        price_per_hour=find_price(run.info.prices, case.device),
    )


def _count_payoff_epochs(result: CaseResult, baseline: CaseResult) -> float | None:
    ours, theirs = result.stages.cold_warmup_seconds, baseline.stages.cold_warmup_seconds
    if ours is None or theirs is None or result.training_seconds is None or baseline.training_seconds is None:
        return None
    if result.case.num_replicas != baseline.case.num_replicas:
        return None  # their epochs are not alike
    epochs = count_payoff_epochs(
        ours.median,
        result.training_seconds.median / result.case.num_epochs,
        theirs.median,
        baseline.training_seconds.median / baseline.case.num_epochs,
    )
    return math.inf if epochs is None else epochs


def _time_replicates(measurements: Sequence[Measurement]) -> list[float]:
    """Time each replicate: the median over its trainings, which the baseline repeats in every wave."""
    times: dict[int, list[float]] = {}
    for measurement in measurements:
        times.setdefault(measurement.replicate, []).extend(measurement.training_seconds())
    return [statistics.median(seconds) for seconds in times.values() if seconds]


def summarise_blocks(
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
    """Average the ratios of the replicates."""
    return geometric_mean(pair_with_baseline(run, measurements))


def pair_with_baseline(run: Run, measurements: Sequence[Measurement]) -> list[float]:
    """Divide the baseline's time by a case's, round by round within a wave; one value a replicate, its rounds' mean."""
    baselines = {(each.wave, each.replicate): each for each in run.measurements_of(run.info.plan.baseline)}
    ratios = []
    for measurement in measurements:
        baseline = baselines.get((measurement.wave, measurement.replicate))
        if baseline is not None:
            theirs = {block.round: block for block in baseline.blocks_of("train")}
            pairs = [(theirs[ours.round], ours) for ours in measurement.blocks_of("train") if ours.round in theirs]
            ratio = geometric_mean([per_step(base) / per_step(ours) for base, ours in pairs])
            ratios += [ratio] if ratio is not None else []
    return ratios


def _median_training_seconds(result: CaseResult) -> float:
    """Return what a network takes."""
    return result.training_seconds.median / result.case.num_replicas if result.training_seconds else math.inf
