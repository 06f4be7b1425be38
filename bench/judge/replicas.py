"""Networks that are trained at once: what each takes among the others, and how good they are over their seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bench.judge.quality import RECIPE_EPOCHS, has_learned
from bench.judge.results import CaseResult
from bench.judge.statistics import Summary, summarise
from bench.records.case import Case

KNEE_SHARE = 0.9
"""From the number on that reaches so much of the most, more at once are hardly worth their memory."""


@dataclass(frozen=True, slots=True)
class ReplicasResult:
    """A case as a maker of networks. What was not measured is None."""

    model_seconds: Summary | None
    """Of a whole training, shared out evenly over its networks; spread over replicates."""
    models_per_second: Summary | None
    num_seeds: int
    """Replicates share seeds where they overlap; each counts once."""
    num_learned: int | None
    """Of those, which pass the bar of quality. None for trainings shorter than the recipe, which has the bar."""
    final_loss: Summary | None
    """Over seeds, as are the rest. None where one is not finite."""
    heldout_rmse: Summary | None
    lowest_r_squared: float | None


@dataclass(frozen=True, slots=True)
class Growth:
    """How many networks a second a mode makes, over how many it trains at once."""

    case: Case
    """Of one network."""
    points: tuple[tuple[int, float], ...]
    """Replicas, rising, and networks a second."""

    @property
    def knee(self) -> int:
        """The fewest replicas with which nearly the most networks a second are made, of those that were measured."""
        most = max(rate for _, rate in self.points)
        return next(count for count, rate in self.points if rate >= KNEE_SHARE * most)


def judge_replicas(result: CaseResult) -> ReplicasResult:
    """Judge one case, of one replica too."""
    count, seconds = result.case.num_replicas, result.training_seconds
    seeds = _list_seeds(result)
    is_whole = result.case.num_epochs >= RECIPE_EPOCHS
    finite = [r_squared for _, _, r_squared in seeds if r_squared is not None]
    return ReplicasResult(
        model_seconds=None if seconds is None else seconds.scaled(1 / count),
        models_per_second=None if seconds is None else _invert(seconds, count),
        num_seeds=len(seeds),
        num_learned=sum(has_learned(r_squared) for _, _, r_squared in seeds) if is_whole and seeds else None,
        final_loss=_summarise_all([loss for loss, _, _ in seeds]),
        heldout_rmse=_summarise_all([rmse for _, rmse, _ in seeds]),
        lowest_r_squared=min(finite, default=None) if len(finite) == len(seeds) else None,
    )


def list_growths(results: Sequence[CaseResult]) -> list[Growth]:
    """List the modes that were measured, with a speed that counts, at more than one number of replicas."""
    points: dict[Case, dict[int, float]] = {}
    for result in results:
        rate = judge_replicas(result).models_per_second
        if rate is not None and result.is_rankable:
            alone = msgspec.structs.replace(result.case, num_replicas=1)
            points.setdefault(alone, {})[result.case.num_replicas] = rate.median
    return [Growth(case, tuple(sorted(rates.items()))) for case, rates in points.items() if len(rates) > 1]


def _list_seeds(result: CaseResult) -> list[tuple[float | None, float | None, float | None]]:
    """List final loss, held-out RMSE and R squared of each seed."""
    if result.case.num_replicas > 1:
        seeds = {each.seed: each for trained in result.trained for each in trained.replicas}
        return [(each.final_loss, each.heldout_rmse, each.heldout_r_squared) for each in seeds.values()]
    replicates = {each.replicate: each for each in result.trained}
    return [
        (
            each.final_loss,
            getattr(each.heldout_accuracy, "rmse", None),
            getattr(each.heldout_accuracy, "r_squared", None),
        )
        for each in replicates.values()
    ]


def _summarise_all(values: Sequence[float | None]) -> Summary | None:
    finite = [value for value in values if value is not None]
    return summarise(finite) if len(finite) == len(values) else None


def _invert(seconds: Summary, count: int) -> Summary:
    """Turn times into rates: the longest is the lowest."""
    low, high = (None if each is None else count / each for each in (seconds.high, seconds.low))
    return Summary(seconds.count, count / seconds.median, low, high)
