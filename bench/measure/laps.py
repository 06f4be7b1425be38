"""Laps: what each step of a timed block takes, on a device whose host waits for every step.

A neighbour on the same core slows steps down for milliseconds at a time. Whole blocks are hardly ever free of that on a
busy machine; single steps are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import SupportsFloat

from bench.measure.clock import Clock
from bench.records.race import Laps
from bench.workloads import Workload


def train_in_laps(
    workload: Workload, num_epochs: int, clock: Clock, lap_clock: Clock
) -> tuple[float, Laps, Sequence[SupportsFloat]]:
    """Train on and take the time of every step.

    Args:
        workload: one that can watch its steps.
        clock: of the whole block, synchronised with the device.
        lap_clock: of a step: the host's, without a wait.
    Returns:
        The block's seconds, its laps, and each epoch's mean loss.
    Raises:
        RuntimeError: where it has announced another number of steps than its epochs have.
    """
    marks: list[float] = []
    workload.watch_steps(lambda: marks.append(lap_clock()))
    started = clock()
    losses = workload.train(num_epochs)
    ended = clock()
    if len(marks) != num_epochs * workload.num_steps_per_epoch:
        raise RuntimeError(f"{num_epochs} epochs of {workload.num_steps_per_epoch} steps announced {len(marks)}")
    return ended - started, cut_laps(started, marks, ended, workload.num_steps_per_epoch), losses


def cut_laps(started: float, marks: Sequence[float], ended: float, num_steps_per_epoch: int) -> Laps:
    """Cut a block at the beginnings of its steps: for each epoch, nanoseconds from each step to the next.

    The last lap of an epoch reaches into the next, to its first step; that of the last epoch goes on where the block
    began. So each holds what lies between two epochs, and all laps together are the block.
    """
    ends = [*marks[1:], ended + marks[0] - started]
    laps = [round(1e9 * (end - start)) for start, end in zip(marks, ends, strict=True)]
    starts = range(0, len(laps), num_steps_per_epoch)
    return tuple(tuple(laps[start : start + num_steps_per_epoch]) for start in starts)
