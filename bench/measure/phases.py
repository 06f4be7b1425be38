"""Where the time of a step goes: data, forward, backward, optimizer.

On a device that has done its work when a call returns, a clock is read between the phases. On one with a queue of its
own a wait between them would change what is measured: marks in the queue tell its time and the clock the host's, and
the device is waited for once, at the end. Either way the inner readings disturb, so totals come from blocks without
them; phases only share those out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from bench.measure.clock import Clock
from bench.records.journal import PHASES
from bench.workloads import Workload
from productnet.kinds import Marks

Border = Callable[[str | None], None]
"""Called at the end of a phase with its name, and with None where a phase begins after something that is none."""


@dataclass(frozen=True, slots=True)
class PhaseTimes:
    """One block with inner timers; seconds are sums over its steps."""

    seconds: float
    phase_seconds: dict[str, float]
    """The device's time, in which it may also wait for the host."""
    host_phase_seconds: dict[str, float] | None = None
    """What handing over the work took, where the device has a queue of its own."""
    timer_seconds: float = 0.0
    """What reading the inner timers took the host."""


def time_phases(workload: Workload, num_epochs: int, clock: Clock) -> PhaseTimes:
    """Train for some epochs, reading the clock at every border between phases.

    Args:
        clock: synchronised with the workload's device.
    """
    totals = dict.fromkeys(PHASES, 0.0)
    last = timer_seconds = 0.0

    def border(phase: str | None) -> None:
        nonlocal last, timer_seconds
        now = clock()
        if phase is not None:
            totals[phase] += now - last
        last = clock()
        timer_seconds += last - now

    started = clock()
    _walk(workload, num_epochs, border)
    return PhaseTimes(clock() - started, totals, timer_seconds=timer_seconds)


def time_queued_phases(
    workload: Workload,
    num_epochs: int,
    host_clock: Clock,
    synchronize: Callable[[], None],
    marks: Marks,
    hold_seconds: float = 0.0,
) -> PhaseTimes:
    """Train for some epochs, marking the device's queue at every border between phases.

    Args:
        host_clock: not synchronised.
        hold_seconds: how long the device is kept busy before each step; more than it takes the host to hand the step
            over, and the phases are the device's own time, without waits for the host.
    """
    notes: list[tuple[str | None, object, float, object, float]] = []

    def border(phase: str | None) -> None:
        arrived = host_clock()
        before = marks.mark()
        if phase is None and hold_seconds > 0:
            marks.hold(hold_seconds)
        notes.append((phase, before, arrived, marks.mark(), host_clock()))

    synchronize()  # sync point
    started = host_clock()
    _walk(workload, num_epochs, border)
    synchronize()  # sync point
    seconds = host_clock() - started
    device, host = dict.fromkeys(PHASES, 0.0), dict.fromkeys(PHASES, 0.0)
    for (_, _, _, mark, left), (phase, next_mark, arrived, _, _) in pairwise(notes):
        if phase is not None:
            device[phase] += marks.seconds_between(mark, next_mark)
            host[phase] += arrived - left
    return PhaseTimes(seconds, device, host, sum(left - arrived for _, _, arrived, _, left in notes))


def _walk(workload: Workload, num_epochs: int, border: Border) -> None:
    """Train for some epochs with a border behind every phase.

    Fetching a batch, its move to the device included, is "data"; drawing an epoch's order is, too. What is done with
    the losses belongs to no phase.
    """
    step = workload.step()
    if step is None:
        raise ValueError("a step that can't be cut has no phases")
    for _ in range(num_epochs):
        batches, kept = workload.epoch(), []
        border(None)
        while True:
            batch = next(batches, None)
            border("data")
            if batch is None:
                break
            loss = step.forward(batch)
            border("forward")
            step.backward(loss)
            border("backward")
            step.optimize()
            border("optimizer")
            kept.append(step.keep(loss))
            border(None)
        step.end_epoch(kept)
