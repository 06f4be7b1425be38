"""A race as text, compared with files that were read and found right.

After a change that is meant, write them anew and read the difference: UPDATE_GOLDEN=1 pytest tests/bench/render
"""

from __future__ import annotations

import csv
import math

import msgspec
import pytest

from bench.judge.race import Estimate, judge_race
from bench.records.race import Arm, Race, RaceEnded, Source, StopReason, assemble_race
from bench.render.race import describe_race, list_race_files, make_race_table, narrowing, ratio_of
from productnet.door import printable
from tests.bench.golden import check_golden
from tests.bench.races import (
    ARMS,
    THIRD,
    WORKLOAD,
    make_fallen,
    make_pair,
    make_plan,
    make_race,
    make_race_info,
    make_round,
    make_schooled,
    make_seated,
)
from tests.bench.render.test_report import HOSTILE
from tests.bench.runs import make_case

REVISION = Arm(
    label="d",
    settings="engine=eager rev=HEAD~1",
    case=make_case("eager"),
    workload=WORKLOAD,
    source=Source(revision="0123456789abcdef" * 2 + "01234567", tree="/checked/out"),
)
HOSTILE_ARM = Arm(
    label="e",
    settings=f"env.X={HOSTILE}",
    case=make_case("eager"),
    workload=WORKLOAD,
    source=Source(variables={"X": HOSTILE}),
)
PLAN = make_plan(*ARMS, THIRD, REVISION, HOSTILE_ARM)
GOLDEN_NAMES = ("race.md", "race.csv", "race-terminal.txt")


def make_golden_race() -> Race:
    """Four pairs: an arm for each verdict from an interval, a disturbed round, each quality, one arm that fell."""
    scatter = (-0.003, -0.001, 0.001, 0.003)
    records = [
        each
        for pair, off in enumerate(scatter)
        for each in make_pair(pair, 0.05 + off, -0.05 + off, off, 0.01 + 3 * off)
    ]
    records.append(make_round(6, 0.0, pair=3, disturbance="heat slowed a core"))
    seated = [make_seated(pair, arm, "2.12.1") for pair in range(4) for arm in range(5)]
    trained = [make_schooled("a", seed) for seed in range(3)]
    for seed, factor in enumerate((0.5, 1.0, 2.0)):
        trained += [
            make_schooled("b", seed),
            make_schooled("c", seed, losses=[0.5], mse=0.09 * (2.0 + 0.01 * seed)),
            make_schooled("d", seed, losses=[0.5], mse=0.09 * factor),
            make_schooled("e", seed, losses=[None]),
        ]
    ended = RaceEnded(reason="failed", seconds=95.0)
    return assemble_race(make_race_info(PLAN), [*seated, *records, *trained, make_fallen(4, HOSTILE), ended])


def describe(race: Race) -> list[str]:
    return [printable(line) for line in describe_race(race, judge_race(race))]


def make_stalling_race() -> Race:
    """Four pairs: both arms are as fast as each other but for two rounds of eight, in which the other one stalls."""
    rounds = []
    for pair in range(4):
        for each in make_pair(pair, 0.0, num_rounds=8):
            stall = 2.0 if each.round in (2, 5) else 1.0
            seconds = (each.seconds[0], stall * each.seconds[1])
            rounds.append(msgspec.structs.replace(each, seconds=seconds))
    return make_race([], *rounds)


def test_stalls_of_one_arm_are_told() -> None:
    said = describe(make_stalling_race())
    assert any("one of both stalls now and then: of all blocks, time ratio 1.2500" in line for line in said)
    assert not any("stalls" in line for line in describe(make_race([0.0] * 4)))


def make_golden_texts() -> dict[str, str]:
    race = make_golden_race()
    texts = list_race_files(race, judge_race(race))
    return texts | {"race-terminal.txt": "\n".join(describe(race)) + "\n"}


def test_every_file_of_a_race_has_its_golden_file() -> None:
    assert sorted(make_golden_texts()) == sorted(GOLDEN_NAMES)


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_a_race_is_written_as_its_golden_file(name: str) -> None:
    check_golden(name, make_golden_texts()[name])


def test_hostile_text_of_a_race_is_harmless_in_its_files() -> None:
    texts = make_golden_texts()
    for name in ("race.md", "race-terminal.txt"):
        assert all(line.isprintable() for line in texts[name].splitlines()), name
    markdown = texts["race.md"]
    assert "<img" not in markdown
    assert "](javascript" not in markdown.replace("\\](", "")
    (row,) = (line for line in markdown.splitlines() if line.startswith("| e "))
    assert row.replace("\\|", "").count("|") == 11


def test_a_number_shown_is_that_of_the_rounds() -> None:
    race = make_race([0.00, 0.01, 0.025, 0.04, 0.05])
    rows = list(csv.DictReader(list_race_files(race, judge_race(race))["race.csv"].splitlines()))
    (contrast,) = judge_race(race)
    assert contrast.estimate is not None
    assert float(rows[1]["time_ratio"]) == pytest.approx(math.exp(0.025))
    assert float(rows[1]["time_ratio_low"]) == pytest.approx(math.exp(contrast.estimate.low))
    assert float(rows[1]["time_ratio_high"]) == pytest.approx(math.exp(contrast.estimate.high))
    assert float(rows[0]["seconds_a_step"]) == pytest.approx(0.001)
    assert float(rows[1]["seconds_a_step"]) == pytest.approx(0.001 * math.exp(0.025))
    assert [row["verdict"] for row in rows] == ["baseline", str(contrast.verdict)]


def test_what_was_disturbed_is_in_no_time_of_a_step() -> None:
    race = make_race([0.0], make_round(6, 5.0, disturbance="heat slowed a core"))
    assert make_race_table(race, judge_race(race)).rows[1][2] == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("differences", "line"),
    [
        ([0.05] * 4, "b against a: SLOWER: it takes 5.1% more time; time ratio 1.0513 (1.0513 to 1.0513, +-0.00%)"),
        ([-0.05] * 4, "b against a: FASTER: it takes 4.9% less time; time ratio 0.9512 (0.9512 to 0.9512, +-0.00%)"),
        ([0.0] * 4, "b against a: SAME: the same within 2.0%; time ratio 1.0000 (1.0000 to 1.0000, +-0.00%)"),
        ([0.05], "b against a: INCONCLUSIVE: under 4 pairs nothing can be said; time ratio 1.0513, 1 "),
        ([0.5, -0.5] * 2, "b against a: INCONCLUSIVE: the interval holds both a difference and none; time ratio 1.0"),
    ],
)
def test_a_verdict_says_what_it_means(differences: list[float], line: str) -> None:
    (found,) = (each for each in describe(make_race(differences)) if each.startswith("b against a"))
    assert found.startswith(line)


def test_a_layout_that_is_shared_is_said_beside_the_verdict_and_the_table() -> None:
    race = make_race([0.0] * 4, plan=make_plan(shares_layout=True))
    (line,) = (each for each in describe(race) if each.startswith("b against a"))
    assert line.endswith("4 pairs, 95 % interval, for this address layout")
    assert "for this address layout" in make_race_table(race, judge_race(race)).notes[0]
    assert not any("address layout" in each for each in describe(make_race([0.0] * 4)))


def test_what_an_inconclusive_race_would_need_is_said_as_the_flags_for_it() -> None:
    # A spread of 1.6 % needs 24 pairs for 0.8 %; 8 pairs took 40 s.
    spread = 0.016 * math.sqrt(7 / 8)
    race = make_race([0.01 + spread, 0.01 - spread] * 4)
    assert "  about 2 min 00 s would narrow it to +-0.80%: --budget 144s --resolution 0.80%" in describe(race)
    short = make_race([0.01])
    assert "  give it more time: --budget 120s" in describe(short)


def test_a_race_as_narrow_as_asked_that_tells_nothing_needs_half_its_width() -> None:
    # About the margin's edge: t x spread / 2 of 4 pairs is 0.42 %, within the resolution.
    race = make_race([0.0198 + each for each in (-0.002, 0.002, -0.002, 0.002)], plan=make_plan(dead_zone=0.018))
    assert "INCONCLUSIVE: the interval holds both" in "\n".join(describe(race))
    (line,) = (each for each in describe(race) if each.startswith("  about"))
    assert "--resolution 0.24%" in line


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("resolved", "as narrow as asked"),
        ("budget", "another pair would not fit"),
        ("hopeless", "at this spread the budget would leave"),
        ("failed", "an arm could not go on"),
        ("interrupted", "interrupted"),
    ],
)
def test_why_a_race_stopped_is_its_last_line(reason: StopReason, words: str) -> None:
    last = describe(make_race([0.0] * 4, ended=RaceEnded(reason=reason, seconds=95.0)))[-1]
    assert last.startswith("Stopped after 4 pairs, 24 rounds and 1 min 35 s: ")
    assert words in last


def test_a_race_that_was_killed_says_so() -> None:
    assert describe(make_race([0.0] * 4, ended=None))[-1].startswith("PARTIAL: the race was killed")


def test_an_unstable_environment_says_how_often_and_by_what() -> None:
    race = make_race([0.0] * 4)
    rounds = [
        msgspec.structs.replace(each, disturbance="heat slowed a core" if number % 2 else None)
        for number, each in enumerate(race.rounds)
    ]
    lines = describe(assemble_race(race.info, rounds))
    assert "b against a: UNSTABLE, no pair of processes has enough undisturbed rounds" in lines
    assert "  50% of the rounds were disturbed, more than 20%: heat slowed a core" in lines
    lines = describe(assemble_race(race.info, [*rounds, *make_pair(4, 0.0)]))
    assert any(each.startswith("b against a: UNSTABLE: the machine was disturbed too often") for each in lines)
    assert "  40% of the rounds were disturbed, more than 20%: heat slowed a core" in lines


def test_a_race_of_nothing_says_so() -> None:
    lines = describe(make_race([], make_fallen(reason="ModuleNotFoundError: torch"), ended=None))
    assert "b against a: INCONCLUSIVE, no pair of processes was raced to its end" in lines
    assert "Arm b killed at race of pair 1: ModuleNotFoundError: torch" in lines
    race = make_race([])
    assert make_race_table(race, judge_race(race)).rows[1][2:] == (
        *(None, None, None, None, None, "INCONCLUSIVE", "not trained", 0),
    )


def test_a_line_of_progress_shows_how_the_interval_narrows() -> None:
    plan = make_plan(*ARMS, THIRD)
    found = [Estimate(4, math.log(1.25), math.log1p(0.01), 0.01), None]
    assert narrowing(plan, 4, found, 75.0) == "pair   4  1 min 15 s  b/a 1.2500 (1.2376 to 1.2625, +-1.00%)"
    assert ratio_of(Estimate(1, 0.0, math.inf, 0.0)) == "1.0000"


def test_a_step_of_batches_of_another_size_is_timed_by_its_own_number_of_steps() -> None:
    halved = [msgspec.structs.replace(each, other_num_steps=each.num_steps // 5) for each in make_pair(0, 0.0)]
    race = assemble_race(make_race_info(), halved)
    first, second = make_race_table(race, judge_race(race)).rows
    assert first[2] == pytest.approx(0.001)
    assert second[2] == pytest.approx(0.005)
