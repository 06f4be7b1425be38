"""Racing: pairs of fresh processes that take turns in short, warmed blocks, until the intervals are narrow enough.

Source of the design and its constants: docs/method.md, "Race".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count

from bench.judge.pairs import PairDifference, difference_of_pairs
from bench.judge.race import Estimate, estimate_pairs, why_stop
from bench.measure.clock import Clock
from bench.measure.crew import MAX_LOADING
from bench.measure.disturbances import Look, find_disturbance
from bench.measure.messages import BlockDone, Judge, Judged, Ready, RunBlock, SetUp
from bench.measure.process import WorkerProcess
from bench.measure.race_arms import ArmFellError, check_equal_work, naming
from bench.measure.race_pace import Pace, choose_pace, choose_pair_seconds
from bench.measure.timeouts import DEFAULT_TIMEOUTS, Timeouts
from bench.records.journal import Trained
from bench.records.race import RacePlan, RaceRecord, Round, Seated, StopReason

LaunchPair = Callable[[int], list[WorkerProcess]]
"""Number of a pair -> a started process for each arm, in the order of the arms."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a race stands, for whoever shows it."""

    num_pairs: int
    estimates: tuple[Estimate | None, ...]
    """Of every arm but the first."""
    elapsed_seconds: float


@dataclass(frozen=True, slots=True)
class Pair:
    """A fresh process for each arm, in the order of the arms, all loaded."""

    number: int
    workers: tuple[WorkerProcess, ...]
    load_seconds: float


class RaceCourse:
    """A race in progress.

    Args:
        launch: starts a process for each arm of a pair.
        look: looks at the machine and some of its CPUs between rounds.
        clock: for the budget, never for a sample.
        core_sets: the CPUs that all arms of a pair share, one set after the other; none where processes can't be bound.
    """

    def __init__(
        self,
        plan: RacePlan,
        launch: LaunchPair,
        journal: Callable[[RaceRecord], None],
        look: Callable[[tuple[int, ...] | None], Look],
        clock: Clock,
        core_sets: Sequence[tuple[int, ...]] = (),
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self.plan = plan
        self.launch = launch
        self.journal = journal
        self.look = look
        self.clock = clock
        self.core_sets = core_sets
        self.timeouts = timeouts
        self.rounds: list[Round] = []
        self._differences: list[list[PairDifference]] = [[] for _ in plan.arms[1:]]
        """Of each arm but the first."""
        self._pace: Pace | None = None
        self._num_loading = max(1, MAX_LOADING // plan.num_interpreters)
        """Pairs."""
        self._random = random.Random(plan.seed)  # noqa: S311 - which arm comes first is no secret

    def run(self, started: float, on_standing: Callable[[Standing], None]) -> StopReason:
        """Race pair after pair; no process is left when it returns or raises.

        Args:
            started: the clock's reading when the user began to wait.
            on_standing: called after each pair.
        """
        pairs_started = self.clock()
        try:
            with closing(self._pairs()) as pairs:
                for pair in pairs:
                    self._race(pair, self.plan.budget_seconds - (self.clock() - started))
                    now, num_pairs = self.clock(), pair.number + 1
                    estimates = self._estimate(pair.number)
                    on_standing(Standing(num_pairs, estimates, now - started))
                    pair_seconds = (now - pairs_started) / num_pairs
                    reason = why_stop(self.plan, estimates, num_pairs, now - started, pair_seconds)
                    if reason is not None:
                        return reason
        except ArmFellError as error:
            self.journal(error.fallen)
        return "failed"

    def school(self, num_seeds: int, on_seed: Callable[[int], None]) -> None:
        """Train every arm to its end with the same seeds, outside the race; one is enough where its bits agree.

        Args:
            on_seed: called before each seed with its number, from 0.
        """
        try:
            with closing(self._pairs(at_once=1)) as pairs:
                pair = next(pairs)
                for seed in range(num_seeds):
                    on_seed(seed)
                    trained = [self._train(pair, arm, seed) for arm in range(len(self.plan.arms))]
                    bits = [(each.digest, each.epoch_losses) for each in trained]
                    if seed == 0 and bits == bits[:1] * len(bits):
                        break
        except ArmFellError as error:
            self.journal(error.fallen)

    def _estimate(self, last_pair: int) -> tuple[Estimate | None, ...]:
        """Estimate from all pairs so far, each of which is compared once, when it was the last."""
        rounds = [each for each in self.rounds if each.pair == last_pair]
        for arm, differences in enumerate(self._differences, 1):
            differences.extend(difference_of_pairs(rounds, arm))
        return tuple(estimate_pairs(differences, self.plan.alpha) for differences in self._differences)

    def _pairs(self, at_once: int | None = None) -> Generator[Pair]:
        """Load pairs, two interpreters at a time and never while a block is timed; end each once it is done with."""
        at_once = at_once or self._num_loading
        waiting: list[tuple[WorkerProcess, ...]] = []
        try:
            for first in count(0, at_once):
                launched = self.clock()
                numbers = range(first, first + at_once)
                for number in numbers:  # one by one, so that those of before end where a launch fails
                    waiting.append(tuple(self.launch(number)))  # noqa: PERF401
                for number, workers in zip(numbers, waiting, strict=True):
                    for arm, worker in enumerate(workers):
                        with naming(number, arm, "start"):
                            worker.wait_until_loaded(self.timeouts.load_seconds)
                load_seconds = self.clock() - launched
                for number in numbers:
                    yield Pair(number, waiting[0], load_seconds)
                    _end(waiting.pop(0))
        finally:
            for workers in waiting:
                _end(workers)

    def _race(self, pair: Pair, seconds_left: float) -> None:
        cores = self.core_sets[pair.number % len(self.core_sets)] if self.core_sets else None
        set_up_started = self.clock()
        ready = [self._set_up(pair, arm, cores) for arm in range(len(pair.workers))]
        start_seconds = self.clock() - set_up_started + pair.load_seconds / self._num_loading
        pace = self._pace = self._pace or choose_pace(
            [each.pilot_epoch_seconds for each in ready],
            [each.num_steps_per_epoch for each in ready],
            all(each.can_take_laps for each in ready),
            choose_pair_seconds(seconds_left, start_seconds),
        )
        command = RunBlock(
            kind="train",
            amount=pace.num_epochs,
            warm_up=pace.num_warm_up_epochs,
            takes_laps=pace.takes_laps,
            timeout_seconds=self.timeouts.block_seconds
            + self.timeouts.block_factor * pace.num_epochs * max(each.pilot_epoch_seconds for each in ready),
        )
        starts_reversed = self._random.random() < 0.5
        before, rounds_started = self.look(cores), self.clock()
        for number in count():
            if pace.is_enough(number, self.clock() - rounds_started):
                break
            is_reversed = (number % 2 == 0) == starts_reversed
            for other in range(1, len(pair.workers)):
                done: dict[int, BlockDone] = {}
                for arm in (other, 0) if is_reversed else (0, other):
                    with naming(pair.number, arm, "race"):
                        done[arm] = pair.workers[arm].request(command, BlockDone)
                after = self.look(cores)
                has_same_steps = self._has_same_batches(other)
                check_equal_work(pair.number, done, has_same_steps, pace.takes_laps)
                each_round = Round(
                    pair=pair.number,
                    arm=other,
                    round=number,
                    is_reversed=is_reversed,
                    num_steps=done[0].num_steps,
                    other_num_steps=None if has_same_steps else done[other].num_steps,
                    seconds=(done[0].seconds, done[other].seconds),
                    laps=(done[0].laps, done[other].laps) if pace.takes_laps else None,
                    disturbance=find_disturbance(before, after),
                )
                self.rounds.append(each_round)
                self.journal(each_round)
                before = after

    def _has_same_batches(self, arm: int) -> bool:
        """Say whether an arm cuts an epoch into batches of the first arm's size."""
        return self.plan.arms[arm].case.shape == self.plan.arms[0].case.shape

    def _set_up(self, pair: Pair, arm: int, cores: tuple[int, ...] | None, seed: int = 0) -> Ready:
        command = SetUp(
            case=self.plan.arms[arm].case,
            seed=self.plan.seed + seed,
            cores=cores,
            timeout_seconds=self.timeouts.set_up_seconds,
        )
        with naming(pair.number, arm, "set-up"):
            ready = pair.workers[arm].request(command, Ready)
        self.journal(
            Seated(
                pair=pair.number,
                arm=arm,
                load_seconds=pair.load_seconds,
                setup_seconds=ready.setup_seconds,
                compile_seconds=ready.compile_seconds,
                pilot_epoch_seconds=ready.pilot_epoch_seconds,
                torch_version=ready.torch_version,
                cores=cores,
            )
        )
        return ready

    def _train(self, pair: Pair, arm: int, seed: int) -> Trained:
        ready = self._set_up(pair, arm, None, seed)
        num_epochs = self.plan.arms[arm].case.num_epochs
        seconds = self.timeouts.block_seconds + self.timeouts.block_factor * num_epochs * ready.pilot_epoch_seconds
        block = RunBlock(kind="train", amount=num_epochs, timeout_seconds=seconds)
        with naming(pair.number, arm, "training"):
            done = pair.workers[arm].request(block, BlockDone)
            judged = pair.workers[arm].request(Judge(timeout_seconds=self.timeouts.judge_seconds), Judged)
        trained = Trained(
            case=self.plan.arms[arm].label,
            replicate=seed,
            wave=0,
            digest=judged.digest,
            epoch_losses=done.epoch_losses,
            training_accuracy=judged.training_accuracy,
            heldout_accuracy=judged.heldout_accuracy,
            heldout_error=judged.heldout_error,
            replicas=judged.replicas,
        )
        self.journal(trained)
        return trained


def _end(workers: Sequence[WorkerProcess]) -> None:
    for worker in workers:
        worker.end()
