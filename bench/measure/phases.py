"""Where the time of a step goes: data, forward, backward, optimizer, with a synchronised clock between them.

The inner readings disturb what they measure, so totals come from blocks without them; phases only share those out.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.measure.clock import Clock
from bench.records.journal import PHASES
from bench.workloads import Workload


@dataclass(frozen=True, slots=True)
class PhaseTimes:
    """One block with inner timers; seconds are sums over its steps."""

    seconds: float
    phase_seconds: dict[str, float]


def time_phases(workload: Workload, num_epochs: int, clock: Clock) -> PhaseTimes:
    """Train for some epochs, reading the clock at every border between phases.

    Fetching a batch, its transfer to the device included, is "data"; drawing an epoch's order is, too. What is
    done with the losses is counted in the total alone.

    Args:
        clock: synchronised with the workload's device.
    """
    step = workload.step()
    if step is None:
        raise ValueError("a step that can't be cut has no phases")
    totals = dict.fromkeys(PHASES, 0.0)
    started = clock()
    for _ in range(num_epochs):
        batches = workload.epoch()
        kept = []
        while True:
            before = clock()
            batch = next(batches, None)
            fetched = clock()
            totals["data"] += fetched - before
            if batch is None:
                break
            loss = step.forward(batch)
            forwarded = clock()
            step.backward(loss)
            backwarded = clock()
            step.optimize()
            optimized = clock()
            kept.append(step.keep(loss))
            totals["forward"] += forwarded - fetched
            totals["backward"] += backwarded - forwarded
            totals["optimizer"] += optimized - backwarded
        step.end_epoch(kept)
    return PhaseTimes(clock() - started, totals)
