"""How the rounds of a visit are cut, and how long a visit will take."""

from __future__ import annotations

from collections.abc import Sequence

from bench.judge.itinerary import Member
from bench.judge.sweep import count_work
from bench.records.case import Shape
from bench.records.sweep import Sweep, SweepPlan

BLOCK_SECONDS = 0.01
"""How long a block takes at least; it has at least one epoch."""

VISIT_SECONDS = 0.5
"""What all blocks of one process may take; where they are long there are fewer rounds."""
WARMED_SECONDS = 0.05
"""An epoch is warmed up with where it is no longer: a longer one warms itself."""
MIN_ROUNDS, MAX_ROUNDS = 2, 32

_EPOCHS_BEFORE = 4
"""Where an epoch is long: one to warm up, three to see how long one takes."""


def choose_num_epochs(epoch_seconds: float) -> int:
    """Choose the epochs of a block."""
    return max(1, round(BLOCK_SECONDS / epoch_seconds))


def choose_warm_up(epoch_seconds: float) -> int:
    """Choose the untimed epochs before a block."""
    return int(epoch_seconds <= WARMED_SECONDS)


def choose_num_rounds(block_seconds: Sequence[float]) -> int:
    """Choose the rounds of a visit, by the longest block in it."""
    return min(MAX_ROUNDS, max(MIN_ROUNDS, int(VISIT_SECONDS / max(block_seconds, default=VISIT_SECONDS))))


def guess_seconds(sweep: Sweep, members: Sequence[Member]) -> float:
    """Guess how long a visit takes: its processes work one after the other. 0 of what nothing is known of."""
    return sum(_guess_member(sweep, member) for member in members)


def _guess_member(sweep: Sweep, member: Member) -> float:
    """Guess from the largest point of the curve that was timed and is no larger, as if all its time grew with work."""
    plan = sweep.info.plan
    known = [
        (_count_work(plan, (timed.curve, timed.values)), timed) for timed in sweep.timed if timed.curve == member[0]
    ]
    if not known:
        return 0.0
    work = _count_work(plan, member)
    smaller = [each for each in known if each[0] <= work] or known
    nearest_work, nearest = max(smaller, key=lambda each: (each[1].values == member[1], each[0]))
    longer = max(0.0, work / nearest_work - 1.0) * nearest.epoch_seconds
    is_long = nearest.epoch_seconds + longer > WARMED_SECONDS
    return nearest.wall_seconds + is_long * (_EPOCHS_BEFORE + MIN_ROUNDS) * longer


def _count_work(plan: SweepPlan, member: Member) -> float:
    """Count the multiply-adds of an epoch of all replicas; of a user's own workload it is one step."""
    case = plan.case_at(*member)
    if case.workload is not None:
        return float(count_work(case))
    shape = case.shape or Shape()
    return float(case.num_replicas * shape.multiply_adds_per_sample * shape.num_samples)
