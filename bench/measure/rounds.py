"""The coordinator's plan: which cases are alive together, and for how long a run goes on.

torch is never imported here, nor in anything that this imports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import msgspec

from bench.measure.caches import open_caches
from bench.measure.clock import HOST_CLOCK, Clock
from bench.measure.counters import Counter
from bench.measure.pace import Pace
from bench.measure.process import WorkerProcess
from bench.measure.timeouts import DEFAULT_TIMEOUTS, Timeouts
from bench.measure.wave import Wave
from bench.records.case import Case
from bench.records.environment import Recorded
from bench.records.journal import Record
from bench.records.plan import Plan
from bench.records.progress import Progress
from bench.records.rates import Rates

MAX_WORKERS = 8
WORKER_BYTES = 2**30
"""Memory to count on for a worker with torch and a small network: measured 0.25 GiB resident on a CPU (Linux x86-64,
torch 2.13); CUDA's context adds to it."""


def _open_no_counters(_device: str) -> AbstractContextManager[Sequence[Counter]]:
    return nullcontext(())


@dataclass(frozen=True, slots=True)
class Probes:
    """What is asked beside the trainings, where a plan wants it."""

    rates: Callable[[Sequence[Case], int], Iterable[Rates]] = lambda _cases, _wave: ()
    """Measures before each wave of a ladder what the devices of its cases can do."""
    open_counters: Callable[[str], AbstractContextManager[Sequence[Counter]]] = _open_no_counters
    """Finds the counters of energy of a device."""


NO_PROBES = Probes()


def choose_max_workers(recorded: Recorded | None) -> int:
    """Choose how many workers may be alive, by the memory that is free and granted; the baseline and one more at least.

    Args:
        recorded: what is known of the machine.
    """
    limits = (recorded.memory_available_bytes, recorded.memory_limit_bytes) if recorded else ()
    affordable = [limit // WORKER_BYTES for limit in limits if limit is not None]
    return max(2, min([MAX_WORKERS, *affordable]))


def measure(
    plan: Plan,
    launch: Callable[[], WorkerProcess],
    journal: Callable[[Record], None],
    on_progress: Callable[[Progress], None],
    max_workers: int = MAX_WORKERS,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    clock: Clock = HOST_CLOCK,
    probes: Probes = NO_PROBES,
) -> None:
    """Run a plan, wave by wave; no worker is left when it returns or raises.

    A reference that is none of the cases trains first, in waves of its own without rounds: nothing of it is a sample.

    Args:
        launch: starts a worker.
        journal: called with each record as it happens.
        on_progress: called before each block.
        clock: for the time left, never for a sample.
    """
    untimed = [
        (msgspec.structs.replace(plan, num_rounds=1, num_detail_rounds=0, rungs=(), measures_energy=False), members)
        for members in plan_reference_waves(plan, max_workers)
    ]
    waves = [*untimed, *((plan, members) for members in plan_waves(plan, max_workers))]
    # What one replicate compiles the next finds there: the first is cold, whatever was compiled on this machine before.
    with open_caches() as caches:
        pace = Pace(clock, [[case for case, _ in members] for _, members in waves])
        for number, (wave_plan, members) in enumerate(waves):
            if wave_plan.rungs:
                for rates in probes.rates([case for case, _ in members], number):
                    journal(rates)
            wave = Wave(wave_plan, number, len(waves), journal, on_progress, timeouts, pace, caches)
            try:
                wave.run(members, launch, probes.open_counters)
            finally:
                wave.end()


def plan_reference_waves(plan: Plan, max_workers: int) -> list[list[tuple[Case, int]]]:
    """Lay out the trainings of a reference that is none of the cases: every replicate's seed, a few at a time."""
    if plan.reference is None or not plan.trains_reference_apart:
        return []
    members = [(plan.reference, replicate) for replicate in range(plan.num_replicates)]
    return [members[start : start + max_workers] for start in range(0, len(members), max_workers)]


def plan_waves(plan: Plan, max_workers: int) -> list[list[tuple[Case, int]]]:
    """Lay out which cases and replicates are alive together; the baseline joins every wave."""
    others = plan.cases[1:]
    size = max(1, max_workers - 1)
    chunks = [others[start : start + size] for start in range(0, len(others), size)] or [()]
    return [
        [(case, replicate) for case in (plan.baseline, *chunk)]
        for replicate in range(plan.num_replicates)
        for chunk in chunks
    ]
