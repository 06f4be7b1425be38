"""What a gate says: whether a case's race shows that it became slower than its budget allows, and shows it twice.

The rule, declared before anything is raced. Of each case, p is twice the one-sided t tail of its pairs' mean difference
beyond ln(1 + allowed). A race's stop rule looks at the interval several times, so half of alpha is spent, as in the
race's own interval: a case that is alone is rejected exactly where the interval reported is wholly beyond what is
allowed. Over the cases of a gate, Holm's procedure keeps the chance of any false rejection under alpha. What is so
rejected is raced once more, in fresh processes; it fails where that race, by itself at the same level, rejects as well.

Source: Holm (1979), "A simple sequentially rejective multiple test procedure", section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bench.judge.quality import Quality, QualityVerdict
from bench.judge.race import MIN_PAIRS, Contrast, Estimate, Verdict, judge_race
from bench.records.gate import Gate, GatedCase
from bench.records.race import Race

_RACED_TO_ITS_END = ("resolved", "budget", "hopeless")


class GateVerdict(StrEnum):
    """What may be said of a case."""

    PASS = "PASS"  # noqa: S105 - no word that lets anybody in
    """The whole interval is under what is allowed."""
    FASTER = "FASTER"
    """It is under its base by more than it may be over it: its budget is stale."""
    SLOWER = "SLOWER"
    """Two races show that it takes more time than is allowed."""
    UNCONFIRMED = "UNCONFIRMED"
    """One race showed it, and the one after it did not."""
    INCONCLUSIVE = "INCONCLUSIVE"
    UNSTABLE = "UNSTABLE"
    FAILED = "FAILED"
    """An arm could not be measured."""
    NOT_RACED = "NOT RACED"


class Outcome(StrEnum):
    """What may be said of the whole; where several apply, the first of these."""

    INTERRUPTED = "INTERRUPTED"
    INVALID = "INVALID"
    UNAVAILABLE = "UNAVAILABLE"
    INCOMPLETE = "INCOMPLETE"
    UNSTABLE = "UNSTABLE"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    PASS = "PASS"  # noqa: S105 - no word that lets anybody in


@dataclass(frozen=True, slots=True)
class Heat:
    """One race of a case."""

    race: Race
    contrast: Contrast
    p_value: float | None
    """None where it says nothing: disturbed too often, too few pairs, not raced to its end."""


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """A case and what its races say."""

    gated: GatedCase
    verdict: GateVerdict
    heats: tuple[Heat, ...]
    """The first, and the one that confirms it or does not."""

    @property
    def quality(self) -> QualityVerdict:
        """Of the work tree's whole trainings, held against the base's of the same seeds."""
        return self.heats[0].contrast.quality if self.heats else QualityVerdict(Quality.NOT_TRAINED)


def judge_gate(gate: Gate) -> list[JudgedCase]:
    """Judge every case."""
    heats = _judge_heats(gate)
    rejected = _reject(heats, gate.info.alpha)
    return [
        JudgedCase(gated, _decide(gated, found, is_rejected, gate.info.alpha), found)
        for gated, found, is_rejected in zip(gate.info.cases, heats, rejected, strict=True)
    ]


def list_rejected(gate: Gate) -> list[GatedCase]:
    """Return the cases whose first race shows that they became too slow: they are raced once more."""
    rejected = _reject(_judge_heats(gate), gate.info.alpha)
    return [gated for gated, is_rejected in zip(gate.info.cases, rejected, strict=True) if is_rejected]


def tail_beyond(found: Estimate, edge: float) -> float:
    """Return twice the one-sided t tail: how far the mean difference lies beyond the edge, in its own spread.

    Args:
        edge: on the logarithm.
    Raises:
        ValueError: of a single pair, which has no spread.
    """
    # Imported where it is used: 0.1 to 0.2 s, which who only asks for help need not wait for.
    from scipy.special import stdtr

    if found.num_pairs < 2:
        raise ValueError("a single pair has no spread")
    distance = found.mean - edge
    if found.spread == 0:
        return 0.0 if distance > 0 else 2.0
    return 2 * float(stdtr(found.num_pairs - 1, -distance * math.sqrt(found.num_pairs) / found.spread))


def holm(p_values: Sequence[float | None], level: float) -> list[bool]:
    """Reject by Holm's procedure; a value that is missing counts as one case and is never rejected."""
    rejected = [False] * len(p_values)
    known = sorted((value, place) for place, value in enumerate(p_values) if value is not None)
    for order, (value, place) in enumerate(known):
        if not value < level / (len(p_values) - order):
            break
        rejected[place] = True
    return rejected


def decide_outcome(cases: Iterable[JudgedCase], was_interrupted: bool) -> Outcome:
    """Say what the whole comes to: a failure, a doubt or a gap in one case is one of the gate."""
    judged = list(cases)
    verdicts = {each.verdict for each in judged}
    qualities = {each.quality.quality for each in judged}
    kinds = {fallen.kind for each in judged for heat in each.heats for fallen in heat.race.fallen}
    applies = {
        Outcome.INTERRUPTED: was_interrupted,
        Outcome.INVALID: Quality.INVALID in qualities or "faulty" in kinds,
        Outcome.UNAVAILABLE: kinds == {"unavailable"},
        Outcome.INCOMPLETE: not verdicts.isdisjoint({GateVerdict.FAILED, GateVerdict.NOT_RACED}),
        Outcome.UNSTABLE: GateVerdict.UNSTABLE in verdicts,
        Outcome.FAIL: GateVerdict.SLOWER in verdicts or Quality.DIFFERENT in qualities,
        Outcome.INCONCLUSIVE: not verdicts.isdisjoint({GateVerdict.INCONCLUSIVE, GateVerdict.UNCONFIRMED})
        or not qualities.isdisjoint({Quality.UNDECIDED, Quality.UNTESTED}),
        Outcome.PASS: True,
    }
    return next(outcome for outcome, does_apply in applies.items() if does_apply)


def _judge_heats(gate: Gate) -> list[tuple[Heat, ...]]:
    return [
        tuple(_judge_heat(gated, race) for race in races)
        for gated, races in zip(gate.info.cases, gate.races, strict=True)
    ]


def _judge_heat(gated: GatedCase, race: Race) -> Heat:
    (contrast,) = judge_race(race)
    found = contrast.estimate
    says_nothing = (
        found is None
        or found.num_pairs < MIN_PAIRS
        or contrast.verdict is Verdict.UNSTABLE
        or race.ended is None
        or race.ended.reason not in _RACED_TO_ITS_END
    )
    return Heat(race, contrast, None if found is None or says_nothing else tail_beyond(found, edge_of(gated)))


def edge_of(gated: GatedCase) -> float:
    """Return what is allowed, on the logarithm."""
    return math.log1p(gated.allowed)


def _reject(heats: Sequence[tuple[Heat, ...]], alpha: float) -> list[bool]:
    return holm([found[0].p_value if found else None for found in heats], alpha / 2)


def _decide(gated: GatedCase, heats: tuple[Heat, ...], is_rejected: bool, alpha: float) -> GateVerdict:
    if any(heat.race.fallen for heat in heats):
        return GateVerdict.FAILED
    if not heats:
        return GateVerdict.NOT_RACED
    # Where the first race was rejected, the second has the last word; nothing else asks for a second.
    last = heats[-1] if is_rejected else heats[0]
    if last.contrast.verdict is Verdict.UNSTABLE:
        return GateVerdict.UNSTABLE
    found = last.contrast.estimate
    if found is None or last.p_value is None:
        return GateVerdict.INCONCLUSIVE
    if is_rejected:
        if len(heats) == 1:
            return GateVerdict.INCONCLUSIVE
        return GateVerdict.SLOWER if last.p_value < alpha / 2 else GateVerdict.UNCONFIRMED
    if found.high < -edge_of(gated):
        return GateVerdict.FASTER
    return GateVerdict.PASS if found.high < edge_of(gated) else GateVerdict.INCONCLUSIVE
