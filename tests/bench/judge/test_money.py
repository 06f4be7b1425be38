"""Where curves cross in money: worked by hand from a + b * n and two prices, found by the same judging as in time."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from bench.judge.crossing import Meeting, Paired
from bench.judge.itinerary import choose_visits
from bench.judge.money import price_pairs
from bench.judge.sweep import judge_sweep
from bench.records.sweep import Sweep, SweepRecord, assemble_sweep, reprice
from bench.render.sweep import list_sweep_files
from bench.render.sweep_money import describe_money
from tests.bench.runs import make_case
from tests.bench.sweeps import make_info, make_plan, make_records, make_sweep, make_timed

HOST, CARD = make_case(), make_case("eager", device="cuda")
COSTS = ((100e-6, 100e-9), (300e-6, 10e-9))
"""In time they cross at 200 / 0.09 = 2,222; with an hour of the card five times as dear at 1,400 / 0.05 = 28,000."""
PRICES = {"cpu": 0.1, "cuda": 0.5}
VALUES = (1, 10, 100, 1_000, 10_000, 100_000)


def make_priced(prices: Mapping[str, float]) -> Sweep:
    return reprice(make_sweep(COSTS, VALUES, curves=(HOST, CARD)), dict(prices))


def test_curves_cross_in_money_where_time_times_price_does() -> None:
    result = judge_sweep(make_priced(PRICES))
    (pairing,) = result.priced
    (crossing,) = pairing.encounter.crossings
    assert (crossing.low, crossing.high) == (10_000, 100_000)
    assert crossing.second_is_faster_above
    (in_time,) = result.pairings
    assert (in_time.encounter.crossings[0].low, in_time.encounter.crossings[0].high) == (1_000, 10_000)


def test_a_card_that_is_too_dear_never_pays() -> None:
    (pairing,) = judge_sweep(make_priced({"cpu": 0.1, "cuda": 2.49})).priced
    assert pairing.encounter.meeting is Meeting.NOT_WITHIN
    assert {point.sign for point in pairing.encounter.points} == {1}


@pytest.mark.parametrize("prices", [{}, {"all": 2.49}, {"cuda": 2.49}, {"cpu": 1.0, "cuda": 1.0}])
def test_without_two_prices_that_differ_there_is_no_crossing_in_money(prices: dict[str, float]) -> None:
    assert judge_sweep(make_priced(prices)).priced == ()


def test_a_ratio_of_times_becomes_one_of_money() -> None:
    pairs = [Paired(100, (0.0, 0.1))]
    (priced,) = price_pairs(pairs, {"cpu": 1.0, "cuda": 1.0 / 2.718281828459045}, HOST, CARD)
    assert priced.differences == pytest.approx((-1.0, -0.9))


def test_a_sweep_with_prices_goes_on_until_the_crossing_in_money_is_known_too() -> None:
    plan = make_plan(("batch_size", VALUES), curves=(HOST, CARD), prices=PRICES)
    luck = random.Random(1)
    records: list[SweepRecord] = [*make_records(COSTS, [(value,) for value in VALUES], 2, 0.001)]
    for number in range(100, 200):
        visits = choose_visits(assemble_sweep(make_info(plan), records), lambda together: len(together) == 1)
        if not visits:
            break
        for curve, values in visits[0].members:
            fixed, each = COSTS[curve]
            seconds = (fixed + each * values[0]) * (1 + luck.gauss(0, 0.001))
            records.append(make_timed(number, curve, values, seconds))
    result = judge_sweep(assemble_sweep(make_info(plan), records))
    for pairings, truth in ((result.pairings, 200 / 0.09), (result.priced, 28_000)):
        (crossing,) = pairings[0].encounter.crossings
        assert crossing.low < truth < crossing.high
        assert crossing.is_known_to(0.1)
        assert crossing.value == pytest.approx(truth, rel=0.1)


def test_what_crosses_in_money_is_said_and_has_a_table() -> None:
    sweep = make_priced(PRICES)
    files = list_sweep_files(sweep, judge_sweep(sweep))
    said = (
        "In money (cpu 0.1, cuda 0.5 an hour): cuda/eager/manual costs less than cpu/reference/manual from "
        "batch size 37,600 (10,000 to 100,000) on"
    )
    assert said in files["sweep.md"]
    head, row = files["money.csv"].splitlines()
    assert "cheaper_above" in head
    assert row.startswith("cpu/reference/manual,cuda/eager/manual,CROSSES,cuda/eager/manual,")
    assert files["money.md"].startswith("## Crossings in money")


def test_one_that_never_pays_and_one_price_for_all_are_said() -> None:
    dear, same = make_priced({"cpu": 0.1, "cuda": 2.49}), make_priced({"all": 2.49})
    (said,) = describe_money(dear.info.plan, judge_sweep(dear))
    assert "cpu/reference/manual costs less than cuda/eager/manual at every batch size from 1 to 100,000" in said
    (said,) = describe_money(same.info.plan, judge_sweep(same))
    assert "an hour costs the same for all curves" in said
    assert "money.csv" not in list_sweep_files(same, judge_sweep(same))
    half = make_priced({"cuda": 2.49})
    (said,) = describe_money(half.info.plan, judge_sweep(half))
    assert said == "In money: --price-per-hour names no price for cpu"
    free = make_priced({})
    assert not list(describe_money(free.info.plan, judge_sweep(free)))
