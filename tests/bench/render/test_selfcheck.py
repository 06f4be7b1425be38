"""What a check of the tool by itself says."""

from __future__ import annotations

import msgspec
import pytest

from bench.render.selfcheck import describe_selfcheck, to_section, warn_of_margin, warn_of_resolution
from tests.bench.races import ARMS, make_plan
from tests.bench.records.test_selfcheck import make_check, make_known

SAME = (ARMS[0], msgspec.structs.replace(ARMS[0], label="b"))


def test_a_check_says_what_was_found_of_the_timer_the_races_and_what_can_be_seen() -> None:
    lines = list(describe_selfcheck(make_check()))
    assert lines[1] == (
        "Timer of cpu: resolution 40.00 ns, a reading 50.00 ns, a block of nothing 200.0 ns; the truth test has passed"
    )
    assert lines[2].startswith("a against a, one layout: SAME, time ratio 1.0010 (0.9910 to 1.0111, +-1.01%)")
    assert "; truth 1.0000, held; 8 pairs in 16 s, spread between pairs 0.50%" in lines[2]
    assert "truth" not in lines[6]
    assert lines[7:9] == [
        "In 10 s, in one layout, four races of five see a slowdown of 1.6% (--budget 10s --resolution 0.81% "
        "--shared-layout)",
        "In 1 min 00 s, in one layout, four races of five see a slowdown of 0.8% (--budget 60s --resolution 0.25% "
        "--shared-layout)",
    ]
    assert len(lines) == 12


def test_an_interval_that_misses_the_truth_is_said_so() -> None:
    races = (*make_check().races[:3], make_known("slowed down", truth=0.05))
    assert "truth 1.0513, MISSED" in "\n".join(describe_selfcheck(make_check(races=races)))


@pytest.mark.parametrize(
    ("resolution", "budget", "words"),
    [
        (0.02, 60.0, None),
        (0.003, 60.0, "+-0.75% is what it reaches; it would take about"),
        (0.02, 15.0, "too few pairs fit; it would take about"),
        (0.0001, 60.0, "no budget is enough"),
    ],
)
def test_who_asks_for_more_than_the_machine_can_do_is_warned(
    resolution: float, budget: float, words: str | None
) -> None:
    warning = warn_of_resolution(make_check(), make_plan(*SAME, resolution=resolution, budget_seconds=budget))
    assert warning is None if words is None else words in str(warning)


def test_one_layout_is_held_against_the_race_in_one_layout() -> None:
    plan = make_plan(*SAME, resolution=0.005, budget_seconds=60.0, shares_layout=True)
    assert warn_of_resolution(make_check(), plan) is None


def test_a_check_says_nothing_of_what_it_did_not_race() -> None:
    assert warn_of_resolution(make_check(), make_plan(resolution=0.0001)) is None
    assert warn_of_resolution(make_check(), make_plan(*SAME, resolution=0.0001)) is not None


def test_a_margin_that_is_finer_than_what_races_told_is_warned_of() -> None:
    assert warn_of_margin(make_check(), 0.02, 0.005) is None
    warning = warn_of_margin(make_check(), 0.006, 0.005)
    assert warning is not None
    assert warning.startswith("A margin of 0.60% is finer than what this machine could tell when it was checked")
    assert "slowdowns from 0.9% on" in warning


def test_a_section_for_a_document_is_a_list() -> None:
    first, _, *items = to_section(make_check()).splitlines()
    assert first.startswith("`python -m bench.selfcheck --publish`, 20")
    assert len(items) == len(list(describe_selfcheck(make_check())))
    assert all(item.startswith("- ") for item in items)
