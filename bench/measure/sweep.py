"""Sweeping: visits of fresh processes that take turns in short, warmed blocks, until crossings or the budget end it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

from bench.judge.itinerary import Member, Visit, choose_visit, list_groups, without_lost
from bench.measure.caches import open_caches
from bench.measure.clock import Clock
from bench.measure.messages import BlockDone, Ready, RunBlock, SetUp
from bench.measure.process import WorkerError, WorkerProcess
from bench.measure.room import Room
from bench.measure.sweep_pace import choose_num_epochs, choose_num_rounds, guess_seconds
from bench.measure.timeouts import DEFAULT_TIMEOUTS, Timeouts
from bench.records.journal import as_text
from bench.records.sweep import Lost, StopReason, Sweep, SweepRecord, Timed, Values
from productnet.memory import tells_of_memory

MAX_LOADING = 2
"""Interpreters that import torch at the same time."""


@dataclass(slots=True)
class _Seat:
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


class SweepCourse:
    """A sitting of a sweep.

    Args:
        sweep: what earlier sittings have left.
        launch: starts a worker.
        journal: called with each record as it happens.
        room: what memory there is.
        clock: for the budget, never for a sample.
        budget_seconds: of this sitting.
    """

    def __init__(
        self,
        sweep: Sweep,
        launch: Callable[[], WorkerProcess],
        journal: Callable[[SweepRecord], None],
        room: Room,
        clock: Clock,
        budget_seconds: float,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self.sweep = sweep
        self.launch = launch
        self.room = room
        self.clock = clock
        self.budget_seconds = budget_seconds
        self.timeouts = timeouts
        self._journal = journal
        self._number = max((timed.visit for timed in sweep.timed), default=-1) + 1
        # The order of turns is no secret.
        self._random = random.Random(f"{sweep.info.plan.seed} {self._number}")  # noqa: S311
        self._processes: list[WorkerProcess] = []
        self._caches: dict[Member, str] = {}

    def run(self, started: float, on_visit: Callable[[Visit, float], None]) -> StopReason:
        """Visit after visit; no process is left when it returns or raises.

        Args:
            started: the clock's reading when the user began to wait.
            on_visit: called before each visit with the seconds that are left.
        """
        self._leave_out_what_does_not_fit()
        has_passed_over = False

        def may_go(visit: Visit) -> bool:
            nonlocal has_passed_over
            left = self.budget_seconds - (self.clock() - started)
            is_affordable = guess_seconds(self.sweep, visit.members) <= left
            has_passed_over = has_passed_over or not is_affordable
            return is_affordable

        with open_caches() as caches:
            while True:
                has_passed_over = False
                visit = choose_visit(self.sweep, may_go)
                if visit is None:
                    return "budget" if has_passed_over else "resolved"
                if not self._has_room(visit):
                    continue
                on_visit(visit, self.budget_seconds - (self.clock() - started))
                try:
                    self._go(visit, caches)
                finally:
                    for process in self._processes:
                        process.end()
                    self._processes.clear()
                self._number += 1

    def _keep(self, record: Timed | Lost) -> None:
        """Write a record down, and go on from it."""
        self._journal(record)
        sweep = self.sweep
        timed = (*sweep.timed, record) if isinstance(record, Timed) else sweep.timed
        lost = (*sweep.lost, record) if isinstance(record, Lost) else sweep.lost
        self.sweep = Sweep(sweep.info, timed, lost, None, sweep.warnings)

    def _leave_out_what_does_not_fit(self) -> None:
        for group in list_groups(self.sweep.info.plan):
            self._has_room(Visit(without_lost(group, self.sweep)))

    def _has_room(self, visit: Visit) -> bool:
        """Leave out what of a visit can't fit by what it takes at least; returns whether all of it can."""
        has_room = True
        cases = {member: self.sweep.info.plan.case_at(*member) for member in visit.members}
        for member, case in cases.items():
            reason = self.room.why_too_large(case, list(cases.values()))
            if reason is not None:
                has_room = False
                self._keep(Lost(curve=member[0], values=member[1], kind="estimate", reason=reason))
        return has_room

    def _go(self, visit: Visit, caches: Path) -> None:
        """Make one visit: start all, let them take turns, keep what they have timed."""
        seats = self._take_seats(visit, caches)
        for _ in range(choose_num_rounds([seat.num_epochs * seat.ready.pilot_epoch_seconds for seat in seats])):
            for seat in self._random.sample(seats, len(seats)):
                try:
                    self._run_block(seat)
                except WorkerError as error:
                    seats.remove(seat)
                    self._lose(seat.member, seat.process, error)
        for seat in self._with_equal_work(seats):
            curve, values = seat.member
            self._keep(
                Timed(
                    visit=self._number,
                    curve=curve,
                    values=values,
                    num_steps=seat.num_steps,
                    num_samples=seat.num_samples,
                    seconds=tuple(seat.seconds),
                    epoch_seconds=seat.ready.pilot_epoch_seconds,
                    wall_seconds=seat.wall_seconds,
                )
            )

    def _with_equal_work(self, seats: Sequence[_Seat]) -> Iterator[_Seat]:
        """Leave out what takes another number of samples a step than the first of its point: nothing compares them."""
        firsts: dict[Values, _Seat] = {}
        for seat in seats:
            first = firsts.setdefault(seat.member[1], seat)
            ours, theirs = (Fraction(each.num_samples, each.num_steps) for each in (seat, first))
            if ours == theirs:
                yield seat
            else:
                reason = f"its step takes {ours} samples, that of the curve before it {theirs}: they do other work"
                self._lose(seat.member, seat.process, WorkerError("rubbish", reason))

    def _take_seats(self, visit: Visit, caches: Path) -> list[_Seat]:
        """Load workers two at a time; then set them up one at a time."""
        loaded: list[tuple[Member, WorkerProcess]] = []
        started = self.clock()
        for start in range(0, len(visit.members), MAX_LOADING):
            loading = []
            for member in visit.members[start : start + MAX_LOADING]:
                process = self.launch()
                self._processes.append(process)
                loading.append((member, process))
            for member, process in loading:
                try:
                    process.wait_until_loaded(self.timeouts.load_seconds)
                    loaded.append((member, process))
                except WorkerError as error:
                    self._lose(member, process, error)
        load_seconds = (self.clock() - started) / len(visit.members)
        seats = []
        for member, process in loaded:
            try:
                seats.append(self._set_up(member, process, load_seconds, caches))
            except WorkerError as error:
                self._lose(member, process, error)
        return seats

    def _set_up(self, member: Member, process: WorkerProcess, load_seconds: float, caches: Path) -> _Seat:
        directory = self._caches.setdefault(member, str(caches / str(len(self._caches))))
        command = SetUp(
            case=self.sweep.info.plan.case_at(*member),
            seed=self.sweep.info.plan.seed,
            cache_directory=directory,
            timeout_seconds=self.timeouts.set_up_seconds,
        )
        started = self.clock()
        ready = process.request(command, Ready)
        return _Seat(member, process, ready, load_seconds + self.clock() - started)

    def _run_block(self, seat: _Seat) -> None:
        """Time one block: the same first steps of a training in every round, some of them warmed up with.

        A workload of a user's own goes on: all of its steps do the same, and made anew it might compile anew.
        """
        started = self.clock()
        is_own = self.sweep.info.plan.curves[seat.member[0]].workload is not None
        expected = seat.num_epochs * seat.ready.pilot_epoch_seconds
        done = seat.process.request(
            RunBlock(
                kind="train",
                amount=seat.num_epochs,
                restart=not is_own,
                warm_up=int(seat.num_epochs > 1),
                timeout_seconds=self.timeouts.block_seconds + self.timeouts.block_factor * expected,
            ),
            BlockDone,
        )
        seat.num_steps, seat.num_samples = done.num_steps, done.num_samples
        seat.seconds.append(done.seconds)
        seat.wall_seconds += self.clock() - started

    def _lose(self, member: Member, process: WorkerProcess, error: WorkerError) -> None:
        """End a worker and write down why."""
        process.end()
        curve, values = member
        self._keep(Lost(curve=curve, values=values, kind=_kind_of(error), reason=as_text(error.reason)))


def _kind_of(error: WorkerError) -> Literal["memory", "unavailable", "failed"]:
    """Sort what went wrong; a system that has no memory left kills."""
    if tells_of_memory(error.reason) or (error.kind == "killed" and "SIGKILL" in error.reason):
        return "memory"
    return "unavailable" if error.kind == "unavailable" else "failed"
