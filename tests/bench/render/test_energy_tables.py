"""Joules and money as tables, with what could not be measured."""

from __future__ import annotations

import pytest

from bench.judge.results import judge_run
from bench.records.energy import Metered
from bench.records.journal import Record
from bench.records.run import Run
from bench.render.report import list_files, make_tables
from tests.bench.golden import check_golden
from tests.bench.runs import make_case, make_energy, make_meter, make_run, make_training

REASON = "needs read access to /sys/class/powercap/intel-rapl:0/energy_uj: sudo chmod a+r it"
REFUSED = Metered(scope="cpu", name="RAPL package-0", reason=REASON)


def make_golden_run() -> Run:
    """On a card two cases of which one draws no more than idle, with packages that may not be read; one on the CPU."""
    first, quiet, host = make_case(device="cuda"), make_case("eager", device="cuda"), make_case()
    records: list[Record] = []
    for replicate in range(3):
        more = 10.0 * replicate
        for case, watts in ((first, 250.0 + more), (quiet, 49.0)):
            meters = (make_meter("card", 50.0, watts, "NVML total energy"), REFUSED)
            records += make_training(case, [0.5, 0.5], replicate=replicate)
            records.append(make_energy(case, *meters, replicate=replicate))
        records += make_training(host, [1.0, 1.0], replicate=replicate)
        meter = make_meter("cpu", 20.0, 60.0 + more, "RAPL package-0")
        records.append(make_energy(host, meter, seconds=20.0, replicate=replicate))
    return make_run([first, quiet, host], records, num_replicates=3, prices={"cuda": 2.49})


@pytest.mark.parametrize("name", ["energy.md", "energy.csv", "money.md", "money.csv"])
def test_energy_and_money_are_written_as_their_golden_files(name: str) -> None:
    run = make_golden_run()
    check_golden(name, list_files(run, judge_run(run))[name])


def test_a_table_of_what_nobody_asked_for_is_left_out() -> None:
    run = make_run([make_case()], make_training(make_case(), [1.0]))
    assert not {"energy", "money"} & set(make_tables(run, judge_run(run)))


def test_a_case_of_which_nothing_could_be_read_is_not_measured_and_never_0() -> None:
    case = make_case()
    run = make_run([case], make_training(case, [1.0]), [make_energy(case, REFUSED)])
    (row,) = make_tables(run, judge_run(run))["energy"].rows
    assert row == (case.name, "not measured", f"RAPL package-0: {REASON}", 0.5)
