"""What a user wants of a verdict: flags that several commands share, and the exit code that follows from them."""

from __future__ import annotations

from argparse import Namespace

import pytest

from bench.strictness import (
    add_failure_flags,
    add_verdict_flags,
    check_verdict_flags,
    choose_by_verdict,
    list_failures,
    list_verdict_flags,
)
from productnet.door import OneLineParser


def make_parser() -> OneLineParser:
    parser = OneLineParser(prog="command")
    add_verdict_flags(parser)
    add_failure_flags(parser)
    return parser


def parse(*words: str) -> Namespace:
    return make_parser().parse_args(words)


@pytest.mark.parametrize(
    ("verdicts", "qualities", "fail_on", "code"),
    [
        ({"SLOWER"}, set(), set(), 0),
        ({"SLOWER", "FASTER"}, set(), {"slower"}, 1),
        ({"FASTER"}, set(), {"slower"}, 0),
        ({"FASTER"}, set(), {"changed"}, 1),
        ({"SAME"}, {"DIFFERENT"}, {"slower"}, 0),
        ({"SAME"}, {"DIFFERENT"}, {"quality"}, 1),
        ({"SAME"}, {"UNDECIDED"}, {"quality"}, 7),
        ({"INCONCLUSIVE"}, set(), {"slower", "changed", "quality"}, 0),
        ({"INCONCLUSIVE"}, set(), {"inconclusive"}, 7),
        ({"INCONCLUSIVE", "SLOWER"}, set(), {"slower", "inconclusive"}, 1),
    ],
)
def test_the_exit_code_follows_from_what_is_to_fail(
    verdicts: set[str], qualities: set[str], fail_on: set[str], code: int
) -> None:
    assert choose_by_verdict(verdicts, qualities, fail_on) == code


@pytest.mark.parametrize(
    ("words", "failing"),
    [
        ((), set()),
        (("--fail-on", "slower,quality"), {"slower", "quality"}),
        (("--fail-on", "nothing"), set()),
        (("--strict",), {"slower", "quality", "inconclusive"}),
        (("--strict", "--fail-on", "changed"), {"slower", "quality", "inconclusive", "changed"}),
    ],
)
def test_what_is_to_fail_is_read(words: tuple[str, ...], failing: set[str]) -> None:
    assert list_failures(parse(*words)) == failing


def test_a_word_that_is_none_is_one_line_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse("--fail-on", "slower,nothing")
    assert caught.value.code == 2
    assert "use slower, changed, quality, inconclusive, nothing" in capsys.readouterr().err


def test_a_margin_within_the_dead_zone_is_refused() -> None:
    with pytest.raises(SystemExit):
        check_verdict_flags(make_parser(), parse("--margin", "1%", "--dead-zone", "2%"))
    check_verdict_flags(make_parser(), parse("--margin", "2%", "--dead-zone", "2%"))


def test_flags_are_handed_on_only_where_they_are_not_as_by_default_and_read_back_as_they_were() -> None:
    assert list_verdict_flags(parse()) == {}
    given = ("--alpha", "1%", "--dead-zone", "0.3%", "--margin", "3.14159%", "--quality-margin", "1.5")
    handed_on = [word for flag in list_verdict_flags(parse(*given)).items() for word in flag]
    assert parse(*handed_on) == parse(*given)
