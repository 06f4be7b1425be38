from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.blocks import MIN_BLOCK_SECONDS, amount_for, cut_training


def test_a_training_of_many_seconds_is_cut_into_one_block_for_each_round() -> None:
    blocks = cut_training(num_epochs=1000, epoch_seconds=0.004, num_rounds=12)
    assert [block.num_epochs for block in blocks] == [83, 83, 84] * 4
    assert [block.starts_training for block in blocks] == [True] + [False] * 11
    assert [block.ends_training for block in blocks] == [False] * 11 + [True]


def test_a_training_shorter_than_a_block_is_repeated_whole_in_every_round() -> None:
    blocks = cut_training(num_epochs=1000, epoch_seconds=0.00002, num_rounds=12)
    assert [block.num_epochs for block in blocks] == [1000] * 12
    assert [block.repetition for block in blocks] == list(range(12))


def test_a_training_in_between_is_cut_and_repeated() -> None:
    blocks = cut_training(num_epochs=1000, epoch_seconds=0.0009, num_rounds=12)
    assert [block.num_epochs for block in blocks] == [250] * 12
    assert [block.repetition for block in blocks] == [0] * 4 + [1] * 4 + [2] * 4


@given(
    num_epochs=st.integers(1, 5000),
    epoch_seconds=st.floats(1e-6, 100),
    num_rounds=st.integers(1, 24),
)
def test_however_a_training_is_cut_every_repetition_is_whole(
    num_epochs: int, epoch_seconds: float, num_rounds: int
) -> None:
    blocks = cut_training(num_epochs, epoch_seconds, num_rounds)
    assert len(blocks) == num_rounds
    assert all(block.num_epochs >= 1 for block in blocks)
    for repetition in {block.repetition for block in blocks}:
        own = [block for block in blocks if block.repetition == repetition]
        assert sum(block.num_epochs for block in own) == num_epochs
        assert [block.starts_training for block in own] == [True] + [False] * (len(own) - 1)
        assert [block.ends_training for block in own] == [False] * (len(own) - 1) + [True]
    if len(blocks) > 1 and blocks[0].num_epochs < num_epochs:
        assert num_epochs * epoch_seconds / len(own) >= MIN_BLOCK_SECONDS


@pytest.mark.parametrize(("unit_seconds", "amount"), [(0.01, 10), (0.03, 3), (5.0, 1)])
def test_a_detail_block_holds_as_many_units_as_last_about_its_time(unit_seconds: float, amount: int) -> None:
    assert amount_for(0.1, unit_seconds) == amount
