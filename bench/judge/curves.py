"""How the loss of a case falls, condensed to as many points as a picture has room for."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.judge.results import CaseResult


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A few epochs in a row, over all seeds."""

    epoch: int
    """The last of them, counted from 1."""
    loss: float
    """Median over the seeds' mean losses of that epoch, standardised."""
    lowest: float
    """Over the seeds and all of these epochs, so that no outlier is lost."""
    highest: float


@dataclass(frozen=True, slots=True)
class Curve:
    """How the loss of one case falls, or of several that have the same losses bit for bit."""

    case_names: tuple[str, ...]
    num_seeds: int
    num_epochs: int
    points: tuple[CurvePoint, ...]


def list_curves(results: Sequence[CaseResult], num_points: int) -> list[Curve]:
    """List the curves of a run.

    A case that trained nothing has none, and neither has a workload of a user's own: it says a loss a block, and every
    replicate cuts its blocks by itself.
    """
    cases: dict[tuple[tuple[float | None, ...], ...], list[str]] = {}
    for result in results:
        # A case of several waves trains the seed of a replicate in each of them.
        seeds = {each.replicate: each.epoch_losses for each in reversed(result.trained)}
        if seeds and result.case.workload is None:
            cases.setdefault(tuple(seeds[seed] for seed in sorted(seeds)), []).append(result.case.name)
    return [
        Curve(tuple(names), len(losses), max(map(len, losses)), tuple(condense(losses, num_points)))
        for losses, names in cases.items()
    ]


def condense(losses: Sequence[Sequence[float | None]], num_points: int) -> Iterator[CurvePoint]:
    """Condense the losses of some seeds, epoch by epoch; where none is a number there is no point."""
    num_epochs = max(map(len, losses))
    ends = sorted({math.ceil(num_epochs * place / num_points) for place in range(1, num_points + 1)})
    for start, end in zip((0, *ends), ends, strict=False):
        last = [loss for each in losses for loss in each[end - 1 : end] if loss is not None]
        every = [loss for each in losses for loss in each[start:end] if loss is not None]
        if last:
            yield CurvePoint(end, statistics.median(last), min(every), max(every))
