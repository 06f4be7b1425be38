"""How much a case computes a second, and which share that is of what the device was seen to reach."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.judge.phases import per_step
from bench.judge.statistics import Summary, summarise
from bench.records.run import Measurement

OPERATIONS_PER_MULTIPLY_ADD = 2


@dataclass(frozen=True, slots=True)
class WorkRate:
    """Floating-point operations: a multiply-add is two, and nothing else is counted."""

    per_step: int
    per_second: Summary
    """Over replicates; over blocks where there is one."""
    peak_per_second: float
    """Of a large matrix product on the same device in the same precision, measured beside it."""

    @property
    def share_of_peak(self) -> float:
        """How much of that peak the training reaches."""
        return self.per_second.median / self.peak_per_second


def judge_work(measurements: Sequence[Measurement]) -> WorkRate | None:
    """Relate counted work to the time of the trainings' blocks; None where it was not counted."""
    rates: dict[int, list[float]] = {}
    peaks, counts = [], set()
    for each in measurements:
        started, blocks = each.started, each.blocks_of("train")
        if started is None or not started.num_multiply_adds_per_step or not blocks:
            continue
        if started.multiply_adds_per_second is None:
            continue
        count = OPERATIONS_PER_MULTIPLY_ADD * started.num_multiply_adds_per_step
        rates.setdefault(each.replicate, []).extend(count / per_step(block) for block in blocks)
        peaks.append(OPERATIONS_PER_MULTIPLY_ADD * started.multiply_adds_per_second)
        counts.add(count)
    replicates = list(rates.values())
    found = summarise(replicates[0] if len(replicates) == 1 else [statistics.median(each) for each in replicates])
    if found is None or len(counts) != 1:
        return None
    return WorkRate(counts.pop(), found, max(peaks))
