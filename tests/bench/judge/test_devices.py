"""Devices of several machines: what each takes, within itself and beside the others, and the place of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from bench.judge.devices import (
    CaseTime,
    DeviceFigure,
    MachineRun,
    choose_reference_mode,
    compare_devices,
    find_plan_conflicts,
    list_times,
    rank,
    summarise_devices,
)
from bench.records.case import Case
from bench.records.run import Run
from tests.bench.runs import make_case, make_run, make_training
from tests.bench.sides import CRITERIA, EAGER, REFERENCE, make_environment, make_measured

CUDA, CUDA_EAGER = make_case(device="cuda:0"), make_case("eager", device="cuda:0")


def run_on(host: str, cpu: str, seconds: Mapping[Case, float]) -> Run:
    return make_measured(seconds, environment=make_environment({"cpu_model": cpu}, host_name=host))


def name(*runs: Run, is_published: bool = False) -> list[MachineRun]:
    return [MachineRun(f"run {place} {is_published}", run, is_published) for place, run in enumerate(runs)]


def times_of(machines: list[MachineRun]) -> list[CaseTime]:
    return list_times(machines, lambda _case: True)


def figures_of(*runs: Run) -> dict[tuple[str, str], DeviceFigure]:
    return {(each.device, each.mode): each for each in compare_devices(times_of(name(*runs)), CRITERIA)}


def test_a_device_is_its_model_and_kind_and_a_mode_is_the_rest_of_a_case() -> None:
    found = figures_of(run_on("h", "CPU A", {REFERENCE: 4.0, EAGER: 2.0, CUDA: 1.0, CUDA_EAGER: 0.25}))
    assert list(found) == [
        ("CPU A (cpu)", "reference/manual"),
        ("CPU A (cpu)", "eager/manual"),
        ("Example GPU (cuda)", "reference/manual"),
        ("Example GPU (cuda)", "eager/manual"),
    ]


def test_speedups_are_within_each_device() -> None:
    found = figures_of(run_on("h", "CPU A", {REFERENCE: 4.0, EAGER: 2.0, CUDA: 1.0, CUDA_EAGER: 0.25}))
    assert [each.speedup for each in found.values()] == pytest.approx([1.0, 2.0, 1.0, 4.0])


def test_ratios_are_over_the_first_device_and_summarised_over_shared_modes() -> None:
    loader = make_case(batching="dataloader")
    one = run_on("h", "CPU A", {REFERENCE: 4.0, EAGER: 2.0})
    other = run_on("i", "CPU B", {REFERENCE: 2.0, EAGER: 0.25, loader: 9.0})
    found = figures_of(one, other)
    assert found["CPU A (cpu)", "eager/manual"].difference is None
    assert found["CPU B (cpu)", "reference/dataloader"].difference is None
    difference = found["CPU B (cpu)", "eager/manual"].difference
    assert difference is not None
    assert difference.mean == pytest.approx(math.log(1 / 8))
    (overall,) = summarise_devices(list(found.values()))
    assert (overall.device, overall.num_modes) == ("CPU B (cpu)", 2)
    assert (overall.ratio, overall.least, overall.most) == pytest.approx((0.25, 0.125, 0.5))


def test_the_unit_is_the_run() -> None:
    runs = [run_on(host, "CPU A", {EAGER: math.exp(each)}) for host, each in (("h", 0.0), ("h", 0.1), ("i", 0.2))]
    (figure,) = figures_of(*runs).values()
    assert len(figure.seconds) == 3
    assert figure.half_width == pytest.approx(4.30265 * 0.1 / math.sqrt(3), rel=1e-5)
    assert (figure.num_machines, figure.is_of_one_machine) == (2, False)


@pytest.mark.parametrize("hosts", ["h", "hh", "hi", "hhh"])
def test_below_three_runs_on_two_machines_it_is_this_machine_only(hosts: str) -> None:
    runs = [run_on(host, "CPU A", {EAGER: 1.0 + place}) for place, host in enumerate(hosts)]
    (figure,) = figures_of(*runs).values()
    assert figure.is_of_one_machine


def test_three_runs_a_device_have_an_interval_of_their_ratio() -> None:
    runs = [
        run_on("h", cpu, {EAGER: scale * each}) for cpu, scale in (("A", 1.0), ("B", 2.0)) for each in (1, 1.1, 0.9)
    ]
    difference = figures_of(*runs)["B (cpu)", "eager/manual"].difference
    assert difference is not None
    assert difference.mean == pytest.approx(math.log(2))
    assert difference.half_width is not None


def test_machines_of_unknown_model_are_not_put_together() -> None:
    runs = [make_measured({EAGER: 1.0}, environment=None) for _ in range(2)]
    assert len(figures_of(*runs)) == 2


def test_what_did_not_learn_or_failed_has_no_time() -> None:
    run = make_run([REFERENCE, EAGER], make_training(REFERENCE, [1.0]), make_training(EAGER, [1.0], r_squared=0.1))
    assert [mode for _, mode in figures_of(run)] == ["reference/manual"]


def test_the_reference_mode_is_the_first_that_all_devices_have() -> None:
    times = times_of(name(run_on("h", "A", {REFERENCE: 1.0, EAGER: 1.0}), run_on("h", "B", {EAGER: 1.0})))
    assert choose_reference_mode(times) == "eager/manual"
    assert choose_reference_mode([]) is None


def test_a_run_has_its_place_among_the_published_ones_of_each_mode() -> None:
    published = name(*(run_on("p", "P", {EAGER: each}) for each in (1.0, 2.0, 4.0)), is_published=True)
    times = times_of([*name(run_on("h", "A", {REFERENCE: 1.0, EAGER: 3.0})), *published])
    assert [rank(time, times) for time in times] == [None, (3, 4), None, None, None]


def test_other_bytes_of_a_seed_refuse_only_between_processors_of_one_kind() -> None:
    def trained_on(cpu: str, digest: str, num_epochs: int = 1_000) -> Run:
        case = make_case("eager", num_epochs=num_epochs)
        environment = make_environment({"cpu_model": cpu})
        return make_run([case], make_training(case, [1.0], digest=digest), environment=environment)

    first = trained_on("A", "x")
    assert find_plan_conflicts(first, trained_on("B", "x")) == ([], [])
    refusing, noted = find_plan_conflicts(first, trained_on("A", "y"))
    assert ([each.field for each in refusing], noted) == (["digest"], [])
    refusing, noted = find_plan_conflicts(first, trained_on("B", "y"))
    assert (refusing, [each.field for each in noted]) == ([], ["digest"])
    refusing, noted = find_plan_conflicts(first, trained_on("B", "y", 10))
    assert ([each.field for each in refusing], noted) == (["epochs"], [])
