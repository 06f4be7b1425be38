"""What a race allows one to say: the paired difference of two arms, its interval, when to stop, and the verdict.

The unit is the pair of processes, never the round: samples of one process are not independent. All differences are
logarithms of the ratio of times, so that swapping the arms changes their sign and nothing else.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bench.judge.pairs import PairDifference, difference_of_pairs
from bench.judge.quality import Quality, QualityVerdict, compare_trainings, why_invalid
from bench.records.race import Race, RacePlan, Round, StopReason

LOOKS = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Numbers of pairs at which the interval is looked at. Looking costs coverage: with a nominal 97.5 % at each look a
race that stops at one of them covers 95 % or more (simulated, docs/method.md)."""

MIN_PAIRS = 4
MIN_PAIRS_TO_GIVE_UP = 8
HOPELESS_WIDTHS = 2.0
"""A race gives up where its budget would leave the interval so many times as wide as asked; what is less may still show
a difference."""

LEAST_VARIANCE_SHARE = 0.01
"""Of the median pair's variance: by a few blocks that happened to agree, no pair is more certain than that."""

LEAST_CONTRADICTION = 0.001
"""Between the intervals of the fastest steps and of all; nobody would act on less."""

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
    """Weighted."""
    half_width: float
    """Infinite for a single pair."""
    spread: float
    """Standard deviation between pairs, weighted; 0 for a single one."""

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
    pairs: tuple[PairDifference, ...]
    """Those that count, in their order."""
    estimate: Estimate | None
    verdict: Verdict
    quality: QualityVerdict
    """Of whole trainings, held against the first arm's of the same seeds."""
    of_all: Estimate | None
    """By all blocks, slow ones and all, with all pairs alike: no verdict hangs on it."""

    @property
    def has_stalls(self) -> bool:
        """Whether all blocks together contradict the fastest: one of both stalls now and then, not the machine."""
        found, of_all = self.estimate, self.of_all
        if found is None or of_all is None:
            return False
        return max(of_all.low - found.high, found.low - of_all.high) > LEAST_CONTRADICTION


def judge_race(race: Race) -> list[Contrast]:
    """Judge every arm but the first."""
    plan = race.info.plan
    is_unstable = disturbed_share(race.rounds) > MAX_DISTURBED_SHARE
    contrasts = []
    for arm in range(1, len(plan.arms)):
        pairs = difference_of_pairs(race.rounds, arm)
        found = estimate_pairs(pairs, plan.alpha)
        verdict = Verdict.UNSTABLE if is_unstable else decide(found, plan.dead_zone, plan.margin)
        of_all = estimate([each.of_all for each in pairs], plan.alpha)
        contrasts.append(Contrast(arm, tuple(pairs), found, verdict, judge_quality(race, arm), of_all))
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


def estimate_pairs(pairs: Sequence[PairDifference], alpha: float) -> Estimate | None:
    """Estimate the mean difference of pairs with its interval; None without a pair."""
    return estimate([each.value for each in pairs], alpha, [each.scatter for each in pairs])


def estimate(differences: Sequence[float], alpha: float, scatters: Sequence[float] = ()) -> Estimate | None:
    """Estimate the mean difference with its interval; None without a pair.

    Args:
        alpha: how often the interval may miss. Half of it is spent at each look (see `LOOKS`).
        scatters: within each pair; without them all count alike.
    """
    count = len(differences)
    if count == 0:
        return None
    weights = weigh(differences, scatters) if scatters else [1.0] * count
    mean = statistics.fmean(differences, weights)
    if count == 1:
        return Estimate(1, mean, math.inf, 0.0)
    squares = [(each - mean) ** 2 for each in differences]
    spread = math.sqrt(statistics.fmean(squares, weights) * count / (count - 1))
    return Estimate(count, mean, quantile_at_look(alpha, count) * spread / math.sqrt(count), spread)


def weigh(differences: Sequence[float], scatters: Sequence[float]) -> list[float]:
    """Return how much each pair counts: less and less where a storm blew, and all alike where processes differ more.

    The weights of a random-effects mean, 1 / (variance between pairs + variance within), with the median variance
    within added to the one between, which a few pairs tell badly. They are blind to which arm was slower.

    Source: DerSimonian and Laird (1986), "Meta-analysis in clinical trials"; for the interval that belongs to them,
        Hartung and Knapp (2001), "On tests of the overall treatment effect in meta-analysis".
    """
    typical = statistics.median(scatters) ** 2
    if typical == 0:
        return [1.0] * len(scatters)
    within = [max(each**2, LEAST_VARIANCE_SHARE * typical) for each in scatters]
    between = _variance_between(differences, [1 / each for each in within])
    return [1 / (typical + between + each) for each in within]


def _variance_between(differences: Sequence[float], weights: Sequence[float]) -> float:
    """Estimate by the method of moments what pairs differ by beyond what each scatters."""
    total = sum(weights)
    mean = statistics.fmean(differences, weights)
    excess = sum(weight * (each - mean) ** 2 for weight, each in zip(weights, differences, strict=True))
    freedom = total - sum(weight**2 for weight in weights) / total
    return max(0.0, (excess - (len(differences) - 1)) / freedom) if freedom > 0 else 0.0


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
            num_affordable = int(max(0.0, plan.budget_seconds - elapsed_seconds) / pair_seconds)
            num_left = min(LOOKS[-1] - num_pairs, num_affordable)
            widths = [half_width_after(each, num_left, plan.alpha) for each in estimates]
            if max(widths) > HOPELESS_WIDTHS * target:
                return "hopeless"
    return "budget" if elapsed_seconds + pair_seconds > plan.budget_seconds or num_pairs >= LOOKS[-1] else None


def half_width_after(found: Estimate | None, num_more: int, alpha: float) -> float:
    """Return how wide the interval should be after so many more pairs, by the spread so far."""
    if found is None or found.num_pairs < 2:
        return math.inf
    num_pairs = found.num_pairs + num_more
    return quantile_at_look(alpha, num_pairs) * found.spread / math.sqrt(num_pairs)


def pairs_needed(found: Estimate | None, half_width: float, alpha: float) -> int | None:
    """Return at which look the interval should be so narrow, by the spread so far; None where at none."""
    if found is None or found.num_pairs < 2:
        return None
    looks = (look for look in LOOKS if look >= found.num_pairs)
    return next((look for look in looks if half_width_after(found, look - found.num_pairs, alpha) <= half_width), None)
