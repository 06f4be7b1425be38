from __future__ import annotations

from msgspec.structs import replace

from bench.records.case import OwnWorkload
from bench.records.plan import Plan
from tests.bench.runs import make_case

CONV = OwnWorkload(name="conv", place="conv.py:Workload", digest="0" * 64)
OWN = replace(make_case("own", "own"), workload=CONV)


def test_a_case_is_named_after_its_device_engine_and_batching() -> None:
    assert make_case("eager", "dataloader", device="cuda:1").name == "cuda:1/eager/dataloader"


def test_threads_are_in_the_name_only_where_they_are_not_one() -> None:
    assert make_case(num_threads=1).name == "cpu/reference/manual"
    assert make_case(num_threads=2).name == "cpu/reference/manual/2-threads"


def test_replicas_are_in_the_name_only_where_they_are_not_one() -> None:
    assert replace(make_case(num_threads=2), num_replicas=64).name == "cpu/reference/manual/2-threads/64-replicas"


def test_equal_cases_are_one_key() -> None:
    assert len({make_case(), make_case(), make_case(num_threads=2), make_case(num_epochs=10)}) == 3


def test_the_first_case_of_a_plan_is_the_baseline() -> None:
    first, second = make_case("eager"), make_case()
    plan = Plan(suite="quick", cases=(first, second), num_replicates=1, seed=1)
    assert plan.baseline == first


def test_a_workload_s_name_stands_for_engine_and_batching() -> None:
    assert OWN.name == "cpu/conv"
    assert replace(OWN, precision="bf16", num_threads=2).name == "cpu/conv/bf16/2-threads"
    assert replace(OWN, workload=replace(CONV, arguments=(("batch_size", 8),))).name == "cpu/conv/batch_size-8"


def test_another_content_or_place_of_a_file_is_another_case_of_the_like() -> None:
    for changes in ({"digest": "1" * 64}, {"place": "../conv.py:Workload"}):
        other = replace(OWN, workload=replace(CONV, **changes))
        assert other != OWN
        assert other.is_like(OWN)
    assert not OWN.is_like(replace(OWN, workload=replace(CONV, name="other")))
    assert not OWN.is_like(replace(OWN, num_epochs=7))
    assert not OWN.is_like(make_case())
