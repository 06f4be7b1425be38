"""What a tune says: which settings go on, which are in question, and whether the best of them is shown to be faster.

Sifting looks for the best of many and so finds the luckiest of them: nothing of it is ever reported as a speedup. That
comes from the confirmation alone, a race in fresh processes of one setting that was chosen before it began.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bench.judge.pairs import difference_of_pairs
from bench.judge.quality import Quality, QualityVerdict
from bench.judge.race import Contrast, Verdict, judge_quality, judge_race
from bench.records.case import Case
from bench.records.race import MAX_ARMS, Race
from bench.records.tune import Heat, Tried, Tune

REACH = 3.0
"""What took its first epochs so many times as long as the quickest of all does not go into heats: a neighbour's burst
may double a time, hardly more."""

NUM_FINALISTS = 3
"""What the heats leave: whole trainings are compared of these."""


class Fate(StrEnum):
    """How far a candidate came."""

    WINNER = "winner"
    CHOSEN = "chosen, not confirmed"
    RUNNER_UP = "runner-up"
    DEFAULT = "the default"
    WORSE = "not of equal quality"
    FINALIST = "among the last"
    SIFTED = "sifted out"
    OUT_OF_REACH = "too slow at first sight"
    FELL = "fell"
    UNAVAILABLE = "can't be had"
    NOT_TRIED = "no time was left"


@dataclass(frozen=True, slots=True)
class Standing:
    """One candidate."""

    candidate: int
    case: Case
    fate: Fate
    epoch_seconds: float | None
    """As it was set up by itself, roughly; nothing is concluded from it but whether it is within reach."""
    score: float | None
    """ln(time over that of what it was paired with), the median over pairs of heats: what sifted it."""
    num_pairs: int
    quality: QualityVerdict | None
    reason: str | None = None
    """Why it can't be had, or fell."""


@dataclass(frozen=True, slots=True)
class TuneResult:
    """What a tune came to."""

    standings: tuple[Standing, ...]
    """Of every candidate, the best first."""
    chosen: int | None
    """What the confirmation was of, chosen before it began; None where nothing was ahead of the default."""
    against_default: Contrast | None
    """The default's time over that of the chosen one: SLOWER is the default's."""
    against_runner_up: Contrast | None

    @property
    def winner(self) -> int | None:
        """The candidate that is shown to be faster than the default; None where none is."""
        is_shown = self.against_default is not None and self.against_default.verdict is Verdict.SLOWER
        return self.chosen if is_shown else None


def list_within_reach(tried: Sequence[Tried]) -> list[int]:
    """Return the candidates that go into heats, the quickest first by what their first epochs took."""
    seconds = {each.candidate: each.epoch_seconds for each in tried if each.epoch_seconds is not None}
    quickest = min(seconds.values(), default=0.0)
    return sorted((each for each in seconds if seconds[each] <= REACH * quickest), key=lambda each: seconds[each])


def plan_heats(alive: Sequence[int], partner: int) -> list[tuple[int, ...]]:
    """Lay out the heats of a stage, as equal as can be; one candidate, alive or not, is in all of them, and first."""
    others = [each for each in alive if each != partner]
    num_heats = math.ceil(len(others) / (MAX_ARMS - 1))
    return [(partner, *others[number::num_heats]) for number in range(num_heats)]


def find_partner(tune: Tune) -> int | None:
    """Return whom all others are paired with: the quickest at first sight, so that no pair takes longer than it has to.

    It stays the same until it falls: pairs of several stages then count together. None where nothing runs.
    """
    fallen = list_fallen(tune)
    return next((each for each in list_within_reach(tune.tried) if each not in fallen), None)


def count_stages(num_candidates: int) -> int:
    """Count the stages until the finalists are left; one at least, so that they have an order."""
    stages = 1
    while (num_candidates := count_survivors(num_candidates)) > NUM_FINALISTS:
        stages += 1
    return stages


def count_survivors(num_candidates: int) -> int:
    """Count those that a stage leaves: the better half, and no fewer than the finalists."""
    return min(num_candidates, max(NUM_FINALISTS, math.ceil(num_candidates / 2)))


def score(heats: Sequence[tuple[Heat, Race]]) -> dict[int, list[float]]:
    """Return ln(time over the partner's) of each candidate in every pair that it was raced in, over all stages."""
    if not heats:
        return {}
    partner = heats[-1][0].candidates[0]
    differences: dict[int, list[float]] = {}
    for heat, race in heats:
        if heat.candidates[0] == partner:
            arms = range(1, len(heat.candidates))
            found = [[each.value for each in difference_of_pairs(race.rounds, arm)] for arm in arms]
            found.insert(0, [0.0] * max(map(len, found)))
            for candidate, its_own in zip(heat.candidates, found, strict=True):
                differences.setdefault(candidate, []).extend(its_own)
    return differences


def rank(alive: Sequence[int], scores: Mapping[int, Sequence[float]]) -> list[int]:
    """Sort candidates, the quickest first; one without a pair comes last."""
    return sorted(alive, key=lambda each: statistics.median(scores[each]) if scores.get(each) else math.inf)


def sift(alive: Sequence[int], scores: Mapping[int, Sequence[float]]) -> list[int]:
    """Keep the better half."""
    return rank(alive, scores)[: count_survivors(len(alive))]


def list_fallen(tune: Tune) -> dict[int, str]:
    """Return the candidates that could not go on in a race, and why."""
    races = [*(race for _, race in tune.heats), *(race for race in (tune.quality, tune.confirmation) if race)]
    return {tune.list_candidates(race)[each.arm]: each.reason for race in races for each in race.fallen}


def list_alive(tune: Tune) -> list[int]:
    """Return what the stages so far have left, the best first."""
    fallen = list_fallen(tune)
    alive = [each for each in list_within_reach(tune.tried) if each not in fallen]
    for stage in sorted({heat.stage for heat, _ in tune.heats}):
        heats = [each for each in tune.heats if each[0].stage <= stage]
        raced = {number for heat, _ in heats if heat.stage == stage for number in heat.candidates}
        alive = sift([each for each in alive if each in raced], score(heats))
    return alive


def list_finalists(tune: Tune) -> list[int]:
    """Return what the heats leave ahead of the default, the best first."""
    ranked = list_alive(tune)[:NUM_FINALISTS]
    return ranked[: ranked.index(0)] if 0 in ranked else ranked


def judge_qualities(tune: Tune) -> dict[int, QualityVerdict]:
    """Hold the whole trainings of the finalists against the default's."""
    if tune.quality is None:
        return {}
    candidates = tune.list_candidates(tune.quality)
    return {candidates[arm]: judge_quality(tune.quality, arm) for arm in range(1, len(candidates))}


def is_offered(case: Case, default: Case, quality: QualityVerdict | None) -> bool:
    """Say whether a candidate's quality allows to take it.

    What changes the training itself, its arithmetic or the size of its batches, has to be shown to be equal. What does
    not may stand untested: a workload without an error, or --quality-seeds 0.
    """
    if quality is not None and quality.quality is Quality.EQUIVALENT:
        return True
    is_untested = quality is None or quality.quality is Quality.UNTESTED
    return is_untested and (case.precision, case.shape) == (default.precision, default.shape)


def choose(tune: Tune) -> list[int]:
    """Return what is to be confirmed: the first finalist of equal quality, and the second as its runner-up."""
    candidates, qualities = tune.info.plan.candidates, judge_qualities(tune)
    finalists = list_finalists(tune)
    return [each for each in finalists if is_offered(candidates[each], candidates[0], qualities.get(each))][:2]


def judge_tune(tune: Tune) -> TuneResult:
    """Judge every candidate."""
    chosen = against_default = against_runner_up = None
    if tune.confirmation is not None:
        chosen, *_ = tune.list_candidates(tune.confirmation)
        against_default, *rest = judge_race(tune.confirmation)
        against_runner_up = rest[0] if rest else None
    result = TuneResult((), chosen, against_default, against_runner_up)
    fates = _list_fates(tune, result)
    scores, qualities, fallen = score(tune.heats), judge_qualities(tune), list_fallen(tune)
    tried = {each.candidate: each for each in tune.tried}
    standings = []
    for candidate, case in enumerate(tune.info.plan.candidates):
        found, differences = tried.get(candidate), scores.get(candidate)
        standings.append(
            Standing(
                candidate=candidate,
                case=case,
                fate=fates[candidate],
                epoch_seconds=found.epoch_seconds if found else None,
                score=statistics.median(differences) if differences else None,
                num_pairs=len(differences) if differences else 0,
                quality=qualities.get(candidate),
                reason=fallen.get(candidate) or (found.reason if found else None),
            )
        )
    order = list(Fate)
    standings.sort(key=lambda each: (order.index(each.fate), each.score or 0.0, each.epoch_seconds or 0.0))
    return TuneResult(tuple(standings), chosen, against_default, against_runner_up)


def _list_fates(tune: Tune, result: TuneResult) -> list[Fate]:
    """Say how far each candidate came: of all that is true of it, what is told first."""
    candidates, qualities, chosen = tune.info.plan.candidates, judge_qualities(tune), choose(tune)
    within_reach, fallen, finalists = list_within_reach(tune.tried), list_fallen(tune), list_finalists(tune)
    tried = {each.candidate: each for each in tune.tried}
    of_chosen = Fate.WINNER if result.winner is not None else Fate.CHOSEN

    def list_true(number: int) -> Iterator[Fate]:
        if number == result.chosen:
            yield of_chosen
        if number in fallen:
            yield Fate.FELL
        if number == 0:
            yield Fate.DEFAULT
        if number not in tried or tried[number].kind == "timed out":
            yield Fate.NOT_TRIED
        elif tried[number].epoch_seconds is None:
            yield Fate.UNAVAILABLE
        if number not in within_reach:
            yield Fate.OUT_OF_REACH
        found = qualities.get(number)
        is_judged = found is not None and found.quality is not Quality.NOT_TRAINED
        if is_judged and not is_offered(candidates[number], candidates[0], found):
            yield Fate.WORSE
        if result.chosen is not None and number in chosen:
            yield Fate.RUNNER_UP
        yield Fate.FINALIST if number in finalists else Fate.SIFTED

    return [next(list_true(number)) for number in range(len(candidates))]
