"""How long a training of so many steps would take, foretold from the blocks of a stored run.

A training takes its start (set-up, first step, whatever is compiled, as it was with nothing compiled before) and then
so many steps at the cost of one. The interval is of one further training in a process of its own, not of the mean of
many: it holds how processes differ, with all that drifts from one to the next, and of a training that is shorter than
what each process ran also how blocks of one process differ.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from bench.judge.law import Interval
from bench.judge.quality import Quality, judge_quality
from bench.judge.statistics import geometric_mean, summarise
from bench.records.case import Case
from bench.records.journal import Started
from bench.records.price import HOUR_SECONDS, find_price
from bench.records.run import Measurement, Run

LEVEL = 0.95
MIN_PROCESSES = 2
"""One process says nothing of how processes differ."""

SHORT_BLOCK_SECONDS = 0.02
"""In shorter blocks the first steps after a switch of workers, which are slower, weigh too much."""

LARGEST_EXPONENT = 700.0
"""Of e, for the end of an interval of processes that have nothing in common: a float holds no more than e^709."""

LARGE_START_SHARE = 0.2
"""Of a training: a start that was seen once says little of the next one."""


@dataclass(frozen=True, slots=True)
class Projection:
    """What so many steps of a case would take."""

    case: Case
    num_steps: int
    """Updates of one network; of replicas those of all together."""
    start_seconds: float
    """Before the first step that counts; importing torch is not in it."""
    step_seconds: float
    seconds: float
    """All of the training."""
    interval: Interval | None
    """Of one further training; None where there are too few processes."""
    num_processes: int
    block_seconds: float
    """The median block that it was foretold from."""
    price_per_hour: float | None
    """Of its device, as the user says."""
    doubt: str | None = None
    """Why its times may be worth nothing: its trainings are INVALID, or a process failed."""

    @property
    def start_share(self) -> float:
        """Which share of the training is its start."""
        return self.start_seconds / self.seconds

    @property
    def money(self) -> Interval | None:
        """What the training costs, in the currency of the price; without an interval both ends are the value."""
        if self.price_per_hour is None:
            return None
        rate = self.price_per_hour / HOUR_SECONDS
        seconds = self.interval or Interval(self.seconds, self.seconds, self.seconds)
        return Interval(rate * seconds.value, rate * seconds.low, rate * seconds.high)

    @property
    def has_short_blocks(self) -> bool:
        """Whether its blocks were too short to stand for a long training."""
        return self.block_seconds < SHORT_BLOCK_SECONDS


@dataclass(frozen=True, slots=True)
class Check:
    """A projection beside whole trainings of so many steps."""

    projection: Projection
    measured: tuple[float, ...]
    """Seconds of the first of each process, with the start as it was with nothing compiled before."""

    @property
    def num_within(self) -> int:
        """How many lie within the interval."""
        found = self.projection.interval
        return sum(found is not None and found.low <= each <= found.high for each in self.measured)


def project(run: Run, num_steps: int | None = None, num_epochs: int | None = None) -> list[Projection]:
    """Foretell every case of a run of which blocks were timed.

    Args:
        num_steps: of each network that is trained; or else
        num_epochs: of the training.
    """
    projections = []
    for case in run.info.plan.cases:
        if num_epochs is None:
            wanted = (num_steps or 0) * case.num_replicas
        else:
            wanted = num_epochs * count_steps_per_epoch(run.measurements_of(case), case)
        found = _project_case_of(run, case, wanted) if wanted else None
        projections += [] if found is None else [found]
    return projections


def _project_case_of(run: Run, case: Case, num_steps: int) -> Projection | None:
    """Foretell a case of a run; None where none of its blocks was timed."""
    measurements = [each for each in run.measurements_of(case) if each.started and each.blocks_of("train")]
    if not measurements:
        return None
    found = project_case(case, measurements, num_steps, find_price(run.info.prices, case.device))
    return replace(found, doubt=_find_doubt(run, case))


def _find_doubt(run: Run, case: Case) -> str | None:
    verdict = judge_quality(run, case)
    if verdict.quality is Quality.INVALID:
        return f"INVALID: {verdict.reason}"
    failed = next((each.failed for each in run.measurements_of(case) if each.failed is not None), None)
    return None if failed is None else f"a process of it failed ({failed.stage}): {failed.reason}"


def check(run: Run, full: Run) -> list[Check]:
    """Hold what a run foretells of another one's trainings against how long they took."""
    checks = []
    for case in full.info.plan.cases:
        trained = full.measurements_of(case)
        trainings = [each.whole_trainings()[0] for each in trained if each.whole_trainings()]
        ours = next((each for each in run.info.plan.cases if _is_same_work(each, case)), None)
        if ours is None or not trainings:
            continue
        start = _start_seconds(trained)
        measured = tuple(start + sum(block.seconds for block in blocks) for blocks in trainings)
        num_steps = sum(block.num_steps for block in trainings[0])
        found = _project_case_of(run, ours, num_steps)
        checks += [] if found is None else [Check(found, measured)]
    return checks


def project_case(
    case: Case, measurements: Sequence[Measurement], num_steps: int, price_per_hour: float | None = None
) -> Projection:
    """Foretell a case from the processes that timed blocks of it."""
    start = _start_seconds(measurements)
    costs = [_step_costs(each) for each in measurements]
    means = [_mean_cost(each) for each in measurements]
    totals = [
        math.log(factor * start + num_steps * mean)
        for factor, mean in zip(_start_factors(measurements), means, strict=True)
    ]
    step_seconds = statistics.fmean(means)
    steady_share = num_steps * step_seconds / (start + num_steps * step_seconds)
    blocks = [block for each in measurements for block in each.blocks_of("train")]
    num_blocks = num_steps / statistics.fmean(block.num_steps for block in blocks)
    return Projection(
        case=case,
        num_steps=num_steps,
        start_seconds=start,
        step_seconds=step_seconds,
        seconds=math.exp(statistics.fmean(totals)),
        interval=predict(totals, costs, steady_share, num_blocks),
        num_processes=len(measurements),
        block_seconds=statistics.median(block.seconds for block in blocks),
        price_per_hour=price_per_hour,
    )


def predict(
    totals: Sequence[float], costs: Sequence[Sequence[float]], steady_share: float, num_blocks: float
) -> Interval | None:
    """Return where one further training may lie with a probability of 95 %; None where too few processes were timed.

    The variance of one further training is that between processes, the error of their mean included. Each process's
    mean averages over its blocks; a training of fewer blocks averages less, and a block's variance within its process
    comes on top for what is missing. A longer one is not taken to average more: what drifts need not. The degrees of
    freedom of the sum are Satterthwaite's.

    Args:
        totals: ln(seconds) that each process foretells.
        costs: of each process, ln(seconds a step) of its blocks.
        steady_share: of the training's time that its steps take.
        num_blocks: as long as the training is.
    Source: Satterthwaite (1946), "An approximate distribution of estimates of variance components", equation 17.
    """
    count = len(totals)
    if count < MIN_PROCESSES:
        return None
    # Imported where it is used: 0.1 to 0.2 s, which who only asks for help need not wait for.
    from scipy.special import stdtrit

    between = statistics.variance(totals) * (1 + 1 / count)
    num_free = sum(len(each) - 1 for each in costs)
    squares = sum((value - statistics.fmean(each)) ** 2 for each in costs for value in each)
    missing = max(0.0, 1 / num_blocks - 1 / statistics.fmean(map(len, costs)))
    within = steady_share**2 * missing * squares / num_free if num_free else 0.0
    weights = between**2 / (count - 1) + (within**2 / num_free if num_free else 0.0)
    freedom = (between + within) ** 2 / weights if weights else count - 1
    half_width = float(stdtrit(freedom, (1 + LEVEL) / 2)) * math.sqrt(between + within)
    mean = statistics.fmean(totals)
    return Interval(math.exp(mean), math.exp(mean - half_width), math.exp(min(mean + half_width, LARGEST_EXPONENT)))


def count_steps_per_epoch(measurements: Sequence[Measurement], case: Case) -> int:
    """Count the steps of an epoch from a whole training; 0 where none came to its end."""
    trainings = [blocks for each in measurements for blocks in each.whole_trainings()]
    return sum(block.num_steps for block in trainings[0]) // case.num_epochs if trainings else 0


def _start_seconds(measurements: Sequence[Measurement]) -> float:
    """Return what comes before the first step: of the processes that found nothing compiled, if there are any."""
    started = [each.started for each in measurements if each.started is not None]
    cold = [each for each in started if each.is_cold] or started
    found = summarise([_own_start(each) for each in cold])
    return found.median if found else 0.0


def _start_factors(measurements: Sequence[Measurement]) -> list[float]:
    """Return by how much the start of each process was longer than their middle: of those that found things compiled.

    As a rule a run has one cold start, which says nothing of how cold starts scatter: the others stand in for it.
    """
    started = [each.started for each in measurements if each.started is not None]
    warm = [_own_start(each) for each in started if not each.is_cold]
    middle = geometric_mean([each for each in warm if each > 0])
    return [1.0 if each.is_cold or not middle else _own_start(each) / middle for each in started]


def _own_start(started: Started) -> float:
    return started.setup_seconds + started.compile_seconds


def _step_costs(measurement: Measurement) -> list[float]:
    return [math.log(block.seconds / block.num_steps) for block in measurement.blocks_of("train")]


def _mean_cost(measurement: Measurement) -> float:
    blocks = measurement.blocks_of("train")
    return sum(block.seconds for block in blocks) / sum(block.num_steps for block in blocks)


def _is_same_work(ours: Case, theirs: Case) -> bool:
    """Say whether two cases differ in nothing but how long they train."""
    return msgspec.structs.replace(ours, num_epochs=theirs.num_epochs) == theirs
