"""Time to a target: when a training's mean epoch loss first was under it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from bench.judge.statistics import Summary, summarise
from bench.records.journal import Block
from bench.records.run import Measurement

TARGET_LOSS = 1e-3
"""Mean training loss of an epoch, standardised: seeds 1, 2 and 3 get there in epochs 164, 263 and 147 of the recipe."""


def summarise_target(measurements: Sequence[Measurement]) -> Summary | None:
    """Summarise the seconds until the target over replicates, each by the median of its trainings.

    A replicate that misses it counts as infinite: its time is longer than any other. The median is infinite where half
    of them or more miss it, and there are no quartiles where one does.
    """
    times: dict[int, list[float]] = {}
    for measurement in measurements:
        times.setdefault(measurement.replicate, []).extend(seconds_to_target(measurement))
    replicates = [statistics.median(seconds) for seconds in times.values() if seconds]
    if any(math.isinf(seconds) for seconds in replicates):
        return Summary(len(replicates), statistics.median(replicates), None, None)
    return summarise(replicates)


def seconds_to_target(measurement: Measurement) -> list[float]:
    """Time each training from its start to the end of the first epoch under the target; infinite where none is.

    Blocks are timed and epochs are not: within the block that holds that epoch, time is shared out evenly.
    """
    case = measurement.case
    if measurement.trained is None or case.workload is not None or case.num_replicas != 1:
        return []  # the target is the product network's, and replicas reach it each in another epoch
    losses = measurement.trained.epoch_losses
    num_epochs = next(
        (number + 1 for number, loss in enumerate(losses) if loss is not None and loss < TARGET_LOSS), None
    )
    return [
        math.inf if num_epochs is None else _elapsed(blocks, num_epochs / len(losses))
        for blocks in measurement.whole_trainings()
    ]


def _elapsed(blocks: Sequence[Block], share: float) -> float:
    """Return the seconds after which a share of a training's steps was done."""
    steps_left = share * sum(block.num_steps for block in blocks)
    seconds = 0.0
    for block in blocks:
        seconds += block.seconds * min(1.0, steps_left / block.num_steps)
        steps_left = max(0.0, steps_left - block.num_steps)
    return seconds
