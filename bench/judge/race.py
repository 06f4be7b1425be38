"""What a race allows one to say: the paired difference of two arms, its interval, when to stop, and the verdict.

The unit is the pair of processes, never the round: samples of one process are not independent. All differences are
logarithms of the ratio of times, so that swapping the arms changes their sign and nothing else.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bench.judge.quality import Quality, QualityVerdict, compare_trainings, why_invalid
from bench.records.race import Race, RacePlan, Round, StopReason

LOOKS = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Numbers of pairs at which the interval is looked at. Looking costs coverage: with a nominal 97.5 % at each look a
race that stops at one of them covers 95 % or more (simulated, docs/method.md)."""

MIN_PAIRS = 4
MIN_PAIRS_TO_GIVE_UP = 8
MIN_COUPLES = 3
"""A pair with fewer undisturbed couples says nothing."""

MAX_DISTURBED_SHARE = 0.2
"""Of all rounds; beyond it the environment is unstable."""


class Verdict(StrEnum):
    """What may be said of an arm beside the first."""

    FASTER = "FASTER"
    SLOWER = "SLOWER"
    SAME = "SAME"
    INCONCLUSIVE = "INCONCLUSIVE"
    UNSTABLE = "UNSTABLE"


@dataclass(frozen=True, slots=True)
class Estimate:
    """How an arm's time compares with the first arm's: ln(arm / first), above 0 is slower."""

    num_pairs: int
    mean: float
    half_width: float
    """Infinite for a single pair."""
    spread: float
    """Standard deviation between pairs; 0 for a single one."""

    @property
    def low(self) -> float:
        """Where the interval begins."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """Where the interval ends."""
        return self.mean + self.half_width


@dataclass(frozen=True, slots=True)
class Contrast:
    """One arm beside the first."""

    arm: int
    differences: tuple[float, ...]
    """ln(arm / first) of every pair that counts, in their order."""
    estimate: Estimate | None
    verdict: Verdict
    quality: QualityVerdict
    """Of whole trainings, held against the first arm's of the same seeds."""
    ratio_of_all_blocks: float | None
    """Of times, slow blocks and all: no interval, no verdict; of the pairs that count, their geometric mean."""


CompareBlocks = Callable[[Sequence[float], Sequence[float]], float]
"""Seconds of the first arm's blocks and of another's, of one pair -> ln(other / first)."""


def compare_fastest_quarters(first: Sequence[float], other: Sequence[float]) -> float:
    """Return ln(other / first) of the mean of the fastest quarter of each: whatever else runs makes only slower.

    On shared cores this scatters from pair to pair about half as much as a median over couples (measured:
    docs/method.md, "Race"). What slows one arm alone now and then is not in it: all blocks are told beside it.
    """
    return math.log(average_fastest_quarter(other) / average_fastest_quarter(first))


def _compare_all(first: Sequence[float], other: Sequence[float]) -> float:
    return math.log(sum(other) / sum(first))


def average_fastest_quarter(seconds: Sequence[float]) -> float:
    """Return the mean of the fastest quarter of some blocks of equal work, of one at least."""
    return statistics.fmean(sorted(seconds)[: math.ceil(len(seconds) / 4)])


def judge_race(race: Race) -> list[Contrast]:
    """Judge every arm but the first."""
    plan = race.info.plan
    is_unstable = disturbed_share(race.rounds) > MAX_DISTURBED_SHARE
    contrasts = []
    for arm in range(1, len(plan.arms)):
        differences = difference_of_pairs(race.rounds, arm)
        found = estimate(differences, plan.alpha)
        verdict = Verdict.UNSTABLE if is_unstable else decide(found, plan.dead_zone, plan.margin)
        of_all = difference_of_pairs(race.rounds, arm, _compare_all)
        ratio = math.exp(statistics.fmean(of_all)) if of_all else None
        contrasts.append(Contrast(arm, tuple(differences), found, verdict, judge_quality(race, arm), ratio))
    return contrasts


def judge_quality(race: Race, arm: int) -> QualityVerdict:
    """Hold an arm's whole trainings against the first arm's of the same seeds."""
    ours, theirs = (
        {each.replicate: each for each in race.trained if each.case == race.info.plan.arms[index].label}
        for index in (arm, 0)
    )
    if not ours or ours.keys() != theirs.keys():
        return QualityVerdict(Quality.NOT_TRAINED)
    first, other = race.info.plan.arms[0], race.info.plan.arms[arm]
    works = [(each.source, each.workload, each.case.workload, each.case.shape) for each in (first, other)]
    if works[0] == works[1] and any(ours[seed].digest != theirs[seed].digest for seed in ours):
        return QualityVerdict(Quality.INVALID, "the arms trained on other data, parameters or order (digests differ)")
    for trained in (*theirs.values(), *ours.values()):
        reason = why_invalid(trained)
        if reason is not None:
            return QualityVerdict(Quality.INVALID, f"arm {trained.case}: {reason}")
    return compare_trainings(ours, theirs, race.info.plan.quality_margin, f"arm {first.label}")


def difference_of_pairs(
    rounds: Sequence[Round], arm: int, compare: CompareBlocks = compare_fastest_quarters
) -> list[float]:
    """Return each pair's difference; a pair with too few undisturbed couples is left out."""
    pairs: dict[int, list[Round]] = {}
    for each in rounds:
        if each.arm == arm:
            pairs.setdefault(each.pair, []).append(each)
    differences = (difference_of_pair(pairs[pair], compare) for pair in sorted(pairs))
    return [difference for difference in differences if difference is not None]


def difference_of_pair(rounds: Sequence[Round], compare: CompareBlocks = compare_fastest_quarters) -> float | None:
    """Compare the blocks of one other arm with the first arm's; None where too few couples of rounds are whole.

    Of a couple, one round ran the first arm first and one the other: each arm comes as often right after itself, which
    is faster, as after a switch.
    """
    seconds = {each.round: each.seconds for each in rounds if not each.disturbance}
    whole = [seconds[number] for number in sorted(seconds) if number ^ 1 in seconds]
    if len(whole) < 2 * MIN_COUPLES:
        return None
    first, other = zip(*whole, strict=True)
    return compare(first, other)


def estimate(differences: Sequence[float], alpha: float) -> Estimate | None:
    """Estimate the mean difference with its interval; None without a pair.

    Args:
        alpha: how often the interval may miss. Half of it is spent at each look (see `LOOKS`).
    """
    count = len(differences)
    if count == 0:
        return None
    mean = statistics.fmean(differences)
    if count == 1:
        return Estimate(1, mean, math.inf, 0.0)
    spread = statistics.stdev(differences)
    return Estimate(count, mean, quantile_at_look(alpha, count) * spread / math.sqrt(count), spread)


def quantile_at_look(alpha: float, num_pairs: int) -> float:
    """Return the t quantile of a two-sided interval that spends half of alpha."""
    # Imported where it is used: 0.1 to 0.2 s, which who only asks for help need not wait for.
    from scipy.special import stdtrit

    return float(stdtrit(num_pairs - 1, 1 - alpha / 4))


def decide(found: Estimate | None, dead_zone: float, margin: float) -> Verdict:
    """Decide from the interval alone.

    Args:
        dead_zone: a share; a difference is one where the whole interval is beyond it.
        margin: a share; two arms are the same where the whole interval is within it.
    """
    if found is None or found.num_pairs < MIN_PAIRS:
        return Verdict.INCONCLUSIVE
    return decide_interval(found.low, found.high, dead_zone, margin)


def decide_interval(low: float, high: float, dead_zone: float, margin: float) -> Verdict:
    """Decide from where the interval of a logarithm begins and ends; the shares are those of `decide`."""
    if low > math.log1p(dead_zone):
        return Verdict.SLOWER
    if high < -math.log1p(dead_zone):
        return Verdict.FASTER
    if -math.log1p(margin) < low and high < math.log1p(margin):
        return Verdict.SAME
    return Verdict.INCONCLUSIVE


def disturbed_share(rounds: Sequence[Round]) -> float:
    """Return the share of rounds that something disturbed."""
    return sum(each.disturbance is not None for each in rounds) / len(rounds) if rounds else 0.0


def why_stop(
    plan: RacePlan, estimates: Sequence[Estimate | None], num_pairs: int, elapsed_seconds: float, pair_seconds: float
) -> StopReason | None:
    """Say why a race should end after a pair, or None: by the widths of the intervals, and never by what they hold.

    Args:
        estimates: of every arm but the first, so far.
        num_pairs: raced so far.
        elapsed_seconds: since the race began, start-up and all.
        pair_seconds: what a pair takes, its start-up included.
    """
    if num_pairs in LOOKS:
        target = math.log1p(plan.resolution)
        # Of the pairs raced, disturbances may have left too few.
        if all(each is not None and each.num_pairs >= MIN_PAIRS and each.half_width <= target for each in estimates):
            return "resolved"
        if num_pairs >= MIN_PAIRS_TO_GIVE_UP:
            needed = max(pairs_needed(each, target, plan.alpha) or LOOKS[-1] + 1 for each in estimates)
            if elapsed_seconds + (needed - num_pairs) * pair_seconds > plan.budget_seconds:
                return "hopeless"
    return "budget" if elapsed_seconds + pair_seconds > plan.budget_seconds or num_pairs >= LOOKS[-1] else None


def pairs_needed(found: Estimate | None, half_width: float, alpha: float) -> int | None:
    """Return at which look the interval should be so narrow, by the spread so far; None where at none."""
    if found is None or found.num_pairs < 2:
        return None
    narrow_enough = (
        look
        for look in LOOKS
        if look >= found.num_pairs and quantile_at_look(alpha, look) * found.spread / math.sqrt(look) <= half_width
    )
    return next(narrow_enough, None)
