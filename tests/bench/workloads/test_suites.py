from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from bench.records.case import Case
from bench.workloads.suites import SUITES, choose_reference, order_rungs, plan_cases
from productnet.registry import BATCHINGS, ENGINES
from tests.bench.runs import make_case

REFERENCE = make_case()


@pytest.mark.parametrize("suite", SUITES)
def test_on_a_cpu_the_first_case_of_every_suite_is_the_reference(suite: str) -> None:
    cases = plan_cases(SUITES[suite], ["cpu"], None, None, None, num_threads=1, num_epochs=1_000)
    assert choose_reference(cases) is cases[0]
    assert cases[0] == REFERENCE


def plan_replicas(engines: tuple[str, ...] | None, batchings: tuple[str, ...] | None) -> list[str]:
    cases = plan_cases(SUITES["quick"], ["cpu"], engines, batchings, None, 1, 1_000, replicas=(1, 4))
    return [case.name for case in cases if case.num_replicas > 1]


def test_what_a_user_named_and_trains_one_network_at_a_time_is_tried_and_says_so_itself() -> None:
    assert plan_replicas(None, None) == ["cpu/eager/manual/4-replicas"]
    assert plan_replicas(("reference",), None) == ["cpu/reference/manual/4-replicas"]
    assert plan_replicas(None, ("dataloader",)) == ["cpu/eager/dataloader/4-replicas"]


def test_replicas_of_the_reference_are_not_the_reference() -> None:
    several = msgspec.structs.replace(REFERENCE, num_replicas=4)
    assert choose_reference([several]) == REFERENCE


def test_the_reference_is_taken_from_wherever_it_stands_among_the_cases_and_with_its_threads() -> None:
    own = make_case(num_threads=2)
    assert choose_reference([make_case(device="cuda:0"), make_case("eager"), own]) is own


@pytest.mark.parametrize(
    "case",
    [
        make_case(device="cuda:0", num_threads=2),
        make_case("eager"),
        make_case(batching="dataloader"),
        make_case(precision="fp16"),
    ],
)
def test_where_no_case_is_the_reference_it_is_one_of_its_own_with_as_many_epochs(case: Case) -> None:
    assert choose_reference([case]) == REFERENCE
    assert choose_reference([make_case("eager", num_epochs=7)]).num_epochs == 7


def plan_ladder(*devices: str, engines: tuple[str, ...] | None = None) -> tuple[str, ...]:
    return order_rungs(plan_cases(SUITES["ladder"], devices, engines, None, None, num_threads=1, num_epochs=1_000))


def test_a_ladder_climbs_from_the_stock_loader_over_the_batchings_to_every_engine_that_is_registered() -> None:
    rungs = [name.split("/")[1:] for name in plan_ladder("cpu")]
    assert rungs[:3] == [["reference", "dataloader"], ["reference", "dataloader-batched"], ["reference", "manual"]]
    assert rungs[3:] == [[engine, "manual"] for engine in ENGINES if engine != "reference"]
    assert {batching for _, batching in rungs} == set(BATCHINGS)


def test_each_rung_differs_from_the_one_before_in_one_thing() -> None:
    for before, after in pairwise(name.split("/") for name in plan_ladder("cpu")):
        assert sum(ours != theirs for ours, theirs in zip(before, after, strict=True)) == 1


def test_loaders_with_workers_are_rungs_above_the_one_without() -> None:
    batchings = ("manual", "dataloader:2", "dataloader", "dataloader:1")
    cases = plan_cases(SUITES["ladder"], ["cpu"], ["eager"], batchings, ["fp32"], num_threads=1, num_epochs=1_000)
    names = [f"cpu/eager/{name}" for name in ("dataloader", "dataloader:1", "dataloader:2", "manual")]
    assert list(order_rungs(cases)) == names


def test_every_device_has_a_ladder_of_its_own() -> None:
    alone = plan_ladder("cuda:1")
    assert plan_ladder("cuda:1", "cpu") == (*alone, *(name.replace("cuda:1", "cpu") for name in alone))


def test_every_number_of_replicas_has_a_ladder_of_its_own() -> None:
    modes = ("fused", "eager"), ("manual",), ("fp32",)
    cases = plan_cases(SUITES["ladder"], ("cpu",), *modes, num_threads=1, num_epochs=1_000, replicas=(4, 1))
    assert order_rungs(cases) == (
        "cpu/eager/manual",
        "cpu/fused/manual",
        "cpu/eager/manual/4-replicas",
        "cpu/fused/manual/4-replicas",
    )


def test_engines_that_are_named_are_climbed_in_the_order_of_the_registry_under_every_batching() -> None:
    assert plan_ladder("cpu", engines=("eager", "reference")) == tuple(
        f"cpu/{engine}/{batching}"
        for engine in ("reference", "eager")
        for batching in ("dataloader", "dataloader-batched", "manual")
    )
