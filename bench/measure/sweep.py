"""Sweeping: visits of fresh processes that take turns in short, warmed blocks, until crossings or the budget end it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal

from bench.judge.itinerary import Member, Visit, choose_visits, list_groups, without_lost
from bench.measure.caches import open_caches
from bench.measure.clock import Clock
from bench.measure.crew import load_each, request_each
from bench.measure.messages import Ready, SetUp
from bench.measure.process import WorkerError, WorkerProcess
from bench.measure.room import Room
from bench.measure.sweep_pace import choose_num_rounds, guess_seconds
from bench.measure.sweep_seat import SweepSeat
from bench.measure.timeouts import DEFAULT_TIMEOUTS, Timeouts
from bench.records.journal import as_text
from bench.records.sweep import Lost, StopReason, Sweep, SweepRecord, Timed, Values
from productnet.memory import tells_of_memory

MAX_AT_ONCE = 2
"""Workers that are set up at the same time: compiling takes most of a sweep, and one core each."""


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
        self._num_together = 1
        """Visits that are prepared."""
        self._has_run_short = False
        """Of memory, with several visits alive: whose fault that was can't be told, so they are made one by one."""

    def run(self, started: float, on_visit: Callable[[Visit, float], None]) -> StopReason:
        """Visit after visit; no process is left when it returns or raises.

        Args:
            started: the clock's reading when the user began to wait.
            on_visit: called before each visit with the seconds that are left.
        """
        self._leave_out_what_does_not_fit()
        has_passed_over = False

        def may_go(visits: Sequence[Visit]) -> bool:
            nonlocal has_passed_over
            members = _list_members(visits)
            is_affordable = guess_seconds(self.sweep, members) <= self.budget_seconds - (self.clock() - started)
            has_passed_over = has_passed_over or not is_affordable
            return is_affordable and (len(visits) == 1 or self._may_be_alive(members))

        with open_caches() as caches:
            while True:
                has_passed_over = False
                visits = choose_visits(self.sweep, may_go)
                if not visits:
                    return "budget" if has_passed_over else "resolved"
                if not self._has_room(visits[0]):
                    continue
                for visit in visits:
                    on_visit(visit, self.budget_seconds - (self.clock() - started))
                try:
                    self._go(visits, caches)
                finally:
                    for process in self._processes:
                        process.end()
                    self._processes.clear()

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
        too_large = self._list_too_large(visit.members)
        for (curve, values), reason in too_large.items():
            self._keep(Lost(curve=curve, values=values, kind="estimate", reason=reason))
        return not too_large

    def _may_be_alive(self, members: Sequence[Member]) -> bool:
        """Say whether the workers of several visits may be, once something is known of how long visits take."""
        return bool(self.sweep.timed) and not self._has_run_short and not self._list_too_large(members)

    def _list_too_large(self, members: Sequence[Member]) -> dict[Member, str]:
        """List what can't fit beside the others, with the reason."""
        cases = {member: self.sweep.info.plan.case_at(*member) for member in members}
        reasons = {member: self.room.why_too_large(case, list(cases.values())) for member, case in cases.items()}
        return {member: reason for member, reason in reasons.items() if reason is not None}

    def _go(self, visits: Sequence[Visit], caches: Path) -> None:
        """Make visits: start all that they need, then one after the other."""
        self._num_together = len(visits)
        seats = self._take_seats(_list_members(visits), caches)
        for visit in visits:
            self._take_turns([seats[member] for member in visit.members if member in seats])
            self._number += 1

    def _take_turns(self, seats: list[SweepSeat]) -> None:
        """Let the workers of a visit take turns, and keep what they have timed."""
        # A workload of a user's own goes on (all curves are such, or none): made anew it might compile anew.
        restart = self.sweep.info.plan.curves[0].workload is None
        for _ in range(choose_num_rounds([seat.block_seconds for seat in seats])):
            for seat in self._random.sample(seats, len(seats)):
                try:
                    seat.run_block(self.timeouts, self.clock, restart=restart)
                except WorkerError as error:
                    seats.remove(seat)
                    self._lose(seat.member, seat.process, error)
        for seat in self._with_equal_work(seats):
            self._keep(seat.report(self._number))

    def _with_equal_work(self, seats: Sequence[SweepSeat]) -> Iterator[SweepSeat]:
        """Leave out what takes another number of samples a step than the first of its point: nothing compares them."""
        firsts: dict[Values, SweepSeat] = {}
        for seat in seats:
            first = firsts.setdefault(seat.member[1], seat)
            ours, theirs = (Fraction(each.num_samples, each.num_steps) for each in (seat, first))
            if ours == theirs:
                yield seat
            else:
                reason = f"its step takes {ours} samples, that of the curve before it {theirs}: they do other work"
                self._lose(seat.member, seat.process, WorkerError("rubbish", reason))

    def _take_seats(self, members: Sequence[Member], caches: Path) -> dict[Member, SweepSeat]:
        """Load a worker for each, then set them all up; who falls is lost."""
        started = self.clock()
        loaded: list[tuple[Member, WorkerProcess]] = []

        def start(_number: int) -> WorkerProcess:
            self._processes.append(self.launch())
            return self._processes[-1]

        for number, process, fault in load_each(start, len(members), self.timeouts.load_seconds):
            if fault is None:
                loaded.append((members[number], process))
            else:
                self._lose(members[number], process, fault)
        load_seconds = (self.clock() - started) / len(members)
        return self._set_up(loaded, load_seconds, caches)

    def _set_up(
        self, loaded: Sequence[tuple[Member, WorkerProcess]], load_seconds: float, caches: Path
    ) -> dict[Member, SweepSeat]:
        """Set up workers, two at a time unless they take more than a thread each: their pilots would be in the way."""
        plan = self.sweep.info.plan
        requests = [
            (
                process,
                SetUp(
                    case=plan.case_at(*member),
                    seed=plan.seed,
                    cache_directory=self._caches.setdefault(member, str(caches / str(len(self._caches)))),
                    timeout_seconds=self.timeouts.set_up_seconds,
                ),
            )
            for member, process in loaded
        ]
        at_once = MAX_AT_ONCE if all(command.case.num_threads == 1 for _, command in requests) else 1
        seats = {}
        started, worked_seconds = self.clock(), 0.0
        for number, answer, seconds in request_each(requests, Ready, at_once, self.clock):
            member, process = loaded[number]
            worked_seconds += seconds
            if isinstance(answer, WorkerError):
                self._lose(member, process, answer)
            else:
                seats[member] = SweepSeat(member, process, answer, seconds)
        overlap = worked_seconds / (self.clock() - started) if seats else 1.0
        for seat in seats.values():
            seat.wall_seconds = load_seconds + seat.wall_seconds / overlap
        return seats

    def _lose(self, member: Member, process: WorkerProcess, error: WorkerError) -> None:
        """End a worker and write down why, unless it follows from what is written, or may fit by itself."""
        process.end()
        (curve, values), kind = member, _kind_of(error)
        if kind == "memory" and self._num_together > 1:
            self._has_run_short = True
        elif not any(lost.rules_out(curve, values) for lost in self.sweep.lost):
            self._keep(Lost(curve=curve, values=values, kind=kind, reason=as_text(error.reason)))


def _list_members(visits: Sequence[Visit]) -> list[Member]:
    return [member for visit in visits for member in visit.members]


def _kind_of(error: WorkerError) -> Literal["memory", "unavailable", "failed"]:
    """Sort what went wrong; a system that has no memory left kills."""
    if tells_of_memory(error.reason) or (error.kind == "killed" and "SIGKILL" in error.reason):
        return "memory"
    return "unavailable" if error.kind == "unavailable" else "failed"
