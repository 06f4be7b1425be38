"""A sweep as text, compared with files that were read and found right.

After a change that is meant, write them anew and read the difference: UPDATE_GOLDEN=1 pytest tests/bench/render
"""

from __future__ import annotations

import csv
import io
import re

import msgspec
import pytest

from bench.judge.itinerary import Visit
from bench.judge.sweep import judge_sweep
from bench.records.sweep import Sweep, SweepEnded, SweepRecord, assemble_sweep
from bench.render.curve_plot import plot_curves
from bench.render.sweep import describe_sweep, list_sweep_files, report_sweep
from bench.render.sweep_progress import describe_visit
from bench.render.units import number, whole
from tests.bench.golden import check_golden
from tests.bench.render.test_report import HOSTILE
from tests.bench.runs import make_case
from tests.bench.sweeps import make_info, make_lost, make_own_plan, make_plan, make_records, make_sweep, make_timed

VALUES = (1, 10, 100, 1_000, 10_000, 100_000)
COSTS = ((100e-6, 100e-9), (300e-6, 50e-9), (600e-6, 200e-9))


def make_golden_sweep() -> Sweep:
    """Three curves: two that cross, one slower than both; one lost point, one that the budget left out."""
    curves = (make_case("eager"), make_case("reference"), make_case("compiled-model"))
    plan = make_plan(("batch_size", (*VALUES, 1_000_000)), curves=curves)
    refined = [make_timed(99, curve, (4_000,), 500e-6) for curve in range(2)]
    records: list[SweepRecord] = [
        *make_records(COSTS, [(value,) for value in VALUES], 2, 0.002),
        *refined,
        make_lost(0, (1_000_000,), reason=HOSTILE),
        make_lost(2, (1_000_000,), kind="estimate", reason="it takes 90.0 GB at least; there are 8.0 GB on cpu"),
        SweepEnded(reason="budget", seconds=61.0),
    ]
    return assemble_sweep(make_info(plan), records)


def make_threads_sweep() -> Sweep:
    plan = make_plan(("threads", (1, 2, 4)), num_visits=4, curves=(make_case("eager"),))
    records = [
        make_timed(visit, 0, (count,), seconds * (1 + 0.001 * visit))
        for visit in range(4)
        for count, seconds in ((1, 0.004), (2, 0.0021), (4, 0.0021))
    ]
    return assemble_sweep(make_info(plan), records)


def make_golden_texts() -> dict[str, str]:
    sweep = make_golden_sweep()
    result = judge_sweep(sweep)
    texts = {f"sweep-{name}": text for name, text in list_sweep_files(sweep, result).items()}
    threads = list_sweep_files(make_threads_sweep(), judge_sweep(make_threads_sweep()))
    texts |= {f"sweep-{name}": threads[name] for name in ("threads.md", "threads.csv")}
    return texts | {"sweep-100.txt": report_sweep(sweep, result, 100)}


@pytest.mark.parametrize("name", sorted(make_golden_texts()))
def test_a_sweep_is_written_as_its_golden_file(name: str) -> None:
    # What a fit finds depends in its last digits on the machine's linear algebra.
    def is_near(cell: str) -> object:
        return pytest.approx(float(cell), rel=1e-6, abs=1e-9)

    check_golden(name, make_golden_texts()[name], is_near if "laws" in name else None)


def test_no_line_is_wider_than_the_terminal() -> None:
    sweep = make_golden_sweep()
    assert max(map(len, report_sweep(sweep, judge_sweep(sweep), 100).splitlines())) <= 100


def test_hostile_text_of_a_sweep_is_harmless_in_its_files() -> None:
    texts = make_golden_texts()
    for name in ("sweep-left_out.md", "sweep-100.txt"):
        assert all(line.isprintable() for line in texts[name].splitlines()), name
    assert "<img" not in texts["sweep-left_out.md"]
    (row,) = (line for line in texts["sweep-left_out.md"].splitlines() if "out of" not in line and "CUDA error" in line)
    assert row.replace("\\|", "").count("|") == 5


def lines_of(sweep: Sweep) -> list[str]:
    return list(describe_sweep(sweep, judge_sweep(sweep)))


def test_a_crossing_is_said_with_its_interval_and_where_the_default_lies() -> None:
    (line, *_) = lines_of(make_sweep(COSTS[:2], VALUES))
    assert line.startswith("cpu/reference/manual passes cpu/eager/manual at batch size ")
    assert "(1,000 to 10,000); the default of 100 is " in line
    assert line.endswith(" times under")


def test_who_passes_whom_does_not_hang_on_who_comes_first() -> None:
    (line, *_) = lines_of(make_sweep((COSTS[1], COSTS[0]), VALUES))
    assert line.startswith("cpu/eager/manual passes cpu/reference/manual at batch size ")


def test_where_the_default_lies_within_the_interval_that_is_said() -> None:
    (line, *_) = lines_of(make_sweep(((100e-6, 4e-6), (300e-6, 2e-6)), (10, 1_000, 100_000)))
    assert "(10 to 1,000); the default of 100 lies there" in line


def test_what_the_budget_left_is_counted_and_how_to_go_on_is_said() -> None:
    whole_grid = make_sweep(COSTS[:2], VALUES)
    assert not any("are left" in line for line in lines_of(whole_grid))
    begun = assemble_sweep(whole_grid.info, [make_timed(0, 0), make_timed(0, 1)])
    assert lines_of(begun)[-1].startswith("11 visits of the grid are left, 22 s by the mean of the 1 made")
    assert lines_of(assemble_sweep(whole_grid.info, []))[-1].startswith("12 visits of the grid are left: the same")


def test_points_that_were_not_reached_are_listed_in_the_files_and_not_on_the_terminal() -> None:
    sweep = assemble_sweep(make_info(), [make_timed(0, 0), make_timed(0, 1)])
    result = judge_sweep(sweep)
    assert "not reached" in list_sweep_files(sweep, result)["left_out.csv"]
    assert "not reached" not in report_sweep(sweep, result, 100)


def test_along_replicas_a_step_is_said_to_be_of_one_network() -> None:
    def note_of(axis: str) -> str:
        sweep = assemble_sweep(make_info(make_plan((axis, (1, 4)))), [make_timed(0, 0)])
        return list_sweep_files(sweep, judge_sweep(sweep))["curves.md"]

    assert "A step is an update of one network" in note_of("replicas")
    assert "of one network" not in note_of("depth")


def test_what_is_faster_throughout_and_what_can_not_be_told_are_said() -> None:
    (line, *_) = lines_of(make_sweep((COSTS[0], COSTS[2]), VALUES))
    assert line == (
        "cpu/eager/manual is faster than cpu/reference/manual at every batch size from 1 to 100,000: no crossing"
    )
    (line, *_) = lines_of(make_sweep((COSTS[0], COSTS[0]), VALUES, noise=0.02))
    assert line.startswith(
        "UNDECIDED where cpu/reference/manual passes cpu/eager/manual: which is faster can't be told"
    )


@pytest.mark.parametrize(
    ("cost", "line"),
    [
        ((300e-6, 50e-9), "bf16 pays from batch size"),
        ((50e-6, 50e-9), "bf16 pays at every batch size from 1 to 100,000, of cpu/eager/manual"),
        ((300e-6, 300e-9), "bf16 pays at no batch size from 1 to 100,000, of cpu/eager/manual"),
    ],
)
def test_from_where_a_precision_pays_is_said(cost: tuple[float, float], line: str) -> None:
    curves = (make_case("eager"), make_case("eager", precision="bf16"))
    lines = lines_of(make_sweep((COSTS[0], cost), VALUES, curves=curves))
    assert any(each.startswith(line) for each in lines)


def test_a_curve_that_follows_no_law_is_said_to_follow_none() -> None:
    values = tuple(8**power for power in range(6))
    sweep = make_sweep((COSTS[0],), values, curves=(make_case("eager"),))
    timed = [
        msgspec.structs.replace(each, seconds=tuple(1e-3 * each.values[0] ** 1.2 for _ in each.seconds))
        for each in sweep.timed
    ]
    (line,) = (line for line in lines_of(assemble_sweep(sweep.info, timed)) if "no law" in line)
    missed, beside = map(int, re.findall(r"by up to ([0-9]+)%", line))
    assert beside < missed / 2
    assert line.endswith("once a law without a bend is scaled by what it is off at the two points beside each")


def test_the_regime_on_each_side_of_the_knee_is_said() -> None:
    lines = lines_of(make_sweep((COSTS[0],), VALUES, curves=(make_case("eager"),)))
    assert any("under the knee, " in line and "more work is nearly free" in line for line in lines)
    lines = lines_of(make_sweep((COSTS[0],), (*VALUES[:3], 400), curves=(make_case("eager"),), noise=0.0001))
    assert any("above all that was measured" in line for line in lines)
    lines = lines_of(make_sweep(((100e-6, 1e-3),), VALUES, curves=(make_case("eager"),)))
    assert any("below all that was measured" in line for line in lines)


def test_a_sweep_of_a_users_own_model_counts_what_its_steps_take_and_speaks_of_units() -> None:
    values = (2, 8, 32, 128, 512)
    timed = (
        msgspec.structs.replace(each, num_samples=each.num_steps * 24 * each.values[0])
        for each in make_records([(1e-4, 1e-6), (2e-4, 5e-7)], [(value,) for value in values], 2, 0.001)
    )
    sweep = assemble_sweep(make_info(make_own_plan(("num_lines", values))), timed)
    texts = list_sweep_files(sweep, judge_sweep(sweep))
    assert "cpu/conv/bf16 passes cpu/conv at num\\_lines" in texts["sweep.md"]
    assert "the default of 16 is" in texts["sweep.md"]
    assert "ns a unit" in texts["sweep.md"]
    (row, *_) = csv.DictReader(io.StringIO(texts["curves.csv"]))
    assert float(row["samples_per_second"]) == pytest.approx(24 * 2 / 102e-6, rel=0.01)
    assert "seconds_per_unit" in texts["laws.csv"]


def test_the_best_count_of_threads_is_named_with_those_as_good() -> None:
    (line,) = lines_of(make_threads_sweep())
    assert line == "cpu/eager/manual: 2 threads are best; not told apart from it: 4"
    rows = list(csv.DictReader(make_golden_texts()["sweep-threads.csv"].splitlines()))
    assert float(rows[0]["time_ratio"]) == pytest.approx(0.525)


def test_one_that_was_killed_or_interrupted_says_partial() -> None:
    killed = assemble_sweep(make_info(), [make_timed()])
    assert "PARTIAL" in report_sweep(killed, judge_sweep(killed), 100)
    stopped = assemble_sweep(make_info(), [make_timed(), SweepEnded(reason="interrupted", seconds=3.0)])
    assert "PARTIAL: it was interrupted" in report_sweep(stopped, judge_sweep(stopped), 100)


def test_a_plot_has_its_curves_where_they_are() -> None:
    lines = plot_curves([[(1, 1), (100, 100)], [(1, 100), (100, 1)]], [10], (whole, number), 30, height=5)
    assert lines[0].split("|", 1)[1].strip().startswith("b")
    assert lines[0].endswith("a")
    assert lines[4].endswith("b")
    columns = {line.index("|", line.index("|") + 1) for line in lines[:5] if line.count("|") == 2}
    assert len(columns) == 1
    assert lines[-1].split() == ["1", "100"]
    assert all(len(line) <= 30 for line in lines)


def test_a_plot_of_one_value_has_one_column_of_marks() -> None:
    lines = plot_curves([[(4, 2.0)], [(4, 2.0)]], [], (whole, number), 30, height=5)
    assert sum(line.count("*") for line in lines) == 1


def test_a_visit_is_told_with_what_is_left_of_the_budget() -> None:
    plan = make_plan(("batch_size", (100,)), ("hidden", (64,)))
    visit = Visit(((0, (100, 64)), (1, (100, 64))), is_refining=True)
    assert describe_visit(plan, visit, 90.0) == (
        "a crossing: batch size 100, width 64: cpu/eager/manual, cpu/reference/manual; 1 min 30 s left"
    )
