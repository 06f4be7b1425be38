"""A sweep of scripted workers on a scripted clock: no process, no torch, no waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

import msgspec
import pytest

from bench.judge.crossing import Meeting
from bench.judge.itinerary import Visit
from bench.judge.sweep import judge_sweep
from bench.measure.messages import AnyCommand, BlockDone, Ready, Reply, RunBlock, SetUp
from bench.measure.process import WorkerError, WorkerProcess
from bench.measure.room import Room, find_room
from bench.measure.rounds import WORKER_BYTES
from bench.measure.sweep import SweepCourse
from bench.measure.sweep_pace import choose_num_epochs, choose_num_rounds, choose_warm_up, guess_seconds
from bench.records.case import Case, Shape
from bench.records.environment import Accelerator
from bench.records.sweep import Lost, StopReason, Sweep, SweepPlan, SweepRecord, Timed, assemble_sweep
from tests.bench.measure.fakes import ScriptedClock
from tests.bench.runs import ENVIRONMENT
from tests.bench.sweeps import make_info, make_own_plan, make_plan, make_timed

AnyReply = TypeVar("AnyReply", bound=Reply)
COSTS = {"eager": (100e-6, 100e-9), "reference": (300e-6, 50e-9)}
NO_LIMIT = Room({})


@dataclass
class Script:
    """What workers do, and what they were told."""

    clock: ScriptedClock = field(default_factory=ScriptedClock)
    told: list[tuple[Case, AnyCommand]] = field(default_factory=list)
    fails: Callable[[Case, AnyCommand], BaseException | None] = lambda case, command: None
    fails_to_load: Callable[[int], BaseException | None] = lambda number: None
    """Called with how many were asked to before."""
    num_loads: int = 0
    workers: list[ScriptedWorker] = field(default_factory=list)
    num_samples: Callable[[Case], int] = lambda case: (case.shape or Shape()).batch_size
    most_at_work: int = 0

    def count_at_work(self) -> None:
        self.most_at_work = max(self.most_at_work, sum(worker.command is not None for worker in self.workers))


class ScriptedWorker:
    """Takes the time that its case costs, and knows whether it was ended."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.is_ended = False
        self.case: Case | None = None
        self.command: AnyCommand | None = None

    def wait_until_loaded(self, _timeout_seconds: float) -> None:
        self.script.clock.pass_time(0.1)
        error = self.script.fails_to_load(self.script.num_loads)
        self.script.num_loads += 1
        if error is not None:
            raise error

    def request(self, command: AnyCommand, reply_type: type[AnyReply]) -> AnyReply:
        self.send(command)
        return self.receive(reply_type, 0.0)

    def send(self, command: AnyCommand) -> None:
        assert not self.is_ended, "it was ended before"
        self.command = command
        if isinstance(command, SetUp):
            self.case = command.case
            self.script.count_at_work()

    def has_word(self) -> bool:
        return True

    def receive(self, _reply_type: type[AnyReply], _timeout_seconds: float, _waited_seconds: float = 0.0) -> AnyReply:
        command, self.command = self.command, None
        assert self.case is not None
        assert command is not None
        self.script.told.append((self.case, command))
        error = self.script.fails(self.case, command)
        if error is not None:
            raise error
        return cast("AnyReply", self._answer(self.case, command))

    def _answer(self, case: Case, command: AnyCommand) -> Reply:
        fixed, each = COSTS.get(case.engine, COSTS["eager"])
        epoch_seconds = 10 * (fixed + each * (case.shape or Shape()).batch_size)
        num_samples = self.script.num_samples(case)
        if isinstance(command, SetUp):
            self.script.clock.pass_time(0.2 + 4 * epoch_seconds)
            return Ready(
                setup_seconds=0.1,
                compile_seconds=0.1,
                pilot_epoch_seconds=epoch_seconds,
                is_cold=True,
                first_step_seconds=None,
                num_steps_per_epoch=10,
                torch_version="2.13.0",
            )
        assert isinstance(command, RunBlock)
        self.script.clock.pass_time(command.amount * epoch_seconds)
        return BlockDone(
            num_steps=10 * command.amount,
            num_samples=10 * command.amount * num_samples,
            seconds=command.amount * epoch_seconds,
            epoch_losses=(0.5,),
        )

    def end(self) -> None:
        self.is_ended = True


def sit(
    script: Script,
    plan: SweepPlan,
    stored: Sweep | None = None,
    room: Room = NO_LIMIT,
    budget_seconds: float = 1_000.0,
    on_visit: Callable[[Visit, float], None] = lambda visit, left: None,
) -> tuple[StopReason, Sweep, list[SweepRecord]]:
    records: list[SweepRecord] = []

    def launch() -> WorkerProcess:
        script.workers.append(ScriptedWorker(script))
        return cast("WorkerProcess", script.workers[-1])

    course = SweepCourse(
        stored or Sweep(make_info(plan), (), (), None), launch, records.append, room, script.clock, budget_seconds
    )
    try:
        reason = course.run(script.clock(), on_visit)
    finally:
        assert all(worker.is_ended for worker in script.workers)
    return reason, course.sweep, records


PLAN = make_plan(("batch_size", (1, 100, 10_000)))


def test_it_finds_the_crossing_of_known_costs_to_ten_percent() -> None:
    reason, sweep, records = sit(Script(), PLAN)
    assert reason == "resolved"
    assert list(sweep.timed) == records
    (pairing,) = judge_sweep(sweep).pairings
    (crossing,) = pairing.encounter.crossings
    assert crossing.value == pytest.approx(4_000, rel=0.1)
    assert crossing.low < 4_000 < crossing.high <= 1.21 * crossing.low


def test_curves_of_a_point_take_turns_in_fresh_processes_from_the_same_start() -> None:
    script = Script()
    sit(script, make_plan(("batch_size", (100,)), num_visits=1))
    blocks = [case.engine for case, command in script.told if isinstance(command, RunBlock)]
    assert len(script.workers) == 2
    assert {tuple(sorted(blocks[start : start + 2])) for start in range(0, len(blocks), 2)} == {("eager", "reference")}
    assert all(command.restart for _, command in script.told if isinstance(command, RunBlock))
    assert sum(isinstance(command, SetUp) for _, command in script.told) == 2


def test_visits_are_prepared_together_two_workers_at_a_time_and_none_while_a_block_is_timed() -> None:
    script = Script()
    alone = make_plan(("batch_size", (1, 10, 100, 1_000)), num_visits=1, curves=PLAN.curves[:1])
    sit(script, alone)
    kinds = [isinstance(command, SetUp) for _, command in script.told]
    first, second = kinds.index(False), kinds.index(True, 1)
    assert first == 1, "nothing is known of how long visits take before the first"
    assert sum(kinds[second : second + 3]) == 3
    assert not any(kinds[second + 3 :])
    assert script.most_at_work == 2


def test_workers_of_several_threads_are_set_up_alone() -> None:
    script = Script()
    sit(script, make_plan(("threads", (2, 4)), num_visits=1))
    assert script.most_at_work == 1


@pytest.mark.parametrize(("num_bytes", "started"), [(1_200_000_000, [0, 2, 2]), (540_000_000, [0, 2, 4])])
def test_what_does_not_fit_beside_another_visit_is_visited_by_itself(num_bytes: int, started: list[int]) -> None:
    script = Script()
    seen: list[int] = []
    plan = make_plan(("batch_size", (1, 10, 100)), num_visits=1)
    sit(script, plan, room=Room({"cpu": num_bytes}), on_visit=lambda _visit, _left: seen.append(len(script.workers)))
    assert seen[:3] == started


def test_memory_that_runs_out_with_several_visits_alive_is_tried_again_with_one() -> None:
    script = Script()

    def fail(_case: Case, command: AnyCommand) -> BaseException | None:
        alive = sum(not worker.is_ended for worker in script.workers)
        is_crowded = alive > 2 and isinstance(command, SetUp)
        return WorkerError("killed", "ended by SIGKILL") if is_crowded else None

    script.fails = fail
    reason, sweep, _ = sit(script, PLAN)
    assert reason == "resolved"
    assert not sweep.lost
    assert {timed.values[0] for timed in sweep.timed} >= {1, 100, 10_000}


def test_what_processes_took_of_the_time_adds_up_to_it() -> None:
    script = Script()
    _, sweep, _ = sit(script, make_plan(("batch_size", (1, 10, 100, 1_000)), num_visits=1))
    assert sum(timed.wall_seconds for timed in sweep.timed) == pytest.approx(script.clock())


def test_what_is_too_large_by_estimate_is_never_started() -> None:
    script = Script()
    reason, sweep, _ = sit(script, PLAN, room=Room({"cpu": 540_000_000}))
    assert reason == "resolved"
    assert [(lost.curve, lost.values, lost.kind) for lost in sweep.lost] == [
        (0, (10_000,), "estimate"),
        (1, (10_000,), "estimate"),
    ]
    assert max((case.shape or Shape()).batch_size for case, _ in script.told) == 100


def test_a_users_own_workload_is_not_estimated_goes_on_and_is_compared_with_steps_of_its_size_alone() -> None:
    own = make_own_plan(("batch_size", (1, 10**9)))
    large = own.case_at(0, (10**9,))
    assert Room({"cpu": 3 * 10**8}).why_too_large(large, [large]) is None
    assert "at least" in (Room({"cpu": 10**8}).why_too_large(large, [large]) or "")
    assert Room({"cuda": 1}).why_too_large(msgspec.structs.replace(large, device="cuda"), [large]) is None

    script = Script(num_samples=lambda case: 64 if case.precision == "bf16" else 32)
    _, sweep, _ = sit(script, own)
    assert not any(command.restart for _, command in script.told if isinstance(command, RunBlock))
    assert {timed.curve for timed in sweep.timed} == {0}
    assert {timed.num_samples == 32 * timed.num_steps for timed in sweep.timed} == {True}
    assert {lost.reason for lost in sweep.lost} == {
        "its step takes 64 samples, that of the curve before it 32: they do other work"
    }


def test_memory_that_runs_out_costs_the_larger_points_of_that_curve_alone() -> None:
    def fail(case: Case, command: AnyCommand) -> BaseException | None:
        if case.engine == "eager" and (case.shape or Shape()).batch_size >= 100:
            return WorkerError("crashed", "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB")
        return None

    _, sweep, _ = sit(Script(fails=fail), PLAN)
    assert [(lost.curve, lost.values, lost.kind) for lost in sweep.lost] == [(0, (100,), "memory")]
    assert {timed.values[0] for timed in sweep.timed if timed.curve == 1} == {1, 100, 10_000}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WorkerError("killed", "ended by SIGKILL"), "memory"),
        (WorkerError("killed", "ended by SIGSEGV"), "failed"),
        (WorkerError("crashed", "ValueError: no such thing"), "failed"),
        (WorkerError("crashed", "RuntimeError: DefaultCPUAllocator: can't allocate memory"), "memory"),
        (WorkerError("unavailable", "no compiler"), "unavailable"),
    ],
)
def test_what_goes_wrong_is_sorted(error: WorkerError, kind: str) -> None:
    _, sweep, _ = sit(Script(fails=lambda case, _: error if case.engine == "eager" else None), PLAN)
    assert {lost.kind for lost in sweep.lost} == {kind}
    assert {timed.curve for timed in sweep.timed} == {1}


def test_one_that_falls_in_the_middle_leaves_the_others_samples() -> None:
    blocks: list[Case] = []

    def fail(case: Case, command: AnyCommand) -> BaseException | None:
        blocks.extend([case] * (isinstance(command, RunBlock) and case.engine == "eager"))
        return WorkerError("crashed", "out of luck") if len(blocks) == 3 and case.engine == "eager" else None

    _, sweep, _ = sit(Script(fails=fail), make_plan(("batch_size", (100,)), num_visits=1))
    assert [(timed.curve, len(timed.seconds)) for timed in sweep.timed] == [(1, 32)]
    assert [lost.reason for lost in sweep.lost] == ["out of luck"]


def test_the_budget_is_kept_and_what_it_left_out_is_known() -> None:
    script = Script()
    reason, sweep, _ = sit(script, make_plan(("batch_size", (1, 100, 10_000, 1_000_000))), budget_seconds=12.0)
    assert reason == "budget"
    assert script.clock() <= 12.0
    assert (0, (1_000_000,)) in judge_sweep(sweep).not_reached


@pytest.mark.parametrize("num_visits", [1, 2])
def test_two_points_are_visited_until_something_can_be_said(num_visits: int) -> None:
    reason, sweep, _ = sit(Script(), make_plan(("batch_size", (1, 100)), num_visits=num_visits))
    assert reason == "resolved"
    (pairing,) = judge_sweep(sweep).pairings
    assert pairing.encounter.meeting is Meeting.NOT_WITHIN


@pytest.mark.parametrize("name", ["replicas", "hidden", "batch_size", "num_samples"])
def test_a_larger_point_is_guessed_to_take_longer_along_every_axis(name: str) -> None:
    timed = msgspec.structs.replace(make_timed(values=(100,)), epoch_seconds=0.2)
    sweep = assemble_sweep(make_info(make_plan((name, (100, 1_000)))), [timed])
    assert guess_seconds(sweep, [(0, (1_000,))]) > 5 * guess_seconds(sweep, [(0, (100,))])


def test_a_sweep_that_was_stopped_goes_on_where_it_was() -> None:
    script = Script()
    seen = 0

    def stop(_visit: Visit, _left: float) -> None:
        nonlocal seen
        seen += 1
        if seen == 5:
            raise KeyboardInterrupt

    records: list[SweepRecord] = []
    course = SweepCourse(
        Sweep(make_info(PLAN), (), (), None),
        lambda: cast("WorkerProcess", ScriptedWorker(script)),
        records.append,
        NO_LIMIT,
        script.clock,
        1_000.0,
    )
    with pytest.raises(KeyboardInterrupt):
        course.run(0.0, stop)
    timed = tuple(record for record in records if isinstance(record, Timed))
    assert len(timed) == 8
    _, sweep, later = sit(Script(), PLAN, stored=Sweep(make_info(PLAN), timed, (), None))
    _, whole, _ = sit(Script(), PLAN)
    assert sorted((each.curve, each.values) for each in sweep.timed) == sorted(
        (each.curve, each.values) for each in whole.timed
    )
    assert {each.visit for each in timed}.isdisjoint({each.visit for each in later if isinstance(each, Timed)})


def test_no_process_is_left_when_it_is_interrupted() -> None:
    script = Script(fails=lambda _, command: KeyboardInterrupt() if isinstance(command, RunBlock) else None)
    with pytest.raises(KeyboardInterrupt):
        sit(script, PLAN)  # which checks it
    assert len(script.workers) == 2


def test_no_process_is_left_when_it_is_interrupted_while_workers_load() -> None:
    script = Script(fails_to_load=lambda number: KeyboardInterrupt() if number == 1 else None)
    with pytest.raises(KeyboardInterrupt):
        sit(script, PLAN)  # which checks it
    assert len(script.workers) == 2


def test_a_worker_that_does_not_load_loses_its_point_of_its_curve_alone() -> None:
    fault = WorkerError("crashed", "no such module")
    _, sweep, _ = sit(Script(fails_to_load=lambda number: fault if number == 1 else None), PLAN)
    ((curve, values, reason),) = ((each.curve, each.values, each.reason) for each in sweep.lost)
    assert (curve, reason) == (1, "no such module")
    assert {each.curve for each in sweep.timed if each.values == values} == {0}
    assert {each.curve for each in sweep.timed if each.values != values} == {0, 1}


def test_thread_counts_take_turns_and_the_best_is_named() -> None:
    plan = make_plan(("threads", (1, 2)), num_visits=4)
    reason, sweep, _ = sit(Script(), plan)
    assert reason == "resolved"
    assert {len({each.values for each in sweep.timed if each.visit == visit}) for visit in range(4)} == {2}
    result = judge_sweep(sweep)
    assert all(curve.best is not None and curve.law is None for curve in result.curves)
    assert result.pairings[0].encounter.meeting is Meeting.NOT_WITHIN


def test_long_blocks_make_fewer_rounds_and_short_epochs_longer_blocks() -> None:
    assert choose_num_epochs(0.005) == 2
    assert choose_num_epochs(3.0) == 1
    assert choose_num_rounds([0.01, 0.012]) == 32
    assert choose_num_rounds([0.01, 0.1]) == 5
    assert choose_num_rounds([60.0]) == 2
    assert [choose_warm_up(seconds) for seconds in (0.005, 0.04, 0.06)] == [1, 1, 0]


def test_room_is_what_the_machine_has_left_or_grants() -> None:
    recorded = msgspec.structs.replace(ENVIRONMENT.recorded, memory_available_bytes=8, memory_limit_bytes=4)
    assert find_room(msgspec.structs.replace(ENVIRONMENT, recorded=recorded)).bytes_of == {"cpu": 4}
    assert find_room(None).bytes_of == {}


def test_too_large_is_said_in_numbers_and_counts_what_is_alive_beside_it() -> None:
    large = msgspec.structs.replace(PLAN.curves[0], shape=Shape(batch_size=10**6, num_samples=10**7))
    room = Room({"cpu": 10**9})
    assert room.why_too_large(large, [large]) is None
    reason = room.why_too_large(large, [large, large])
    assert reason is not None
    assert "1.6 GB" in reason
    assert "1.0 GB on cpu" in reason


def test_replicas_take_no_held_out_samples_where_nothing_is_judged() -> None:
    """Measured: 1,000 of the recipe take 67 MB more than one."""
    one = PLAN.curves[0]
    many = msgspec.structs.replace(one, num_replicas=1_000)
    room = Room({"cpu": WORKER_BYTES // 4 + 67_000_000})
    assert room.why_too_large(many, [many]) is None
    assert Room({"cpu": WORKER_BYTES // 4 + 40_000_000}).why_too_large(many, [many]) is not None


def test_a_card_holds_what_was_moved_there_and_the_host_what_was_drawn() -> None:
    shape = Shape(batch_size=10**6, num_samples=10**7)
    on_card = msgspec.structs.replace(PLAN.curves[0], device="cuda", shape=shape)
    by_loader = msgspec.structs.replace(on_card, batching="dataloader")
    on_host = msgspec.structs.replace(on_card, device="cpu")
    card, host = Room({"cuda": 10**8}), Room({"cpu": 10**8})
    assert "0.3 GB at least; there are 0.1 GB on cuda" in (card.why_too_large(on_card, [on_card]) or "")
    assert card.why_too_large(by_loader, [by_loader]) is None
    assert card.why_too_large(on_host, [on_host]) is None
    assert "0.2 GB at least; there are 0.1 GB on cpu" in (host.why_too_large(on_card, [on_card]) or "")


def test_replicas_count_by_what_each_holds_and_are_judged_one_after_another() -> None:
    many = msgspec.structs.replace(PLAN.curves[0], num_replicas=10_000)
    # 13.5 KB of network and 44 KB of samples each, and once the 240 KB that one is judged by.
    assert Room({"cpu": 10**9}).why_too_large(many, [many]) is None
    assert "at least; there are 0.5 GB on cpu" in (Room({"cpu": 5 * 10**8}).why_too_large(many, [many]) or "")


def test_of_a_card_what_is_free_counts_and_all_of_it_where_that_is_not_known() -> None:
    cards = tuple(Accelerator(name=name, model_name="x", memory_bytes=80) for name in ("cuda", "cuda:1"))
    identity = msgspec.structs.replace(ENVIRONMENT.identity, accelerators=cards)
    recorded = msgspec.structs.replace(ENVIRONMENT.recorded, memory_available_bytes=8, memory_limit_bytes=None)
    environment = msgspec.structs.replace(ENVIRONMENT, identity=identity, recorded=recorded)
    assert find_room(environment, {"cuda": 70}).bytes_of == {"cuda": 70, "cuda:1": 80, "cpu": 8}


def test_lost_points_rule_out_what_is_larger_on_every_axis() -> None:
    lost = Lost(curve=0, values=(100, 64), kind="memory", reason="")
    assert lost.rules_out(0, (100, 64))
    assert lost.rules_out(0, (1_000, 64))
    assert not lost.rules_out(0, (1_000, 16))
    assert not lost.rules_out(1, (1_000, 64))
    assert make_timed().values == (1,)
