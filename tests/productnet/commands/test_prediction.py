from __future__ import annotations

from pathlib import Path

import pytest

from tests.productnet.commands.outcome import Command, check_refused


def test_each_pair_is_answered_beside_the_true_product(command: Command, trained: Path) -> None:
    outcome = command("predict", "3", "4", "2.5", "8", "--checkpoint", str(trained))
    assert outcome.code == 0
    assert outcome.err == ""
    rows = [line.split() for line in outcome.out.splitlines()[2:]]
    assert [(row[0], row[1], row[3]) for row in rows] == [("3", "4", "12"), ("2.5", "8", "20")]
    for row in rows:
        # Thirty epochs make a rough network: far from a random answer, and not the product itself.
        assert 0 < abs(float(row[2]) - float(row[3])) < 15
        assert float(row[4]) == pytest.approx(abs(float(row[2]) - float(row[3])), rel=0.01)


def test_numbers_that_the_network_never_saw_are_warned_of(command: Command, trained: Path) -> None:
    outcome = command("predict", "-3", "4", "-1e-3", "10", "--checkpoint", str(trained))
    assert outcome.code == 0
    assert len(outcome.err.splitlines()) == 1
    assert "warning: -3, -0.001, 10: the network has seen numbers from 1 to below 10 only" in outcome.err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("3",), ("pairs", "3 4")),
        (("3", "four"), ("'four'", "no number")),
        (("3", "inf"), ("'inf'", "finite")),
        (("3", "nan"), ("'nan'", "finite")),
        (("3", "1e39"), ("'1e39'", "float32")),
    ],
)
def test_what_is_no_pair_of_numbers_is_one_line_and_2(
    command: Command, trained: Path, words: tuple[str, ...], named: tuple[str, ...]
) -> None:
    check_refused(command("predict", *words, "--checkpoint", str(trained)), 2, *named)


def test_a_prediction_needs_a_checkpoint(command: Command) -> None:
    check_refused(command("predict", "3", "4"), 2, "--checkpoint")
