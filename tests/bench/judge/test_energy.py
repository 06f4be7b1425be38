"""Joules and money worked by hand: watts times seconds, and a price times hours."""

from __future__ import annotations

import msgspec
import pytest

from bench.judge.energy import CaseEnergy
from bench.judge.results import CaseResult, judge_run
from bench.records.energy import Metered
from bench.records.journal import Record
from bench.records.price import find_price
from tests.bench.runs import make_block, make_case, make_energy, make_meter, make_run, make_started, make_training

CASE = make_case(device="cuda")
REFUSED = Metered(scope="cpu", name="RAPL package-0", reason="needs read access")


def judge(*records: Record, num_replicates: int = 1, prices: dict[str, float] | None = None) -> CaseResult:
    (result,) = judge_run(make_run([CASE], records, num_replicates=num_replicates, prices=prices))
    return result


def judge_energy(*records: Record, num_replicates: int = 1) -> CaseEnergy:
    energy = judge(*records, num_replicates=num_replicates).energy
    assert energy is not None
    return energy


def test_joules_are_power_times_the_time_of_as_many_steps_as_a_training_has() -> None:
    # 2,000 steps of 100 samples took 10 s at 250 W: 200 steps, which are a training, take 1 s.
    energy = judge_energy(*make_training(CASE, [0.5, 0.5]), make_energy(CASE, make_meter("card", 50.0, 250.0)))
    card = energy.scopes["card"]
    assert card.training_joules is not None
    assert card.training_joules_above_idle is not None
    assert card.samples_per_joule is not None
    assert card.samples_per_joule_above_idle is not None
    assert card.training_joules.median == pytest.approx(250.0)
    assert card.training_joules_above_idle.median == pytest.approx(200.0)
    assert card.samples_per_joule.median == pytest.approx(200_000 / 2_500)
    assert card.samples_per_joule_above_idle.median == pytest.approx(200_000 / 2_000)
    assert card.counters == "a counter: 100 refreshes in 10.0 s"
    assert energy.step_time_ratio == pytest.approx(1.0)
    assert list(energy.scopes) == ["card"]


def test_steps_that_took_longer_while_counters_were_watched_are_seen() -> None:
    energy = judge_energy(*make_training(CASE, [0.25, 0.25]), make_energy(CASE, make_meter("card", 50.0, 250.0)))
    assert energy.step_time_ratio == pytest.approx(2.0)


def test_packages_are_added_up_and_the_card_is_kept_apart() -> None:
    meters = (
        make_meter("card", 50.0, 250.0),
        make_meter("cpu", 20.0, 60.0, "one"),
        make_meter("cpu", 10.0, 30.0, "two"),
    )
    energy = judge_energy(*make_training(CASE, [1.0]), make_energy(CASE, *meters))
    assert list(energy.scopes) == ["card", "cpu"]
    watts, idle_watts = energy.scopes["cpu"].watts, energy.scopes["cpu"].idle_watts
    assert watts is not None
    assert idle_watts is not None
    assert (watts.median, idle_watts.median) == (90.0, 30.0)
    assert energy.scopes["cpu"].counters == "one: 100 refreshes in 10.0 s; two: 100 refreshes in 10.0 s"


def test_a_package_that_could_not_be_read_leaves_no_figure_of_the_others_alone() -> None:
    energy = judge_energy(
        *make_training(CASE, [1.0]),
        make_energy(CASE, make_meter("card", 50.0, 250.0), make_meter("cpu", 20, 60), REFUSED),
    )
    cpu = energy.scopes["cpu"]
    assert (cpu.watts, cpu.training_joules, cpu.samples_per_joule) == (None, None, None)
    assert "RAPL package-0: needs read access" in cpu.counters
    assert energy.scopes["card"].watts is not None


@pytest.mark.parametrize(("watts", "is_resolved"), [(50.0, False), (60.0, False), (61.0, False), (62.0, True)])
def test_what_is_not_told_from_idle_by_more_than_1_percent_of_both_has_no_joules_above_it(
    watts: float, is_resolved: bool
) -> None:
    energy = judge_energy(*make_training(CASE, [1.0]), make_energy(CASE, make_meter("card", 60.0, watts)))
    card = energy.scopes["card"]
    assert card.training_joules is not None
    assert (card.training_joules_above_idle is not None) == is_resolved
    assert (card.samples_per_joule_above_idle is not None) == is_resolved


def test_a_training_that_was_not_done_to_its_end_has_power_and_no_joules() -> None:
    meter = make_meter("card", 50.0, 250.0)
    records: list[Record] = [make_started(CASE), make_block(CASE, 1.0), make_energy(CASE, meter)]
    card = judge_energy(*records).scopes["card"]
    assert card.watts is not None
    assert card.training_joules is None


def test_each_replicate_is_one_value() -> None:
    records: list[Record] = []
    for replicate, watts in enumerate((100.0, 200.0, 400.0)):
        records += make_training(CASE, [1.0], replicate=replicate)
        records.append(make_energy(CASE, make_meter("card", 50.0, watts), replicate=replicate))
    found = judge_energy(*records, num_replicates=3).scopes["card"].watts
    assert found is not None
    assert (found.count, found.median, found.low, found.high) == (3, 200.0, 150.0, 300.0)


def test_a_run_that_was_not_asked_has_no_energy_and_no_money() -> None:
    result = judge(*make_training(CASE, [1.0]))
    assert (result.energy, result.price_per_hour, result.training_money) == (None, None, None)


def test_money_is_the_price_of_an_hour_times_the_hours() -> None:
    result = judge(*make_training(CASE, [18.0, 18.0]), prices={"cuda": 2.5})
    assert result.training_money is not None
    assert result.training_money.median == pytest.approx(0.025)  # 36 s are a hundredth of an hour


def test_a_device_has_its_own_price_or_its_kinds_or_that_of_all() -> None:
    prices = {"cuda:1": 3.0, "cuda": 2.0, "all": 1.0}
    assert [find_price(prices, device) for device in ("cuda:1", "cuda", "cuda:2", "cpu")] == [3.0, 2.0, 2.0, 1.0]
    assert find_price({"cuda": 2.0}, "cpu") is None


@pytest.mark.parametrize("parts", [{"reason": "why"}, {"idle": None}, {"training": None}])
def test_a_record_has_what_was_counted_or_a_reason_and_never_both(parts: dict[str, str | None]) -> None:
    whole = msgspec.to_builtins(make_meter("card", 50.0, 250.0))
    with pytest.raises(msgspec.ValidationError, match="either what it counted"):
        msgspec.convert(whole | parts, Metered)
