"""A wave: a handful of live workers that take turns, block by block.

What drifts on the machine so touches all cases alike. Only the worker that was given the word works; the others wait on
a pipe, and so does the coordinator.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from bench.measure.counters import Counter
from bench.measure.crew import load_each
from bench.measure.energy import EXPECTED_SECONDS, measure_energy
from bench.measure.messages import (
    BlockDone,
    CallsCounted,
    CountCalls,
    Explore,
    Explored,
    Judge,
    Judged,
    Ready,
    RunBlock,
    SetUp,
)
from bench.measure.outcomes import make_counted, make_started, make_trained, make_uncounted
from bench.measure.pace import Pace
from bench.measure.process import WorkerError, WorkerProcess
from bench.measure.seat import Seat
from bench.measure.timeouts import Timeouts
from bench.records.case import Case
from bench.records.journal import Block, BlockKind, Failed, Record, as_text
from bench.records.plan import Plan
from bench.records.progress import Progress
from bench.records.repeat import repeat_command


class Wave:
    """One wave of a run, from starting its workers to their last block."""

    def __init__(
        self,
        plan: Plan,
        number: int,
        num_waves: int,
        journal: Callable[[Record], None],
        on_progress: Callable[[Progress], None],
        timeouts: Timeouts,
        pace: Pace,
        caches: Path,
    ) -> None:
        self.plan = plan
        self.number = number
        self.num_waves = num_waves
        self.journal = journal
        self.on_progress = on_progress
        self.timeouts = timeouts
        self.caches = caches
        self.random = random.Random(f"{plan.seed} {number}")  # noqa: S311 - the order of turns is no secret
        self.processes: list[WorkerProcess] = []
        self.seats: list[Seat] = []
        self.pace = pace

    def run(
        self,
        members: list[tuple[Case, int]],
        launch: Callable[[], WorkerProcess],
        open_counters: Callable[[str], AbstractContextManager[Sequence[Counter]]],
    ) -> None:
        """Start the workers, then let them take turns until all have trained and shown their phases."""
        self._take_seats(members, launch)
        for number in range(self.plan.num_rounds):
            for seat in self._turns():
                self._train(seat, number)
        for number in range(self.plan.num_detail_rounds):
            for seat in self._turns():
                self._detail(seat, number)
        if self.plan.rungs:
            for seat in self.seats:
                self._count(seat)
        if self.plan.measures_energy:
            for seat in self.seats:
                self._show("energy", seat.case)
                with open_counters(seat.case.device) as counters:
                    self.journal(measure_energy(seat, self.number, counters, self.timeouts))
                self.pace.tick(EXPECTED_SECONDS)

    def end(self) -> None:
        """Leave no worker behind."""
        for process in self.processes:
            process.end()

    def _take_seats(self, members: list[tuple[Case, int]], launch: Callable[[], WorkerProcess]) -> None:
        """Load workers two at a time; then set them up one at a time, since set-up is timed."""
        self.pace.start_wave()
        loaded: list[tuple[Case, int, WorkerProcess]] = []

        def start(number: int) -> WorkerProcess:
            self._show("starting", members[number][0])
            self.processes.append(launch())
            return self.processes[-1]

        for number, process, fault in load_each(start, len(members), self.timeouts.load_seconds):
            if fault is None:
                loaded.append((*members[number], process))
            else:
                self._give_up(*members[number], process, "start", fault)
        for case, replicate, process in loaded:
            self._show("setting up", case)
            self._set_up(case, replicate, process)
        metering = EXPECTED_SECONDS if self.plan.measures_energy else 0.0
        self.pace.plan((seat.case, seat.seconds_left + metering) for seat in self.seats)

    def _set_up(self, case: Case, replicate: int, process: WorkerProcess) -> None:
        command = SetUp(
            case=case,
            seed=self.plan.seed + replicate,
            cache_directory=str(self.caches / str((*self.plan.cases, self.plan.reference).index(case))),
            timeout_seconds=self.timeouts.set_up_seconds,
        )
        try:
            ready = process.request(command, Ready)
            explored = process.request(Explore(timeout_seconds=self.timeouts.set_up_seconds), Explored)
        except WorkerError as error:
            self._give_up(case, replicate, process, "set-up", error)
            return
        self.seats.append(Seat(self.plan, case, replicate, process, ready, explored))
        self.pace.start_seat(ready.setup_seconds + ready.compile_seconds)
        self.journal(make_started(case, replicate, self.number, ready, explored))

    def _turns(self) -> Iterator[Seat]:
        """Return the live seats in random order."""
        return iter(self.random.sample(self.seats, len(self.seats)))

    def _train(self, seat: Seat, number: int) -> None:
        block = seat.blocks[number]
        self._show("training", seat.case, number, self.plan.num_rounds)
        restart = block.starts_training and number > 0
        done = self._run_block(seat, number, "train", block.num_epochs, restart=restart, repetition=block.repetition)
        if done is None:
            return
        try:
            seat.take_losses(block, done.epoch_losses)
        except WorkerError as error:
            self._leave(seat, "training", error)
            return
        if block.ends_training and block.repetition == 0:
            self._judge(seat)

    def _judge(self, seat: Seat) -> None:
        try:
            judged = seat.process.request(Judge(timeout_seconds=self.timeouts.judge_seconds), Judged)
        except WorkerError as error:
            self._leave(seat, "judging", error)
            return
        self.journal(make_trained(seat, self.number, judged))

    def _detail(self, seat: Seat, number: int) -> None:
        self._show("phases and inference", seat.case, number, self.plan.num_detail_rounds)
        for block in self.random.sample(seat.detail, len(seat.detail)):
            if self._run_block(seat, number, block.kind, block.amount, prefix=block.prefix) is None:
                return

    def _count(self, seat: Seat) -> None:
        """Count what a step calls: after all that is timed, so that no sample is lost where it fails."""
        try:
            counted = seat.process.request(CountCalls(timeout_seconds=self.timeouts.judge_seconds), CallsCounted)
        except WorkerError as error:
            self.journal(make_uncounted(seat, self.number, error.reason))
        else:
            self.journal(make_counted(seat, self.number, counted))

    def _run_block(
        self,
        seat: Seat,
        number: int,
        kind: BlockKind,
        amount: int,
        *,
        restart: bool = False,
        repetition: int = 0,
        prefix: str | None = None,
    ) -> BlockDone | None:
        """Give one seat the word and keep its sample; None when it failed and has left."""
        expected = amount * seat.unit_seconds[kind]
        timeout = self.timeouts.block_seconds + self.timeouts.block_factor * expected
        try:
            command = RunBlock(kind=kind, amount=amount, prefix=prefix, restart=restart, timeout_seconds=timeout)
            done = seat.process.request(command, BlockDone)
            seat.check_floor(kind, done)
        except WorkerError as error:
            self._leave(seat, kind, error)
            return None
        seat.seconds_left -= expected
        self.pace.tick(expected)
        self.journal(
            Block(
                case=seat.case.name,
                replicate=seat.replicate,
                wave=self.number,
                round=number,
                kind=kind,
                num_steps=done.num_steps,
                num_samples=done.num_samples,
                seconds=done.seconds,
                repetition=repetition,
                phase_seconds=done.phase_seconds,
                host_phase_seconds=done.host_phase_seconds,
                timer_seconds=done.timer_seconds,
                prefix=prefix,
            )
        )
        return done

    def _leave(self, seat: Seat, stage: str, error: WorkerError) -> None:
        self.seats.remove(seat)
        self.pace.drop(seat.seconds_left)
        self._give_up(seat.case, seat.replicate, seat.process, stage, error)

    def _give_up(self, case: Case, replicate: int, process: WorkerProcess, stage: str, error: WorkerError) -> None:
        """End a worker and write down why: its case alone is lost."""
        process.end()
        self.journal(
            Failed(
                case=case.name,
                replicate=replicate,
                wave=self.number,
                kind=error.kind,
                stage=stage,
                reason=as_text(error.reason),
                repeat_command=repeat_command(case, self.plan.seed + replicate, 1),
            )
        )

    def _show(self, stage: str, case: Case, number: int = 0, num_rounds: int = 0) -> None:
        self.on_progress(
            Progress(
                wave=self.number,
                num_waves=self.num_waves,
                stage=stage,
                round=number,
                num_rounds=num_rounds,
                case=case,
                share_done=self.pace.share_done,
                seconds_left=self.pace.seconds_left,
            )
        )
