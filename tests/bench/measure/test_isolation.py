"""A worker that goes wrong costs its own case alone, and none is left behind."""

from __future__ import annotations

import itertools
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil
import pytest

from bench.measure.process import Target, WorkerError, _name_signal, start_worker
from bench.measure.rounds import Probes, measure, plan_waves
from bench.measure.timeouts import Timeouts
from bench.records.case import Case
from bench.records.conditions import Conditions
from bench.records.journal import Block, Counted, Ended, Failed, Record, Started, Trained
from bench.records.plan import Plan
from bench.records.progress import Progress
from bench.records.rates import Rates
from tests.bench.measure.fakes import MISBEHAVING, answer_rubbish, launcher, write_rubbish
from tests.bench.runs import make_rates
from tests.systems import posix_only

SEMAPHORES = Path("/dev/shm")
QUICK = Timeouts(load_seconds=60, set_up_seconds=60, judge_seconds=60, block_seconds=0.4, block_factor=0.0)


def make_plan(*engines: str, num_replicates: int = 1) -> Plan:
    cases = tuple(Case(device="cpu", engine=each, batching="manual", num_threads=1, num_epochs=4) for each in engines)
    return Plan(suite="test", cases=cases, num_replicates=num_replicates, seed=1, num_rounds=2, num_detail_rounds=1)


def run(plan: Plan, directory: Path, timeouts: Timeouts = QUICK, max_workers: int = 8) -> list[Record]:
    records: list[Record] = []
    launch = launcher(directory)
    measure(plan, launch, records.append, lambda _progress: None, max_workers, timeouts)
    for worker in launch.started:  # type: ignore[attr-defined]
        assert worker.process.exitcode is not None, "a worker was left behind"
    return records


def failures(records: list[Record]) -> dict[str, Failed]:
    return {record.case: record for record in records if isinstance(record, Failed)}


@pytest.mark.parametrize(
    ("behaviour", "kind", "stage", "reason"),
    [
        ("raises in set-up", "crashed", "set-up", "ValueError: no such thing for seed 1"),
        ("unavailable", "unavailable", "set-up", "device x is not here"),
        ("raises", "crashed", "train", "RuntimeError: out of luck"),
        pytest.param("leaves a child", "crashed", "train", "RuntimeError: left a child behind", marks=posix_only),
        ("sys.exit(0)", "crashed", "train", "ended without an answer (exit code 0)"),
        ("os._exit(0)", "crashed", "train", "ended without an answer (exit code 0)"),
        pytest.param("crashes", "killed", "train", "ended by SIGSEGV", marks=posix_only),
        pytest.param("is killed", "killed", "train", "ended by SIGKILL", marks=posix_only),
        ("hangs", "timed out", "train", "hung; it stopped in"),
        ("hangs in a line", "timed out", "train", "hung; it stopped in"),
        ("speaks of timeouts", "crashed", "train", "ended without an answer (exit code 3)"),
        ("quotes a timeout", "crashed", "train", "ended without an answer (exit code 1); its last words: out of luck"),
    ],
)
def test_a_case_that_goes_wrong_is_recorded_with_its_reason_and_the_others_are_measured(
    tmp_path: Path, behaviour: str, kind: str, stage: str, reason: str
) -> None:
    records = run(make_plan("good", behaviour), tmp_path)
    failed = failures(records)
    assert list(failed) == [f"cpu/{behaviour}/manual"]
    (failure,) = failed.values()
    assert (failure.kind, failure.stage) == (kind, stage)
    assert failure.reason.startswith(reason)
    assert "--seed 1" in failure.repeat_command
    assert f"--engine '{behaviour}'" in failure.repeat_command or f"--engine {behaviour}" in failure.repeat_command
    good = [record for record in records if not isinstance(record, Failed | Rates) and record.case == "cpu/good/manual"]  # type: ignore[union-attr]
    assert sum(isinstance(record, Block) and record.kind == "train" for record in good) == 2
    assert sum(isinstance(record, Trained) for record in good) == 1
    assert {record.kind for record in good if isinstance(record, Block)} == {"train", "plain", "phases", "inference"}


def test_a_hang_names_the_function_in_which_it_stopped(tmp_path: Path) -> None:
    (failure,) = failures(run(make_plan("good", "hangs"), tmp_path)).values()
    assert "in misbehave" in failure.reason


@posix_only
def test_a_worker_that_is_stopped_from_outside_is_given_up_after_a_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.measure.process.GRACE_SECONDS", 0.5)
    (failure,) = failures(run(make_plan("good", "stops"), tmp_path)).values()
    assert failure.kind == "timed out"


@posix_only
def test_no_process_that_a_worker_started_outlives_it(tmp_path: Path) -> None:
    run(make_plan("good", "leaves a child"), tmp_path)
    pid = int((tmp_path / "1.log").read_text().splitlines()[0])
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the child still runs"
        time.sleep(0.05)


@posix_only
def test_a_semaphore_that_a_killed_worker_leaves_is_removed_and_nobody_hears_of_it(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from tests.bench.measure.test_isolation import failures, make_plan, run\n"
        f"run(make_plan('leaves a semaphore'), Path({str(tmp_path)!r}))\n"
    )
    before = set(SEMAPHORES.glob("sem.mp-*"))
    done = subprocess.run((sys.executable, "-c", program), check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "0.log").read_text().startswith("<RLock")
    assert not set(SEMAPHORES.glob("sem.mp-*")) - before


def test_what_a_workload_prints_goes_to_its_log_and_not_into_the_answers(tmp_path: Path) -> None:
    assert not failures(run(make_plan("prints"), tmp_path))
    assert (tmp_path / "0.log").read_text() == "a stray print\na stray write\n"


@pytest.mark.parametrize("target", [answer_rubbish, pytest.param(write_rubbish, marks=posix_only)])
def test_a_worker_that_answers_rubbish_is_refused(tmp_path: Path, target: Target) -> None:
    worker = start_worker("whatever", tmp_path / "log", target)
    with pytest.raises(WorkerError) as caught:
        worker.wait_until_loaded(30)
    worker.end()
    assert caught.value.kind == "rubbish"
    assert len(caught.value.reason) < 500


def test_a_worker_that_does_not_load_costs_its_case_alone(tmp_path: Path) -> None:
    places = iter(("no_such_module:Workload", MISBEHAVING, MISBEHAVING))
    logs = (tmp_path / f"{number}.log" for number in itertools.count())
    records: list[Record] = []
    plan = make_plan("good", "prints")
    measure(plan, lambda: start_worker(next(places), next(logs)), records.append, lambda _progress: None, 8, QUICK)
    (failed,) = failures(records).values()
    assert (failed.case, failed.kind, failed.stage) == (plan.cases[0].name, "crashed", "start")
    assert {each.case for each in records if isinstance(each, Block)} == {plan.cases[1].name}


def test_a_worker_that_can_not_load_fails_with_its_last_words(tmp_path: Path) -> None:
    worker = start_worker("no_such_module:Workload", tmp_path / "log")
    with pytest.raises(WorkerError, match=r"exit code 1.*ModuleNotFoundError: No module named 'no_such_module'"):
        worker.wait_until_loaded(30)
    worker.end()


def test_a_worker_whose_run_is_gone_already_ends_without_a_word(tmp_path: Path) -> None:
    program = f"from bench.measure.worker import serve; serve(None, {str(tmp_path / 'gone' / 'log')!r}, '')"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


def test_every_process_of_a_case_is_a_replicate_with_a_seed_of_its_own(tmp_path: Path) -> None:
    records = run(make_plan("good", "raises in set-up", num_replicates=2), tmp_path)
    seeds = [record.reason for record in records if isinstance(record, Failed)]
    assert seeds == ["ValueError: no such thing for seed 1", "ValueError: no such thing for seed 2"]
    assert {(record.replicate, record.wave) for record in records if isinstance(record, Started)} == {(0, 0), (1, 1)}


def test_more_cases_than_workers_run_in_waves_and_the_baseline_joins_each() -> None:
    plan = make_plan("a", "b", "c", "d", num_replicates=2)
    waves = [[(case.engine, replicate) for case, replicate in wave] for wave in plan_waves(plan, max_workers=3)]
    assert waves == [
        [("a", 0), ("b", 0), ("c", 0)],
        [("a", 0), ("d", 0)],
        [("a", 1), ("b", 1), ("c", 1)],
        [("a", 1), ("d", 1)],
    ]


def name_reference(plan: Plan, engine: str = "good") -> Plan:
    """Give a plan a reference that is none of its cases."""
    reference = Case(device="cpu", engine=engine, batching="reference", num_threads=1, num_epochs=4)
    return msgspec.structs.replace(plan, reference=reference)


def test_a_reference_that_is_no_case_trains_every_seed_first_and_is_in_no_round(tmp_path: Path) -> None:
    records = run(name_reference(make_plan("good", "prints", num_replicates=3)), tmp_path, max_workers=2)
    ours = [
        record
        for record in records
        if not isinstance(record, Ended | Conditions | Rates) and record.case == "cpu/good/reference"
    ]
    assert records[: len(ours)] == ours
    assert [(each.replicate, len(each.epoch_losses)) for each in ours if isinstance(each, Trained)] == [
        *((0, 4), (1, 4), (2, 4)),
    ]
    assert {block.kind for block in ours if isinstance(block, Block)} == {"train"}
    assert sum(isinstance(record, Block) for record in ours) == 3
    others = [record for record in records if isinstance(record, Trained) and record not in ours]
    assert {record.case for record in others} == {"cpu/good/manual", "cpu/prints/manual"}
    assert {record.wave for record in ours}.isdisjoint({record.wave for record in others})


def test_a_reference_that_is_a_case_trains_once_a_seed_as_that_case(tmp_path: Path) -> None:
    plan = make_plan("good", "prints")
    alone = run(plan, tmp_path)
    named = run(msgspec.structs.replace(plan, reference=plan.cases[1]), tmp_path)
    assert [type(record) for record in named].count(Trained) == [type(record) for record in alone].count(Trained) == 2


def test_a_reference_that_fails_is_recorded_and_costs_no_case(tmp_path: Path) -> None:
    records = run(name_reference(make_plan("good"), engine="raises"), tmp_path)
    assert list(failures(records)) == ["cpu/raises/reference"]
    assert [record.case for record in records if isinstance(record, Trained)] == ["cpu/good/manual"]


def make_ladder(*engines: str, num_replicates: int = 1) -> Plan:
    plan = make_plan(*engines, num_replicates=num_replicates)
    return msgspec.structs.replace(plan, rungs=tuple(case.name for case in plan.cases))


def test_what_a_rung_calls_is_counted_after_all_that_is_timed(tmp_path: Path) -> None:
    records = run(make_ladder("good", num_replicates=2), tmp_path)
    counted = [record for record in records if isinstance(record, Counted)]
    assert [(each.replicate, each.operators_per_step, each.reason) for each in counted] == [
        (0, 0.0, None),
        (1, 0.0, None),
    ]
    for each in counted:
        later = records[records.index(each) :]
        assert not any(isinstance(record, Block) and record.replicate == each.replicate for record in later)
    assert not any(isinstance(record, Counted) for record in run(make_plan("good"), tmp_path))


def test_a_rung_of_which_counting_fails_keeps_all_that_was_measured(tmp_path: Path) -> None:
    records = run(make_ladder("good", "can not be counted"), tmp_path)
    assert not failures(records)
    counted = {record.case: record for record in records if isinstance(record, Counted)}
    failed = counted["cpu/can not be counted/manual"]
    assert (failed.operators_per_step, failed.reason) == (None, "RuntimeError: nobody may look on")
    assert counted["cpu/good/manual"].reason is None
    assert sum(isinstance(record, Trained) for record in records) == 2


def test_the_rates_of_devices_are_measured_before_each_wave_of_a_ladder_and_for_no_reference(tmp_path: Path) -> None:
    records: list[Record] = []
    asked: list[tuple[list[str], int]] = []

    def probe(cases: Sequence[Case], wave: int) -> list[Rates]:
        asked.append(([case.engine for case in cases], wave))
        return [make_rates(5e10, wave=wave)]

    plan = name_reference(make_ladder("good", "prints", num_replicates=2))
    measure(plan, launcher(tmp_path), records.append, lambda _: None, timeouts=QUICK, probes=Probes(rates=probe))
    assert asked == [(["good", "prints"], 1), (["good", "prints"], 2)]
    assert [record.wave for record in records if isinstance(record, Rates)] == [1, 2]
    first = next(place for place, record in enumerate(records) if isinstance(record, Rates))
    assert {record.wave for record in records[:first] if isinstance(record, Block)} == {0}
    asked.clear()
    measure(
        make_plan("good"),
        launcher(tmp_path),
        records.append,
        lambda _: None,
        timeouts=QUICK,
        probes=Probes(rates=probe),
    )
    assert asked == []


def test_no_time_left_is_told_while_the_reference_trains_and_from_then_on_it_is(tmp_path: Path) -> None:
    told: list[Progress] = []
    measure(name_reference(make_plan("good")), launcher(tmp_path), lambda _record: None, told.append, timeouts=QUICK)
    reference = [progress for progress in told if progress.case.batching == "reference"]
    assert {progress.stage for progress in reference} == {"starting", "setting up", "training"}
    assert {progress.seconds_left for progress in reference} == {None}
    assert all(progress.seconds_left is not None for progress in told if progress.stage == "phases and inference")
    assert {progress.num_waves for progress in told} == {2}


def test_workers_end_when_their_coordinator_is_killed_in_the_middle_of_a_block(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from tests.bench.measure.test_isolation import make_plan, launcher\n"
        "from bench.measure.rounds import measure\n"
        f"directory = Path({str(tmp_path)!r})\n"
        "measure(make_plan('hangs'), launcher(directory), lambda record: print(record, flush=True), lambda _: None)\n"
    )
    coordinator = subprocess.Popen((sys.executable, "-c", program), stdout=subprocess.PIPE, text=True)
    assert coordinator.stdout is not None
    assert any("Started" in line for line in coordinator.stdout), "it ended before a worker started"
    time.sleep(0.3)
    workers = psutil.Process(coordinator.pid).children(recursive=True)
    coordinator.kill()
    coordinator.wait()
    coordinator.stdout.close()
    assert workers
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


@posix_only
@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- 2>&-"])
def test_workers_work_where_whoever_started_the_run_has_closed_a_standard_stream(tmp_path: Path, closed: str) -> None:
    program = (
        "from pathlib import Path\n"
        "from productnet.door import run_door\n"
        "from tests.bench.measure.test_isolation import failures, make_plan, run\n"
        f"directory = Path({str(tmp_path)!r})\n"
        "run_door('x', lambda: len(failures(run(make_plan('good'), directory))), ())\n"
    )
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)} {closed}"
    done = subprocess.run(command, shell=True, check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_coordinator_needs_no_torch() -> None:
    modules = "bench.run, bench.measure.rounds, bench.measure.environment, bench.measure.survey, bench.render.report"
    check = f"import {modules}, bench.render.progress, bench.judge.results, sys; assert 'torch' not in sys.modules"
    subprocess.run((sys.executable, "-c", check), check=True)


def test_waiting_for_a_worker_takes_no_processor_time(tmp_path: Path) -> None:
    before = time.process_time()
    run(make_plan("hangs"), tmp_path, Timeouts(block_seconds=1.5, block_factor=0.0))
    assert time.process_time() - before < 1.0, "the coordinator spins"


@posix_only
@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (11, "SIGSEGV"), (40, "signal 40")])
def test_a_signal_is_named_where_it_has_a_name(number: int, name: str) -> None:
    assert _name_signal(number) == name
