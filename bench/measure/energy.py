"""What a case draws: counters are watched while nothing works, and then while it trains on, apart from the timing.

A counter goes on in steps: it is read many times a second, and what counts lies between two moments at which it moved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import sleep

from bench.measure.blocks import amount_for
from bench.measure.clock import HOST_CLOCK, Clock
from bench.measure.counters import Counter
from bench.measure.messages import BlockDone, RunBlock
from bench.measure.process import POLL_SECONDS, WorkerError
from bench.measure.seat import Seat
from bench.measure.timeouts import Timeouts
from bench.records.energy import Drawn, Metered
from bench.records.journal import Energy, as_text

MIN_REFRESHES = 100
"""Of a window: NVML's counter moves every 20 to 100 ms, RAPL's every millisecond or whenever it is read."""
LEAD_SECONDS = 1.0
"""At the beginning of a window, not counted: clocks and voltages take a while to follow the work."""
STALL_SECONDS = 2.0
"""A counter that stands still for so long does not count."""
MAX_SECONDS = 30.0
EXPECTED_SECONDS = 2 * (LEAD_SECONDS + 0.1 * MIN_REFRESHES)
"""Of both windows, where a counter moves every 100 ms."""
_BLOCK_SECONDS = 0.5


class _Reading:
    """One counter in one window."""

    def __init__(self, counter: Counter, started: float) -> None:
        self._counter = counter
        self._started = self._moved_at = started
        self._previous: float | None = None
        self._first_at: float | None = None
        self._joules = 0.0
        self._num_refreshes = 0
        self._fault: str | None = None

    def take(self, now: float) -> None:
        """Read it."""
        if self._fault is not None:
            return
        value = self._counter.read()
        if value is None:
            self._fault = "it could not be read any more"
        elif self._previous is None:
            self._previous = value
        elif value == self._previous:
            if now - self._moved_at > STALL_SECONDS:
                self._fault = f"it did not move for {STALL_SECONDS:g} s: not resolved"
        else:
            self._move(value - self._previous, now)
            self._previous = value

    def _move(self, joules: float, now: float) -> None:
        span = self._counter.range_joules
        if joules < 0 and span is not None and joules + span < span / 2:
            joules += span  # it began anew: a step is far shorter than half of what it can hold
        if joules < 0:
            self._fault = "it ran backwards: not resolved"
            return
        self._moved_at = now
        if self._first_at is not None:
            self._joules += joules
            self._num_refreshes += 1
        elif now - self._started >= LEAD_SECONDS:
            self._first_at = now

    @property
    def is_done(self) -> bool:
        """Whether nothing more is needed of it, or nothing can be had."""
        is_enough = self._num_refreshes >= MIN_REFRESHES and self._seconds >= self._counter.min_seconds
        return is_enough or self._fault is not None

    @property
    def _seconds(self) -> float:
        return 0.0 if self._first_at is None else self._moved_at - self._first_at

    def conclude(self) -> Drawn | str:
        """Return what was counted, or why nothing was."""
        if self._fault is not None:
            return self._fault
        if self._num_refreshes < MIN_REFRESHES:
            return (
                f"it moved {self._num_refreshes} times within {MAX_SECONDS:g} s, and {MIN_REFRESHES} are needed: not "
                "resolved"
            )
        return Drawn(joules=self._joules, seconds=self._seconds, num_refreshes=self._num_refreshes)


class Window:
    """Some time in which counters are watched, until each has moved often enough or is known not to."""

    def __init__(self, counters: Sequence[Counter], clock: Clock) -> None:
        self._clock = clock
        self._started = clock()
        self.readings = [_Reading(counter, self._started) for counter in counters]

    def look(self) -> None:
        """Read every counter."""
        for reading in self.readings:
            reading.take(self._clock())

    @property
    def is_over(self) -> bool:
        """Whether no more is to be waited for."""
        return all(each.is_done for each in self.readings) or self._clock() - self._started > MAX_SECONDS


def meter(
    counters: Sequence[Counter],
    train: Callable[[Callable[[], None]], BlockDone],
    clock: Clock = HOST_CLOCK,
    wait: Callable[[float], None] = sleep,
) -> tuple[tuple[Metered, ...], list[BlockDone]]:
    """Watch counters while nothing works, then while it trains.

    Args:
        train: trains for about half a second, and calls what it is given now and then meanwhile.
        wait: lets so many seconds pass.
    Returns:
        What each counter said, in their order, and the blocks of the training; none where no counter moved.
    """
    live = [counter for counter in counters if counter.reason is None]
    idle = Window(live, clock)
    while not idle.is_over:
        wait(POLL_SECONDS)
        idle.look()
    found = {id(counter): reading.conclude() for counter, reading in zip(live, idle.readings, strict=True)}
    moving = [counter for counter in live if isinstance(found[id(counter)], Drawn)]
    training = Window(moving, clock)
    blocks: list[BlockDone] = []
    while not training.is_over:
        blocks.append(train(training.look))
        training.look()
    drawn = {id(counter): reading.conclude() for counter, reading in zip(moving, training.readings, strict=True)}
    metered = []
    for counter in counters:
        before = counter.reason or found[id(counter)]
        metered.append(_make_metered(counter, before, drawn.get(id(counter), before)))
    return tuple(metered), blocks


def _make_metered(counter: Counter, idle: Drawn | str, training: Drawn | str) -> Metered:
    if isinstance(idle, str):
        return Metered(scope=counter.scope, name=counter.name, reason=idle)
    if isinstance(training, str):
        return Metered(scope=counter.scope, name=counter.name, reason=training)
    return Metered(scope=counter.scope, name=counter.name, idle=idle, training=training)


def measure_energy(seat: Seat, wave: int, counters: Sequence[Counter], timeouts: Timeouts) -> Energy:
    """Meter a live worker that has shown all else: back at its start, it warms up, waits, and trains on.

    A worker that fails meanwhile loses nothing but this.
    """
    amount = amount_for(_BLOCK_SECONDS, seat.unit_seconds["train"])
    timeout = timeouts.block_seconds + timeouts.block_factor * amount * seat.unit_seconds["train"]

    def train(look: Callable[[], None] | None = None, *, restart: bool = False) -> BlockDone:
        command = RunBlock(kind="train", amount=amount, restart=restart, timeout_seconds=timeout)
        return seat.process.request(command, BlockDone, meanwhile=look)

    try:
        if any(counter.reason is None for counter in counters):
            train(restart=True)
        meters, blocks = meter(counters, train)
    except WorkerError as error:
        blocks = []
        meters = tuple(
            Metered(scope=each.scope, name=each.name, reason=each.reason or as_text(error.reason)) for each in counters
        )
    return Energy(
        case=seat.case.name,
        replicate=seat.replicate,
        wave=wave,
        meters=meters,
        num_steps=sum(block.num_steps for block in blocks) or None,
        num_samples=sum(block.num_samples for block in blocks) or None,
        seconds=sum(block.seconds for block in blocks) or None,
    )
