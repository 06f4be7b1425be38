"""A sweep on the disk: what is written is read, and what was stopped goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from bench.errors import InvalidFileError, NotComparableError, UsageError
from bench.records.case import Shape
from bench.records.sweep import Axis, SweepEnded, SweepPlan, assemble_sweep
from bench.records.sweep_store import SWEEP_FILE, open_sweep, read_sweep
from productnet.config import TrainConfig
from tests.bench.sweeps import CURVES, make_info, make_lost, make_own_plan, make_plan, make_timed


def write(path: Path, *records: object) -> None:
    directory, _ = open_sweep(make_info(), path, ())
    with directory:
        for record in records:
            directory.append(record)  # type: ignore[arg-type]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    timed, lost = make_timed(), make_lost()
    write(tmp_path / "s", timed, lost, SweepEnded(reason="budget", seconds=3.0))
    sweep = read_sweep(tmp_path / "s")
    assert (sweep.timed, sweep.lost, sweep.info) == ((timed,), (lost,), make_info())
    assert sweep.ended is not None
    assert sweep.ended.reason == "budget"


def test_a_later_sitting_adds_to_it_and_may_have_another_budget(tmp_path: Path) -> None:
    write(tmp_path / "s", make_timed(), SweepEnded(reason="interrupted", seconds=3.0))
    info = make_info(make_plan(budget_seconds=600.0))
    directory, sweep = open_sweep(info, tmp_path / "s", ())
    with directory:
        assert len(sweep.timed) == 1
        directory.append(make_timed(1))
    again = read_sweep(tmp_path / "s")
    assert [timed.visit for timed in again.timed] == [0, 1]
    assert again.ended is None


def test_one_that_was_killed_in_the_middle_of_a_line_goes_on_after_the_last_whole_one(tmp_path: Path) -> None:
    write(tmp_path / "s", make_timed())
    samples = tmp_path / "s" / "samples.jsonl"
    with samples.open("ab") as file:
        file.write(b'{"crc32":"0123')
    directory, sweep = open_sweep(make_info(), tmp_path / "s", ())
    with directory:
        assert "torn" in sweep.warnings[0]
        directory.append(make_timed(1))
    assert [timed.visit for timed in read_sweep(tmp_path / "s").timed] == [0, 1]


def test_one_that_was_stopped_before_its_first_visit_goes_on(tmp_path: Path) -> None:
    write(tmp_path / "s")
    directory, sweep = open_sweep(make_info(), tmp_path / "s", ())
    with directory:
        assert sweep.timed == ()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"alpha": 0.1}, "alpha"), ({"curves": make_plan().curves[:1]}, "curves"), ({"num_visits": 3}, "num_visits")],
)
def test_what_is_no_part_of_it_is_not_added(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    write(tmp_path / "s", make_timed())
    with pytest.raises(NotComparableError, match=f"differs in {complaint}"):
        open_sweep(make_info(make_plan(**change)), tmp_path / "s", ())  # type: ignore[arg-type]


def test_another_machine_does_not_add_to_it(tmp_path: Path) -> None:
    write(tmp_path / "s", make_timed())
    info = make_info()
    assert info.environment is not None
    identity = msgspec.structs.replace(info.environment.identity, cpu_model="Another CPU")
    elsewhere = msgspec.structs.replace(info.environment, identity=identity)
    with pytest.raises(NotComparableError, match="cpu_model"):
        open_sweep(msgspec.structs.replace(info, environment=elsewhere), tmp_path / "s", ())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no advisory locks")
def test_two_do_not_write_into_one_at_once(tmp_path: Path) -> None:
    directory, _ = open_sweep(make_info(), tmp_path / "s", ())
    with directory, pytest.raises(UsageError, match="being written by another sweep"):
        open_sweep(make_info(), tmp_path / "s", ())


def test_the_directory_of_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text("")
    with pytest.raises(UsageError, match="in use by another run"):
        open_sweep(make_info(), tmp_path, ())
    with pytest.raises(InvalidFileError, match=SWEEP_FILE):
        read_sweep(tmp_path)


@pytest.mark.parametrize(
    "record", [make_timed(curve=2), make_timed(values=(1, 2)), make_lost(curve=9)], ids=["curve", "axes", "lost"]
)
def test_a_record_of_what_is_not_planned_is_refused(tmp_path: Path, record: object) -> None:
    write(tmp_path / "s", record)
    with pytest.raises(InvalidFileError, match="not planned"):
        read_sweep(tmp_path / "s")


def test_one_point_is_timed_once_a_visit() -> None:
    with pytest.raises(ValueError, match="twice"):
        assemble_sweep(make_info(), [make_timed(), make_timed()])


def test_the_batch_takes_the_samples_along_so_that_an_epoch_has_ten_steps() -> None:
    plan = make_plan(("batch_size", (1, 100, 6_400)))
    for value in plan.axes[0].values:
        shape = plan.case_at(0, (value,)).shape or Shape()
        assert TrainConfig(**msgspec.structs.asdict(shape)).num_steps_per_epoch == 10
    assert plan.case_at(0, (100,)) == plan.curves[0]
    assert plan.case_at(0, (6_400,)).name == "cpu/eager/manual/batch-6400/samples-64000"


def test_a_workload_of_a_users_own_is_called_with_the_values_and_threads_stay_the_cpus() -> None:
    plan = make_own_plan(("width", (8, 64)), ("threads", (1, 2)))
    case = plan.case_at(1, (64, 2))
    assert case.workload is not None
    assert (case.workload.arguments, case.num_threads, case.shape) == ((("width", 64),), 2, None)
    assert [axis.usual for axis in plan.axes] == [16, 1]


def test_an_axis_that_nobody_has_and_curves_of_both_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="speed is no axis of the product network"):
        Axis(name="speed", values=(1, 2))
    own = make_own_plan(("width", (8, 64)))
    with pytest.raises(ValueError, match="has other axes"):
        msgspec.convert(msgspec.to_builtins(msgspec.structs.replace(own, curves=(*own.curves, CURVES[0]))), SweepPlan)


def test_each_axis_changes_what_it_is_called_after() -> None:
    def shape(*point: tuple[str, int]) -> Shape | None:
        plan = make_plan(*((name, (value,)) for name, value in point))
        return plan.case_at(0, tuple(value for _, value in point)).shape

    assert shape(("hidden", 16)) is None
    assert shape(("hidden", 64)) == Shape(hidden_sizes=(64, 32))
    assert shape(("depth", 3)) == Shape(hidden_sizes=(16, 16, 16))
    assert shape(("depth", 2), ("hidden", 8)) == Shape(hidden_sizes=(8, 8))
    assert shape(("num_samples", 5_000)) == Shape(num_samples=5_000)
    assert make_plan(("threads", (4,))).case_at(0, (4,)).num_threads == 4
    assert make_plan(("replicas", (4,))).case_at(0, (4,)).num_replicas == 4


def test_a_name_counts_equal_widths() -> None:
    assert Shape(hidden_sizes=(64, 64, 64, 8)).name_parts == ["hidden-3of64-8"]
    assert Shape().name_parts == []
