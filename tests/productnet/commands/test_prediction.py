from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from productnet.checkpoint import load_checkpoint
from tests.productnet.commands.outcome import Command, check_refused


@pytest.fixture(name="predict")
def _predict(command: Command, trained: Path) -> Command:
    return partial(command, "predict", "--checkpoint", str(trained))


def _rows(text: str) -> list[list[float]]:
    header, _, *rows = text.splitlines()
    assert header.split("  ")[-1].strip() == "absolute error"
    return [[float(cell) for cell in row.split()] for row in rows]


def _answer(path: Path, x1: float, x2: float) -> float:
    checkpoint = load_checkpoint(path)
    mean, std = checkpoint.statistics.mean, checkpoint.statistics.std
    with torch.no_grad():
        standardised = checkpoint.make_model()((torch.tensor([[x1, x2]]) - mean[:2]) / std[:2])
    return float(standardised * std[2] + mean[2])


def test_the_product_learned_stands_beside_the_true_one(predict: Command, trained: Path) -> None:
    outcome = predict("3", "4")
    learned = _answer(trained, 3.0, 4.0)
    assert (outcome.code, outcome.err) == (0, "")
    assert _rows(outcome.out) == [pytest.approx([3, 4, learned, 12, abs(learned - 12)], rel=1e-5)]
    assert "learned" in outcome.out.splitlines()[0]
    assert "x1 * x2" in outcome.out.splitlines()[0]


def test_several_pairs_are_answered_in_their_order(predict: Command, trained: Path) -> None:
    rows = _rows(predict("3", "4", "5.5", "1", "9.5", "9.5").out)
    assert [row[:2] for row in rows] == [[3, 4], [5.5, 1], [9.5, 9.5]]
    assert [row[3] for row in rows] == [12, 5.5, 90.25]
    assert [row[2] for row in rows] == pytest.approx([_answer(trained, *row[:2]) for row in rows], rel=1e-5)


@pytest.mark.parametrize("negative", ["-2.5", "-.5", "-1e-3", "-7", "-1E2"])
def test_negative_numbers_need_no_quoting_wherever_the_flag_stands(
    command: Command, trained: Path, negative: str
) -> None:
    for words in ((negative, "4", "--checkpoint", str(trained)), ("--checkpoint", str(trained), "4", negative)):
        outcome = command("predict", *words)
        assert outcome.code == 0
        (row,) = _rows(outcome.out)
        assert float(negative) in row[:2]
        assert row[3] == 4 * float(negative)


@pytest.mark.parametrize(
    ("words", "unseen"),
    [
        (("1", "9.999"), None),
        (("0.999", "5"), "0.999"),
        (("5", "10"), "10"),
        (("-3", "4", "5", "12", "-3", "2"), "-3, 12"),
    ],
)
def test_numbers_that_the_network_never_saw_are_warned_of(
    predict: Command, words: tuple[str, ...], unseen: str | None
) -> None:
    outcome = predict(*words)
    assert outcome.code == 0
    assert len(_rows(outcome.out)) == len(words) // 2
    if unseen is None:
        assert outcome.err == ""
    else:
        assert outcome.err == (
            f"python -m productnet predict: warning: {unseen}: the network has seen numbers from 1 to below 10 only; "
            "what it makes of others is a guess\n"
        )


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("3",), "numbers are 1: give pairs"),
        (("3", "4", "5"), "numbers are 3: give pairs"),
        (("3", "four"), "'four' is no number"),
        (("3", "nan"), "'nan' is no finite number"),
        (("3", "1e39"), "'1e39' is no finite number"),
        (("3", "-4x"), "'-4x' is no number"),
        ((), "X1 X2"),
        (("3", "4", "--seed", "1"), "--seed"),
        (("3", "4", "--device", "gpu"), "--device 'gpu'"),
    ],
)
def test_what_is_no_pair_of_numbers_is_one_line_and_2(predict: Command, words: tuple[str, ...], named: str) -> None:
    check_refused(predict(*words), 2, named)


def test_a_checkpoint_has_to_be_named_and_to_be_there(command: Command, tmp_path: Path) -> None:
    check_refused(command("predict", "3", "4"), 2, "--checkpoint")
    check_refused(
        command("predict", "3", "4", "--checkpoint", str(tmp_path / "no")), 2, "--checkpoint", "can't be read"
    )
    (tmp_path / "foreign").write_bytes(b"hello, world")
    check_refused(command("predict", "3", "4", "--checkpoint", str(tmp_path / "foreign")), 5, "foreign")
