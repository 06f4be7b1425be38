from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.records.case import Case
from bench.records.journal import Record
from bench.records.plan import Plan
from bench.records.rates import RATES, Rates, StepWork
from bench.records.store import create_run, read_run
from tests.bench.runs import make_case, make_counted, make_info, make_rates, make_run, make_started

CASE, OTHER = make_case(), make_case("eager")


def test_rates_counts_work_and_rungs_are_read_back_as_they_were_stored(tmp_path: Path) -> None:
    work = StepWork(num_flops=107_109, num_bytes=5_832, working_set_bytes=14_316)
    rates = [make_rates(5e10), make_rates(None, wave=1)]
    counts = [make_counted(CASE, 148.1), make_counted(OTHER, None, reason="no")]
    records: list[Record] = [*rates, make_started(CASE, work=work), *counts]
    with create_run(make_info([CASE, OTHER], rungs=[OTHER, CASE]), tmp_path / "run", ()) as directory:
        for record in records:
            directory.append(record)
    run = read_run(tmp_path / "run")
    assert run.rates == tuple(rates)
    assert run.info.plan.rungs == ("cpu/eager/manual", "cpu/reference/manual")
    (measurement,) = run.measurements_of(CASE)
    assert measurement.started is not None
    assert measurement.started.work == work
    assert measurement.counted == counts[0]
    assert run.measurements_of(OTHER)[0].counted == counts[1]


def test_a_rate_that_is_missing_has_a_reason_and_one_that_is_there_has_none() -> None:
    known = dict.fromkeys(RATES, 1e9)
    with pytest.raises(ValueError, match=r"missing: \['operators_per_second'\], reasons for: \[\]"):
        Rates(device="cpu", precision="fp32", num_threads=1, wave=0, **(known | {"operators_per_second": None}))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"missing: \[\], reasons for: \['operators_per_second'\]"):
        Rates(
            device="cpu", precision="fp32", num_threads=1, wave=0, **known, reasons={"operators_per_second": "broken"}
        )


@pytest.mark.parametrize("rate", ["0.0", "-1.0", "1e999", "NaN", "null"])
def test_no_rate_is_read_that_nothing_can_be_divided_by(rate: str) -> None:
    line = msgspec.json.encode(make_rates(5e10)).decode().replace("50000000000.0", rate)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(line, type=Rates)


@pytest.mark.parametrize("rungs", [(CASE,), (CASE, CASE), (CASE, OTHER, OTHER), (CASE, make_case("other"))])
def test_a_ladder_climbs_each_of_its_cases_once(rungs: tuple[Case, ...]) -> None:
    with pytest.raises(ValueError, match="the rungs of a ladder are its cases, each once"):
        Plan(
            suite="ladder",
            cases=(CASE, OTHER),
            num_replicates=1,
            seed=1,
            rungs=tuple(each.name for each in rungs),
        )


def test_a_run_that_is_no_ladder_has_no_rungs_and_no_rates() -> None:
    run = make_run([CASE])
    assert (run.info.plan.rungs, run.rates) == ((), ())
