"""Where the time of a batch goes, from the blocks that tell phases apart."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.judge.statistics import summarise
from bench.records.journal import PHASES, Block, BlockKind
from bench.records.run import Measurement

RESOLVED_FLOORS = 10.0
"""A phase shorter than this many times what the timer measures of nothing is not resolved."""

DATA_PARTS = ("sampler", "fetch", "loader", "move")
"""The parts of fetching a batch, in the order in which a longer prefix has one more of them."""

_STEP_PARTS = ("forward", "backward", "optimizer")


@dataclass(frozen=True, slots=True)
class PhaseSplit:
    """Seconds per batch: the training's own total, shared out.

    Shares come from within a block, so that what slows the machine down for a while slows all phases alike and cancels.
    """

    phases: dict[str, float]
    rest: float
    """What no phase accounts for: total less phases."""
    total: float
    """From training blocks, which have no inner timers."""
    timer_tax: float | None
    """What inner timers add to a block, as a share of it: the median over pairs of blocks of the same round. None where
    phases come from differences of blocks without inner timers."""
    unresolved: frozenset[str]
    """Phases that are too short to be told from the timer itself."""


@dataclass(frozen=True, slots=True)
class QueueSplit:
    """Seconds per batch and phase on a device with a queue of its own; medians over blocks."""

    host_issue: dict[str, float]
    """What handing the work over took the host."""
    stream: dict[str, float]
    """The device's time in the training as it runs, waits for the host included."""
    device: dict[str, float]
    """The device's time with its queue kept full."""

    @property
    def idle_share(self) -> float:
        """Share of the training in which the device waits."""
        return 1 - sum(self.device.values()) / sum(self.stream.values())

    @property
    def host_busy_share(self) -> float:
        """Share of the training in which the host hands over work."""
        return sum(self.host_issue.values()) / sum(self.stream.values())


def split_phases(measurements: Sequence[Measurement]) -> PhaseSplit | None:
    """Share out the time of a batch, or None where nothing tells its phases apart."""
    total = summarise([per_step(block) for block in _blocks(measurements, "train")])
    floors = [measurement.started.timer_floor_seconds for measurement in measurements if measurement.started]
    if total is None or not floors:
        return None
    timed = [(block, block.phase_seconds or {}) for block in _blocks(measurements, "phases")]
    taxes = [tax for measurement in measurements for tax in _timer_taxes(measurement)]
    if timed and taxes:
        shares = {phase: statistics.median(parts[phase] / _work_seconds(b) for b, parts in timed) for phase in PHASES}
        phases = {phase: share * total.median for phase, share in shares.items()}
        seen = {phase: statistics.median(parts[phase] / block.num_steps for block, parts in timed) for phase in PHASES}
        tax = statistics.median(taxes)
    else:
        parts = split_prefixes(measurements, (*DATA_PARTS, *_STEP_PARTS))
        if not set(_STEP_PARTS) <= parts.keys():
            return None
        data = sum(seconds for part, seconds in parts.items() if part in DATA_PARTS)
        seen = phases = {"data": data, **{part: parts[part] for part in _STEP_PARTS}}
        tax = None
    return PhaseSplit(
        phases=phases,
        rest=total.median - sum(phases.values()),
        total=total.median,
        timer_tax=tax,
        unresolved=frozenset(p for p in PHASES if seen[p] < RESOLVED_FLOORS * statistics.median(floors)),
    )


def split_queue(measurements: Sequence[Measurement]) -> QueueSplit | None:
    """Tell the host's time, the queue's and the device's own apart; None where the device has no queue."""
    natural = [block for block in _blocks(measurements, "phases") if block.host_phase_seconds]
    filled = _blocks(measurements, "device")
    if not natural or not filled:
        return None
    return QueueSplit(
        host_issue=_medians((block.host_phase_seconds or {}, block) for block in natural),
        stream=_medians((block.phase_seconds or {}, block) for block in natural),
        device=_medians((block.phase_seconds or {}, block) for block in filled),
    )


def split_prefixes(measurements: Sequence[Measurement], order: Sequence[str]) -> dict[str, float]:
    """Return what each part adds to the one before, in seconds per batch: medians over pairs of the same round.

    A difference of two measured times may come out negative: it is shown as it is.

    Args:
        order: names of parts; those that were not measured are left out.
    """
    rounds: list[dict[str, float]] = []
    for measurement in measurements:
        found: dict[int, dict[str, float]] = {}
        for block in measurement.blocks_of("prefix"):
            found.setdefault(block.round, {})[block.prefix or ""] = per_step(block)
        rounds += found.values()
    present = [part for part in order if any(part in each for each in rounds)]
    parts = {}
    for shorter, longer in pairwise([None, *present]):
        differences = [
            each[longer] - (0.0 if shorter is None else each[shorter])
            for each in rounds
            if longer is not None and longer in each and (shorter is None or shorter in each)
        ]
        if longer is not None and differences:
            parts[longer] = statistics.median(differences)
    return parts


def _medians(parts: Iterable[tuple[dict[str, float], Block]]) -> dict[str, float]:
    per_step = [{phase: seconds[phase] / block.num_steps for phase in PHASES} for seconds, block in parts]
    return {phase: statistics.median(each[phase] for each in per_step) for phase in PHASES}


def _timer_taxes(measurement: Measurement) -> list[float]:
    plain = {block.round: block for block in measurement.blocks_of("plain")}
    return [
        per_step(block) / per_step(plain[block.round]) - 1
        for block in measurement.blocks_of("phases")
        if block.round in plain
    ]


def _blocks(measurements: Sequence[Measurement], kind: BlockKind) -> list[Block]:
    return [block for measurement in measurements for block in measurement.blocks_of(kind)]


def _work_seconds(block: Block) -> float:
    """Return a block's time without what its inner timers took."""
    return block.seconds - block.timer_seconds


def per_step(block: Block) -> float:
    """Return the seconds of a block that fall on each of its steps."""
    return block.seconds / block.num_steps
