"""A seat of a sweep: a live worker at a point of a curve, and what its blocks have taken."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.judge.itinerary import Member
from bench.measure.clock import Clock
from bench.measure.messages import BlockDone, Ready, RunBlock
from bench.measure.process import WorkerProcess
from bench.measure.sweep_pace import choose_num_epochs, choose_warm_up
from bench.measure.timeouts import Timeouts
from bench.records.sweep import Timed


@dataclass(slots=True)
class SweepSeat:
    """A live worker with its point of a curve."""

    member: Member
    process: WorkerProcess
    ready: Ready
    wall_seconds: float
    num_steps: int = 0
    num_samples: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def num_epochs(self) -> int:
        """Of a block."""
        return choose_num_epochs(self.ready.pilot_epoch_seconds)

    @property
    def block_seconds(self) -> float:
        """Of a block, as its pilot foretells."""
        return self.num_epochs * self.ready.pilot_epoch_seconds

    def run_block(self, timeouts: Timeouts, clock: Clock, *, restart: bool) -> None:
        """Time one block, where epochs are short after some to warm up.

        Args:
            timeouts: how long the block may take beyond what is expected.
            clock: for what it takes of the sweep's time.
            restart: begin at the training's start, so that every block has the same steps.
        Raises:
            WorkerError: when the worker fails, dies, hangs or answers rubbish.
        """
        started = clock()
        done = self.process.request(
            RunBlock(
                kind="train",
                amount=self.num_epochs,
                restart=restart,
                warm_up=choose_warm_up(self.ready.pilot_epoch_seconds),
                timeout_seconds=timeouts.block_seconds + timeouts.block_factor * self.block_seconds,
            ),
            BlockDone,
        )
        self.num_steps, self.num_samples = done.num_steps, done.num_samples
        self.seconds.append(done.seconds)
        self.wall_seconds += clock() - started

    def report(self, visit: int) -> Timed:
        """Return what it has timed in a visit, for the journal."""
        curve, values = self.member
        return Timed(
            visit=visit,
            curve=curve,
            values=values,
            num_steps=self.num_steps,
            num_samples=self.num_samples,
            seconds=tuple(self.seconds),
            epoch_seconds=self.ready.pilot_epoch_seconds,
            wall_seconds=self.wall_seconds,
        )
