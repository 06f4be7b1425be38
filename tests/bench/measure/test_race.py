"""A race of scripted workers on a scripted clock: no process, no torch, no waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar, cast

import msgspec
import pytest

from bench.judge.race import LOOKS
from bench.measure.disturbances import Look
from bench.measure.messages import AnyCommand, BlockDone, Judge, Judged, Ready, Reply, RunBlock, SetUp
from bench.measure.process import FailureKind, WorkerError, WorkerProcess
from bench.measure.race import RaceCourse, Standing
from bench.measure.timeouts import Timeouts
from bench.records.case import Shape
from bench.records.journal import Memory, Trained
from bench.records.race import Fallen, RacePlan, RaceRecord, Round, Seated, Source, StopReason
from tests.bench.measure.fakes import ScriptedClock
from tests.bench.races import ARMS, THIRD, make_plan
from tests.bench.runs import LEARNED

AnyReply = TypeVar("AnyReply", bound=Reply)
CALM = Look(None, None, None, None, ())
PILOT_SECONDS = 0.02
NUM_ROUNDS = 12
"""Of a pair: an epoch of 2 steps takes 0.02 s, so that a round takes 0.64 s, and twelve are the fewest."""


@dataclass
class Script:
    """What workers do, and what they were told, in its order."""

    clock: ScriptedClock = field(default_factory=ScriptedClock)
    told: list[tuple[int, int, AnyCommand]] = field(default_factory=list)
    """Pair, arm and command."""
    seconds: Callable[[int, int, int], float] = lambda pair, arm, block: 0.5
    """Pair, arm and number of the block -> what it takes."""
    pilot_seconds: Callable[[int], float] = lambda pair: PILOT_SECONDS
    num_steps: Sequence[int] = (26, 26, 26)
    num_samples: Sequence[int] = (260, 260, 260)
    can_take_laps: Sequence[bool] = (False, False, False)
    num_laps: int = 26
    losses: Callable[[int, int], tuple[float | None, ...]] = lambda arm, seed: (0.5, 0.25)
    fails: Callable[[int, int, AnyCommand | None], BaseException | None] = lambda pair, arm, command: None
    """Pair, arm and command, None for loading -> what goes wrong."""
    workers: list[ScriptedWorker] = field(default_factory=list)


class ScriptedWorker:
    """Does what the script says, and knows whether it was ended."""

    def __init__(self, script: Script, pair: int, arm: int) -> None:
        self.script, self.pair, self.arm = script, pair, arm
        self.num_ends = 0
        self.num_blocks = 0
        self.seed = 0

    def wait_until_loaded(self, _timeout_seconds: float) -> None:
        self._go_wrong(None)

    def request(self, command: AnyCommand, _reply_type: type[AnyReply]) -> AnyReply:
        assert self.num_ends == 0, "it was ended before"
        self.script.told.append((self.pair, self.arm, command))
        self._go_wrong(command)
        return cast("AnyReply", self._answer(command))

    def end(self) -> None:
        self.num_ends += 1

    def _go_wrong(self, command: AnyCommand | None) -> None:
        error = self.script.fails(self.pair, self.arm, command)
        if error is not None:
            raise error

    def _answer(self, command: AnyCommand) -> Reply:
        match command:
            case SetUp():
                self.seed = command.seed
                return Ready(
                    setup_seconds=0.25,
                    compile_seconds=0.5,
                    pilot_epoch_seconds=self.script.pilot_seconds(self.pair),
                    is_cold=False,
                    first_step_seconds=None,
                    num_steps_per_epoch=2,
                    can_take_laps=self.script.can_take_laps[self.arm],
                    torch_version="2.13.0",
                )
            case RunBlock():
                seconds = self.script.seconds(self.pair, self.arm, self.num_blocks)
                self.num_blocks += 1
                self.script.clock.pass_time(seconds)
                return BlockDone(
                    num_steps=self.script.num_steps[self.arm],
                    num_samples=self.script.num_samples[self.arm],
                    seconds=seconds,
                    epoch_losses=self.script.losses(self.arm, self.seed),
                    laps=(((self.arm + 1,) * self.script.num_laps,) if command.takes_laps else ()),
                )
            case _:
                return Judged(
                    digest=f"seed {self.seed}", training_accuracy=LEARNED, heldout_accuracy=LEARNED, memory=Memory()
                )


class Course:
    """A race of scripted workers."""

    def __init__(
        self,
        script: Script,
        plan: RacePlan | None = None,
        look: Callable[[object], Look] = lambda _cores: CALM,
        core_sets: Sequence[tuple[int, ...]] = (),
    ) -> None:
        self.script = script
        self.plan = plan or make_plan(budget_seconds=1e6)
        self.journal: list[RaceRecord] = []
        self.standings: list[Standing] = []
        self.num_alive: list[int] = []
        self.race = RaceCourse(
            self.plan, self.launch, self.journal.append, look, script.clock, core_sets, Timeouts(block_seconds=7.0)
        )

    def launch(self, pair: int) -> list[WorkerProcess]:
        workers = [ScriptedWorker(self.script, pair, arm) for arm in range(len(self.plan.arms))]
        self.script.workers += workers
        self.num_alive.append(sum(not each.num_ends for each in self.script.workers))
        return cast("list[WorkerProcess]", workers)

    def run(self) -> StopReason:
        return self.race.run(0.0, self.standings.append)

    def of(self, kind: type[AnyRecord]) -> list[AnyRecord]:
        return [each for each in self.journal if isinstance(each, kind)]

    def assert_all_ended(self) -> None:
        assert self.script.workers
        assert all(each.num_ends == 1 for each in self.script.workers)


AnyRecord = TypeVar("AnyRecord", Seated, Round, Fallen, Trained)


def blocks(script: Script, pair: int) -> list[int]:
    """Return the arms of a pair's blocks, in the order in which they ran."""
    return [arm for number, arm, command in script.told if number == pair and isinstance(command, RunBlock)]


# In order.


def test_rounds_run_the_arms_in_their_order_and_in_reverse_in_turn_and_say_which() -> None:
    course = Course(Script())
    assert course.run() == "resolved"
    first_arms = set()
    for pair in range(4):
        ran = blocks(course.script, pair)
        rounds = [ran[start : start + 2] for start in range(0, len(ran), 2)]
        assert len(rounds) == NUM_ROUNDS
        assert all(each == other[::-1] for each, other in pairwise(rounds))
        recorded = [each for each in course.of(Round) if each.pair == pair]
        assert [each.is_reversed for each in recorded] == [each == [1, 0] for each in rounds]
        assert [each.round for each in recorded] == list(range(NUM_ROUNDS))
        first_arms.add(ran[0])
    assert first_arms == {0, 1}, "chance must choose which comes first"


def test_each_other_arm_runs_in_couples_with_the_first_so_that_none_comes_after_a_switch_more_often() -> None:
    course = Course(Script(), make_plan(*ARMS, THIRD, budget_seconds=1e6))
    course.run()
    ran = blocks(course.script, 0)
    assert sorted([ran[:4], ran[4:8]]) == [[0, 1, 0, 2], [1, 0, 2, 0]]
    recorded = [each for each in course.of(Round) if each.pair == 0]
    assert [(each.round, each.arm) for each in recorded[:4]] == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert [each.is_reversed for each in recorded[:4]] == [ran[0] == 1] * 2 + [ran[0] != 1] * 2


def test_times_are_kept_in_the_order_of_the_arms_whichever_ran_first() -> None:
    course = Course(Script(seconds=lambda pair, arm, block: (0.5, 0.75)[arm]))
    assert course.run() == "resolved"
    assert {each.seconds for each in course.of(Round)} == {(0.5, 0.75)}


def test_laps_are_taken_where_every_arm_can_and_of_none_where_one_can_not() -> None:
    both = Course(Script(can_take_laps=(True, True)))
    both.run()
    assert {each.laps for each in both.of(Round)} == {(((1,) * 26,), ((2,) * 26,))}
    one = Course(Script(can_take_laps=(True, False)))
    one.run()
    assert {each.laps for each in one.of(Round)} == {None}
    assert not any(command.takes_laps for _, _, command in one.script.told if isinstance(command, RunBlock))


@pytest.mark.parametrize("num_laps", [0, 25])
def test_laps_of_other_than_the_steps_of_a_block_are_rubbish(num_laps: int) -> None:
    course = Course(Script(can_take_laps=(True, True), num_laps=num_laps))
    assert course.run() == "failed"
    (fallen,) = course.of(Fallen)
    assert (fallen.kind, fallen.reason) == ("rubbish", "its block of 26 steps has other laps")


def test_a_pair_in_a_storm_runs_fewer_rounds_in_its_time_and_the_next_pair_as_many_as_ever() -> None:
    script = Script(seconds=lambda pair, arm, block: 0.1 if pair == 0 else 0.03, pilot_seconds=lambda pair: 0.0001)
    course = Course(script)
    course.run()
    counts = [sum(each.pair == pair for each in course.of(Round)) for pair in range(4)]
    assert counts == [12, 34, 34, 34]


def test_the_seed_of_the_plan_decides_which_arm_comes_first() -> None:
    def order(seed: int) -> list[bool]:
        course = Course(Script(seconds=lambda pair, arm, block: 0.5 + 0.01 * arm * pair), make_plan(seed=seed))
        course.run()
        return [each.is_reversed for each in course.of(Round) if each.round == 0]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_every_block_has_the_same_length_is_warmed_up_and_has_its_time_out() -> None:
    course = Course(Script())
    course.run()
    commands = {command for _, _, command in course.script.told if isinstance(command, RunBlock)}
    assert commands == {
        RunBlock(kind="train", amount=10, warm_up=3, timeout_seconds=7.0 + 20.0 * 10 * PILOT_SECONDS),
    }


def test_the_pace_of_the_first_pair_is_that_of_all() -> None:
    script = Script(pilot_seconds=lambda pair: PILOT_SECONDS if pair == 0 else PILOT_SECONDS / 1_000)
    Course(script).run()
    assert {command.amount for _, _, command in script.told if isinstance(command, RunBlock)} == {10}


def test_everything_is_journalled_in_the_order_in_which_it_happened() -> None:
    course = Course(Script(), core_sets=[(0,), (1,)])
    course.run()
    kinds = ["Seated"] * 2 + ["Round"] * NUM_ROUNDS
    expected = [(kind, pair) for pair in range(4) for kind in kinds]
    assert [(type(each).__name__, each.pair) for each in course.journal] == expected  # type: ignore[union-attr]
    assert [(each.arm, each.torch_version) for each in course.of(Seated)] == [(0, "2.13.0"), (1, "2.13.0")] * 4
    assert course.race.rounds == course.of(Round)


def test_all_arms_of_a_pair_share_one_set_of_cores_and_pairs_rotate_over_the_sets() -> None:
    course = Course(Script(), core_sets=[(0, 1), (2, 3), (4, 5)])
    course.run()
    told = [command.cores for _, _, command in course.script.told if isinstance(command, SetUp)]
    assert told == [(0, 1), (0, 1), (2, 3), (2, 3), (4, 5), (4, 5), (0, 1), (0, 1)]
    assert [each.cores for each in course.of(Seated)] == told


def test_all_pairs_train_from_the_seed_of_the_plan() -> None:
    course = Course(Script(), make_plan(seed=7))
    course.run()
    assert {command.seed for _, _, command in course.script.told if isinstance(command, SetUp)} == {7}


@pytest.mark.parametrize(("num_interpreters", "num_alive"), [(1, [2, 4, 2, 4]), (2, [2, 2, 2, 2])])
def test_two_interpreters_load_at_a_time_and_a_pair_ends_once_it_is_done_with(
    num_interpreters: int, num_alive: list[int]
) -> None:
    other = msgspec.structs.replace(ARMS[1], settings="env.X=1", source=Source(variables={"X": "1"}))
    course = Course(Script(), make_plan(ARMS[0], other if num_interpreters == 2 else ARMS[1], budget_seconds=1e6))
    assert course.plan.num_interpreters == num_interpreters
    course.run()
    assert course.num_alive == num_alive
    course.assert_all_ended()


# Stopping.


def noisy(pair: int, arm: int, block: int) -> float:
    """Pairs differ by up to 4 % of a block."""
    return 0.5 + 0.02 * arm * (pair % 3 - 1)


def test_after_each_pair_it_is_shown_where_the_race_stands() -> None:
    course = Course(Script(seconds=noisy))
    course.run()
    assert [each.num_pairs for each in course.standings] == list(range(1, len(course.standings) + 1))
    pair_seconds = 2 * NUM_ROUNDS * 0.5
    assert course.standings[0].elapsed_seconds == pytest.approx(pair_seconds, rel=0.05)
    (found,) = course.standings[3].estimates
    assert found is not None
    assert found.num_pairs == 4


@pytest.mark.parametrize(
    ("seconds", "budget", "reason", "num_pairs"),
    [
        (lambda pair, arm, block: 0.5, 1e6, "resolved", 4),
        (lambda pair, arm, block: 0.5, 12.0 * 3.5, "budget", 3),
        (lambda pair, arm, block: 0.5, 1.0, "budget", 1),
        (noisy, 12.0 * 16.5, "hopeless", 8),
    ],
)
def test_a_race_stops_for_each_of_its_reasons(
    seconds: Callable[[int, int, int], float], budget: float, reason: str, num_pairs: int
) -> None:
    course = Course(Script(seconds=seconds), make_plan(budget_seconds=budget))
    assert course.run() == reason
    assert len({each.pair for each in course.of(Round)}) == num_pairs
    course.assert_all_ended()


def test_time_before_the_first_pair_counts_in_the_budget() -> None:
    script = Script()
    course = Course(script, make_plan(budget_seconds=12.0 * 3.5))
    script.clock.pass_time(12.0)
    assert course.run() == "budget"
    assert len(course.standings) == 2
    assert course.standings[0].elapsed_seconds == 24.0


def test_a_race_without_bounds_ends_after_the_last_look() -> None:
    course = Course(Script(seconds=noisy), make_plan(budget_seconds=1e9, resolution=0.005))
    assert course.run() == "budget"
    assert len(course.standings) == LOOKS[-1]
    course.assert_all_ended()


@pytest.mark.parametrize("shift", [0.5, 0.98, 1.02, 2.0])
def test_a_difference_between_the_arms_changes_no_stop(shift: float) -> None:
    plain, shifted = (
        Course(Script(seconds=lambda pair, arm, block, by=by: noisy(pair, arm, block) * (by if arm else 1.0)))  # type: ignore[misc]
        for by in (1.0, shift)
    )
    assert plain.run() == shifted.run() == "resolved"
    assert len(plain.standings) == len(shifted.standings)


# Disturbances.


def test_a_round_in_which_something_happened_says_so_and_counts_for_nothing() -> None:
    looks = [CALM, CALM, Look(None, None, 1, None, ()), Look(None, None, 2, None, ())]
    course = Course(
        Script(seconds=lambda pair, arm, block: 9.0 if arm and block == 2 and pair == 0 else 0.5),
        make_plan(budget_seconds=1e6),
        look=lambda _cores: looks.pop(0) if len(looks) > 1 else looks[0],
    )
    assert course.run() == "resolved"
    assert [each.round for each in course.of(Round) if each.disturbance] == [2]
    assert course.of(Round)[2].disturbance == "heat slowed a core"
    (found,) = course.standings[-1].estimates
    assert found is not None
    assert found.mean == 0.0


def test_the_machine_is_looked_at_once_between_rounds_while_nobody_works() -> None:
    script = Script()
    moments: list[int] = []

    def look(_cores: object) -> Look:
        moments.append(sum(isinstance(command, RunBlock) for _, _, command in script.told))
        return CALM

    Course(script, look=look).run()
    assert moments[: NUM_ROUNDS + 1] == list(range(0, 2 * NUM_ROUNDS + 1, 2))


# Whatever happens.


def fail_at(stage: str, pair: int, arm: int, error: BaseException) -> Callable[..., BaseException | None]:
    kinds: dict[str, type] = {
        "start": type(None),
        "set-up": SetUp,
        "race": RunBlock,
        "training": RunBlock,
        "judge": Judge,
    }

    def fails(at_pair: int, at_arm: int, command: AnyCommand | None) -> BaseException | None:
        return error if (at_pair, at_arm) == (pair, arm) and isinstance(command, kinds[stage]) else None

    return fails


@pytest.mark.parametrize("kind", ["killed", "unavailable"])
@pytest.mark.parametrize(("pair", "arm"), [(0, 0), (0, 1), (1, 0), (3, 1)])
@pytest.mark.parametrize("stage", ["start", "set-up", "race"])
def test_a_worker_that_fails_ends_the_race_with_its_reason_and_every_worker(
    stage: str, pair: int, arm: int, kind: FailureKind
) -> None:
    course = Course(Script(fails=fail_at(stage, pair, arm, WorkerError(kind, "it broke\udcff"))))
    assert course.run() == "failed"
    assert course.of(Fallen) == [Fallen(pair=pair, arm=arm, kind=kind, stage=stage, reason="it broke\\udcff")]
    assert isinstance(course.journal[-1], Fallen)
    course.assert_all_ended()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "no space"), RuntimeError("a bug")])
@pytest.mark.parametrize("stage", ["start", "set-up", "race"])
def test_an_interrupt_or_a_bug_ends_every_worker_and_is_heard(stage: str, error: BaseException) -> None:
    course = Course(Script(fails=fail_at(stage, 2, 1, error)))
    with pytest.raises(type(error)):
        course.run()
    course.assert_all_ended()


def test_a_journal_that_can_not_be_written_ends_every_worker() -> None:
    course = Course(Script())

    def write(record: RaceRecord) -> None:
        raise OSError(28, "no space")

    course.race.journal = write
    with pytest.raises(OSError, match="no space"):
        course.run()
    course.assert_all_ended()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(11, "no process")])
def test_a_launch_that_fails_ends_those_that_were_launched_before(error: BaseException) -> None:
    course = Course(Script())
    launch = course.race.launch

    def launch_once(pair: int) -> list[WorkerProcess]:
        if pair == 1:
            raise error
        return launch(pair)

    course.race.launch = launch_once
    with pytest.raises(type(error)):
        course.run()
    assert len(course.script.workers) == 2
    course.assert_all_ended()


def test_who_shows_the_race_and_fails_ends_every_worker() -> None:
    course = Course(Script())

    def show(_standing: Standing) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        course.race.run(0.0, show)
    course.assert_all_ended()


def test_steps_of_unequal_numbers_of_samples_are_never_compared() -> None:
    course = Course(Script(num_samples=(260, 520, 260)))
    assert course.run() == "failed"
    (fallen,) = course.of(Fallen)
    assert fallen.arm == 1
    assert "its block had 520 samples, the first arm's 260" in fallen.reason


@pytest.mark.parametrize("num_steps", [(26, 24, 26), (24, 26, 26)])
def test_blocks_of_unequal_numbers_of_steps_are_never_compared(num_steps: tuple[int, ...]) -> None:
    course = Course(Script(num_steps=num_steps))
    assert course.run() == "failed"
    assert not course.of(Round)
    (fallen,) = course.of(Fallen)
    assert (fallen.arm, fallen.kind, fallen.stage) == (1, "rubbish", "race")
    assert f"{num_steps[1]} steps" in fallen.reason
    assert f"{num_steps[0]}" in fallen.reason
    course.assert_all_ended()


def test_arms_whose_batches_are_of_another_size_are_compared_over_equally_many_samples() -> None:
    larger = msgspec.structs.replace(ARMS[1], case=msgspec.structs.replace(ARMS[1].case, shape=Shape(batch_size=200)))
    course = Course(Script(num_steps=(26, 13, 26)), make_plan(ARMS[0], larger, budget_seconds=1e6))
    assert course.run() == "resolved"
    assert {(each.num_steps, each.other_num_steps) for each in course.of(Round)} == {(26, 13)}
    course = Course(Script(num_samples=(260, 130, 260)), make_plan(ARMS[0], larger, budget_seconds=1e6))
    assert course.run() == "failed"
    assert "130 samples" in course.of(Fallen)[0].reason


# Quality.


def school(script: Script, num_seeds: int = 3, plan: RacePlan | None = None) -> Course:
    course = Course(script, plan)
    course.race.school(num_seeds, lambda seed: course.standings.append(Standing(seed, (), 0.0)))
    course.assert_all_ended()
    return course


def test_identical_bits_end_the_trainings_after_one_seed() -> None:
    course = school(Script())
    assert [(each.case, each.replicate) for each in course.of(Trained)] == [("a", 0), ("b", 0)]


def test_bits_that_agree_at_a_later_seed_alone_end_nothing() -> None:
    course = school(Script(losses=lambda arm, seed: (0.5, 0.25 + 0.01 * arm * (seed == 1))))
    assert [each.replicate for each in course.of(Trained)] == [0, 0, 1, 1, 2, 2]


def test_trainings_that_differ_go_on_over_all_seeds_the_same_for_every_arm() -> None:
    course = school(Script(losses=lambda arm, seed: (0.5, 0.25 + 0.01 * arm)), plan=make_plan(seed=5))
    assert [(each.case, each.replicate) for each in course.of(Trained)] == [
        *(("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)),
    ]
    assert [each.digest for each in course.of(Trained)] == [f"seed {seed}" for seed in (5, 5, 6, 6, 7, 7)]
    assert [each.num_pairs for each in course.standings] == [0, 1, 2]
    assert len(course.script.workers) == 2, "one process an arm is enough"


def test_a_third_arm_that_differs_goes_on_over_all_seeds() -> None:
    plan = make_plan(*ARMS, THIRD)
    course = school(Script(losses=lambda arm, seed: (0.5, 0.25 if arm < 2 else 0.125)), plan=plan)
    assert len(course.of(Trained)) == 9


def test_a_training_is_whole_has_no_warm_up_and_no_core_of_its_own() -> None:
    course = school(Script())
    commands = [command for _, _, command in course.script.told]
    assert [type(each) for each in commands] == [SetUp, RunBlock, Judge] * 2
    (block,) = {each for each in commands if isinstance(each, RunBlock)}
    assert (block.amount, block.warm_up) == (1_000, 0)
    assert block.timeout_seconds == pytest.approx(7.0 + 20.0 * 1_000 * PILOT_SECONDS)
    assert {each.cores for each in commands if isinstance(each, SetUp)} == {None}


@pytest.mark.parametrize(("stage", "told"), [("start", "start"), ("set-up", "set-up"), ("training", "training")])
def test_an_arm_that_fails_at_its_training_is_recorded_and_ends_it(stage: str, told: str) -> None:
    course = school(Script(fails=fail_at(stage, 0, 1, WorkerError("crashed", "it broke"))))
    assert course.of(Fallen) == [Fallen(pair=0, arm=1, kind="crashed", stage=told, reason="it broke")]
    assert len(course.of(Trained)) == (0 if stage == "start" else 1)


@pytest.mark.parametrize("stage", ["start", "set-up", "training", "judge"])
def test_an_interrupt_of_a_training_ends_every_worker(stage: str) -> None:
    course = Course(Script(fails=fail_at(stage, 0, 1, KeyboardInterrupt())))
    with pytest.raises(KeyboardInterrupt):
        course.race.school(3, lambda _seed: None)
    course.assert_all_ended()
