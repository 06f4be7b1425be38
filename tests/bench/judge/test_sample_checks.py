"""Checks of samples: seen to be silent under noise, at the rates that they publish, and to speak of the real thing."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from bench.judge import sample_checks
from bench.judge.checks import check_run
from bench.judge.findings import Evidence, Finding, Seen, gather
from bench.judge.results import judge_run
from bench.records.journal import Record
from bench.records.run import Run
from tests.bench.runs import make_block, make_case, make_details, make_run, make_started, make_training

CASE = make_case()
Look = Callable[[list[float]], Seen | None]
NAMES = ("warm-up", "drift", "two modes")
LOOKS: tuple[Look, ...] = (sample_checks._warm_up_of, sample_checks._drift_of, sample_checks._modes_of)
NOISE: dict[str, Callable[[random.Random], float]] = {
    "normal": lambda source: source.gauss(0.0, 0.05),
    "exponential": lambda source: source.expovariate(20.0),
    "uniform": lambda source: source.uniform(-0.1, 0.1),
    "spikes": lambda source: source.gauss(0.0, 0.05) + (source.random() < 0.05) * source.expovariate(2.0),
}


def check(run: Run) -> list[Finding]:
    return check_run(run, judge_run(run))


def make_processes(*series: Sequence[float]) -> Run:
    trainings = [make_training(CASE, seconds, replicate=number) for number, seconds in enumerate(series)]
    return make_run([CASE], *trainings, num_replicates=len(series))


def names_in(*series: Sequence[float]) -> list[str]:
    return [finding.check for finding in check(make_processes(*series))]


def rate(look: Look, draw: Callable[[random.Random], list[float]], num_processes: int = 4_000) -> float:
    source = random.Random(5)
    return sum(look(draw(source)) is not None for _ in range(num_processes)) / num_processes


@pytest.mark.parametrize(
    ("noise", "largest"), [("normal", 0.007), ("exponential", 0.012), ("uniform", 0.015), ("spikes", 0.025)]
)
@pytest.mark.parametrize("look", LOOKS, ids=NAMES)
def test_under_plain_noise_a_check_is_silent_but_for_the_share_it_publishes(
    look: Look, noise: str, largest: float
) -> None:
    draw = NOISE[noise]
    assert rate(look, lambda source: [draw(source) for _ in range(12)]) <= largest


def drifting(source: random.Random) -> list[float]:
    """Ten percent slower at the end, noise of two."""
    return [0.1 * number / 11 + source.gauss(0.0, 0.02) for number in range(12)]


def warming(source: random.Random) -> list[float]:
    """The first quarter ten percent slower, noise of one."""
    return [0.1 * (number < 3) + source.gauss(0.0, 0.01) for number in range(12)]


def starting(source: random.Random) -> list[float]:
    """The first block half as slow again, noise of two."""
    return [0.4 * (number == 0) + source.gauss(0.0, 0.02) for number in range(12)]


def alternating(source: random.Random) -> list[float]:
    """Half of the blocks ten percent slower at random times, noise of one."""
    slow = source.sample([0.0, 0.1] * 6, 12)
    return [each + source.gauss(0.0, 0.01) for each in slow]


@pytest.mark.parametrize(
    ("look", "draw", "smallest"),
    [(LOOKS[0], warming, 0.95), (LOOKS[0], starting, 0.95), (LOOKS[1], drifting, 0.8), (LOOKS[2], alternating, 0.85)],
)
def test_the_real_thing_is_seen(look: Look, draw: Callable[[random.Random], list[float]], smallest: float) -> None:
    assert rate(look, draw, 1_000) >= smallest


def test_a_steady_case_has_no_finding() -> None:
    assert names_in([1.0, 1.01, 0.99] * 4) == []


def test_a_drift_is_reported_with_its_size_and_p() -> None:
    (finding,) = check(make_processes([1.0 + 0.01 * number for number in range(12)]))
    assert (finding.check, finding.case_name) == ("drift", CASE.name)
    assert float(finding.seen["change"]) == pytest.approx(0.11, abs=0.005)
    assert float(finding.seen["p"]) == pytest.approx(2 / 479_001_600)


def test_a_warm_up_that_ends_is_no_drift_and_a_drift_is_no_warm_up() -> None:
    assert names_in([2.0, 1.5, 1.2, *[1.0, 1.01, 0.99] * 3]) == ["warm-up"]
    assert names_in([2.0 - 0.08 * number for number in range(12)]) == ["drift"]


def test_two_modes_must_come_and_go() -> None:
    assert names_in([1.0, 1.2] * 6) == ["two modes"]
    assert names_in([1.0] * 6 + [1.2] * 6) != ["two modes"]


def test_a_change_within_the_margin_is_no_matter() -> None:
    assert names_in([1.0 + 0.001 * number for number in range(12)]) == []
    assert names_in([1.015, 1.015, 1.015, *[1.0] * 9]) == []
    assert names_in([1.0, 1.01] * 6) == []


@pytest.mark.parametrize("num_rounds", [0, 1, 2, 11])
def test_of_few_blocks_nothing_is_said(num_rounds: int) -> None:
    assert names_in([1.0 + number for number in range(num_rounds)]) == []


def test_what_a_minority_of_processes_shows_is_not_said_of_the_case() -> None:
    steady, drifts = [1.0] * 12, [1.0 + 0.01 * number for number in range(12)]
    assert names_in(drifts, steady) == []
    (finding,) = check(make_processes(drifts, steady, drifts))
    assert (finding.seen["num_found"], finding.seen["num_processes"]) == (2, 3)


def test_rounds_count_in_their_order_and_by_the_step() -> None:
    """Blocks written backwards, and twice as long where they have twice the steps: no drift."""
    blocks: list[Record] = [
        make_block(CASE, 1.0 + number, round=number, num_steps=100 * (1 + number)) for number in reversed(range(12))
    ]
    assert check(make_run([CASE], [make_started(CASE)], blocks)) == []


def test_a_timer_that_is_coarse_for_the_blocks_is_found() -> None:
    """The median block takes 0.01 s: a floor of 1.1 us is over a ten-thousandth of it, 0.9 us is not."""
    blocks: list[Record] = [make_block(CASE, seconds, round=number) for number, seconds in enumerate((0.01, 0.01, 5.0))]
    coarse = make_run([CASE], [make_started(CASE, timer_floor_seconds=1.1e-6)], blocks)
    (finding,) = check(coarse)
    assert finding.check == "coarse timer"
    assert finding.remedy.endswith("--epochs 10000")
    assert check(make_run([CASE], [make_started(CASE, timer_floor_seconds=0.9e-6)], blocks)) == []


@pytest.mark.parametrize(("timed", "names"), [(1.11, ["timer tax"]), (1.09, [])])
def test_inner_timers_that_cost_over_a_tenth_are_found(timed: float, names: list[str]) -> None:
    details = make_details(CASE, plain=[1.0], timed=[timed], phases=[[0.2, 0.2, 0.2, 0.2]])
    assert [each.check for each in check(make_run([CASE], make_training(CASE, [1.0]), details))] == names


def test_a_case_that_failed_before_its_first_block_has_no_finding() -> None:
    run = make_run([CASE], [make_started(CASE)])
    assert check(run) == []
    assert list(sample_checks.find_drift(Evidence(None, ()))) == []
    assert gather(run, []).pairs == ()
