"""Throughput as bars of plain characters: the fastest first, nothing longer than the terminal, nothing unranked."""

from __future__ import annotations

import pytest

from bench.judge.results import judge_run
from bench.render.bars import draw_throughput
from tests.bench.render.test_report import make_golden_run
from tests.bench.runs import make_case
from tests.bench.sides import EAGER, REFERENCE, make_measured


def test_a_bar_is_as_long_as_its_number() -> None:
    results = judge_run(make_measured({REFERENCE: 2.0, EAGER: 1.0}))
    assert draw_throughput(results, 200).splitlines() == [
        "Samples a second",
        "",
        f"cpu/eager/manual      100.0 {'#' * 60}",
        f"cpu/reference/manual  50.00 {'#' * 30}",
    ]


def test_what_may_not_be_ranked_has_no_bar_and_says_why() -> None:
    lines = draw_throughput(judge_run(make_golden_run()), 100).splitlines()
    assert [line for line in lines if "#" in line] == lines[2:4]
    assert [line.partition("not ranked: ")[2] for line in lines[4:]] == ["INVALID", "DIFFERENT", "UNDECIDED", "failed"]


@pytest.mark.parametrize("width", [120, 60, 40, 30])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    lines = draw_throughput(judge_run(make_golden_run()), width).splitlines()
    assert all(len(line) <= width for line in lines)
    assert all(line.isprintable() for line in lines)


def test_a_hostile_name_moves_nothing() -> None:
    results = judge_run(make_measured({make_case("a\x1b[31m\n"): 2.0, EAGER: 1.0}))
    assert all(line.isprintable() for line in draw_throughput(results, 80).splitlines())


def test_one_case_is_held_against_nothing() -> None:
    assert draw_throughput(judge_run(make_measured({REFERENCE: 2.0})), 80) == ""
