"""The figures of `docs/method.md` are those of the data beside it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from bench.campaigns.analysis import (
    list_errors,
    make_edge_table,
    make_margins_table,
    make_scatter_table,
    make_seeds_table,
    share_equivalent_at,
    share_verdicts,
)
from bench.campaigns.modes import MODES, REFERENCE
from bench.campaigns.trainings import Outcome, read_outcomes
from bench.judge.quality import Quality
from bench.records.plan import QUALITY_MARGIN
from bench.render.table import Table, to_markdown

DOCS = Path(__file__).parents[3] / "docs"
NUM_SEEDS = 64


@cache
def read() -> list[Outcome]:
    return read_outcomes(DOCS / "data" / "equal-quality.jsonl.gz")


def list_rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_mode_was_trained_with_every_seed() -> None:
    done = [(outcome.mode, outcome.seed) for outcome in read()]
    assert sorted(done) == sorted(itertools.product(MODES, range(1, NUM_SEEDS + 1)))


def test_the_scatter_in_the_document_is_that_of_the_data() -> None:
    rows = list_rows((DOCS / "method.md").read_text(encoding="utf-8"))
    for row in list_rows(to_markdown(make_scatter_table(read())))[2:]:
        assert row in rows


@pytest.mark.parametrize("mode", ["reference bf16", "half the epochs"])
@pytest.mark.parametrize("make_table", [make_seeds_table, make_margins_table, make_edge_table])
def test_the_shares_in_the_document_are_those_of_the_data(
    make_table: Callable[[Sequence[Outcome], Sequence[str]], Table], mode: str
) -> None:
    rows = list_rows((DOCS / "method.md").read_text(encoding="utf-8"))
    (row,) = list_rows(to_markdown(make_table(read(), [mode])))[2:]
    assert row in rows


def test_modes_that_ought_to_be_equal_are_found_so_and_half_a_training_never_is() -> None:
    reference = list_errors(read(), REFERENCE)
    for mode in ("eager fp32", "compiled-model fp32", "compiled fp32", "fused fp32"):
        shares = share_verdicts(list_errors(read(), mode), reference, 3, QUALITY_MARGIN)
        assert set(shares) == {Quality.EQUIVALENT}
    shares = share_verdicts(list_errors(read(), "half the epochs"), reference, 8, QUALITY_MARGIN)
    assert shares[Quality.DIFFERENT] > 0.9 * shares.total()
    assert shares[Quality.EQUIVALENT] == 0


def test_normal_ratios_at_the_edge_pass_as_often_as_promised() -> None:
    """The share that the document tells of real ratios is 5 % where they are normal."""

    stream = random.Random(1)
    errors: dict[int, float | None] = {seed: stream.lognormvariate(0.0, 0.05) for seed in range(4_000)}
    assert share_equivalent_at(QUALITY_MARGIN, errors, dict.fromkeys(errors, 1.0), 5) == pytest.approx(0.05, abs=0.015)
