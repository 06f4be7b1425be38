from __future__ import annotations

import pytest

from bench.records.case import Case
from bench.workloads.suites import SUITES, choose_reference, plan_cases
from tests.bench.runs import make_case

REFERENCE = make_case()


@pytest.mark.parametrize("suite", SUITES)
def test_on_a_cpu_the_first_case_of_every_suite_is_the_reference(suite: str) -> None:
    cases = plan_cases(SUITES[suite], ["cpu"], None, None, None, num_threads=1, num_epochs=1_000)
    assert choose_reference(cases) is cases[0]
    assert cases[0] == REFERENCE


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
