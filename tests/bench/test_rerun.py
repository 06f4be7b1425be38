"""The door of measuring again: what it takes from a stored run, what it refuses, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bench import rerun as door
from bench.errors import BenchError, NotComparableError, UsageError
from bench.own import make_own_case
from bench.records.journal import Ended
from bench.records.plan import Plan
from bench.records.run import Run
from bench.records.store import create_run, read_run
from bench.workloads.files import find_workload
from tests.bench.golden import GOLDEN
from tests.bench.hostile import NAMES, list_records
from tests.bench.judge.test_reproduction import make_measured
from tests.bench.measure.test_environment import make_survey
from tests.bench.races import write_race
from tests.bench.runs import make_case, make_failed, make_info, make_run, make_training
from tests.bench.sides import EAGER, REFERENCE, make_environment

ROOT = Path(__file__).parents[2]
STORED = (1.0, 1.001, 0.999)
ELSEWHERE = make_environment({"cpu_model": "Another CPU"}, host_name="there")
Answer = Callable[..., int]


def write(path: Path, run: Run) -> Path:
    with create_run(run.info, path, ()) as directory:
        for record in list_records(run):
            directory.append(record)  # type: ignore[arg-type]
    return path


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Call the command where `stored` lies, on a machine that measures what it is told to."""
    write(tmp_path / "stored", make_measured(STORED))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(door, "interrupt_once", lambda: None)
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: make_survey("cpu"))

    def answer(*words: str, again: Run | None = None, was_interrupted: bool = False) -> int:
        def measure(plan: Plan, *_rest: object) -> tuple[Path, Run, bool]:
            assert again is None or [case.name for case in again.info.plan.cases] == [each.name for each in plan.cases]
            return tmp_path / "again", again or make_measured(STORED), was_interrupted

        monkeypatch.setattr(door, "measure_plan", measure)
        monkeypatch.setattr("sys.argv", ["bench.rerun", *(words or ("stored",))])
        try:
            return door.main()
        except BenchError as error:
            print(error, file=sys.stderr)
            return error.exit_code
        except SystemExit as leaving:
            return int(leaving.code or 0)

    return answer


def move(run: Run) -> Run:
    """Return the run as if it had been measured on another machine."""
    info = msgspec.structs.replace(run.info, environment=ELSEWHERE)
    return Run(info, run.measurements, run.ended)


def test_what_came_out_again_elsewhere_is_reproduced_and_the_other_machine_is_said(
    call: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(again=move(make_measured(STORED, speed=4.0))) == 0
    shown = capsys.readouterr().out.replace(str(Path.cwd()), "HERE")
    golden = GOLDEN / "rerun-terminal.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")
    assert "cpu/eager/manual: REPRODUCED within 2.00%" in shown
    assert "cpu_model: stored Example CPU; here Another CPU" in shown


def test_the_same_machine_is_said_to_be_the_same(call: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 0
    assert "the same machine and software, as far as was recorded" in capsys.readouterr().out


def test_a_file_of_a_users_own_is_measured_again_and_another_one_by_its_name_is_not(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("first")
    case = make_own_case(find_workload(str(file)), "cpu", "fp32", num_threads=1, num_steps=200)
    plan = make_info([case]).plan
    assert door.choose_plan(plan, [], 2).cases == (case,)
    file.write_text("second")
    with pytest.raises(NotComparableError, match=r"mine\.py:Workload is not what was measured \(digest"):
        door.choose_plan(plan, [], 2)
    file.unlink()
    with pytest.raises(UsageError, match="there is no file"):
        door.choose_plan(plan, [], 2)


@pytest.mark.parametrize("words", [{"engine": "warp"}, {"batching": "warp"}, {"precision": "fp1"}])
def test_a_case_that_this_version_can_not_train_is_refused(words: dict[str, str]) -> None:
    plan = make_info([make_case(**words)]).plan  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="can't be measured by this version"):
        door.choose_plan(plan, [], 1)


@pytest.mark.parametrize(
    ("again", "words", "code", "said"),
    [
        (make_measured([2.0, 2.001, 1.999]), (), 1, "NOT REPRODUCED: SLOWER, 100.0% more time"),
        (make_measured([0.5, 0.501, 0.499]), (), 1, "NOT REPRODUCED: FASTER, 50.0% less time"),
        (make_measured(STORED, mse=0.9), (), 1, "quality DIFFERENT"),
        (make_measured([1.0, 1.2, 1.5]), (), 0, "replicates a side should settle it"),
        (make_measured([1.0, 1.2, 1.5]), ("--strict",), 7, "INCONCLUSIVE"),
        (make_measured(STORED), ("--strict",), 0, "REPRODUCED within 2.00%"),
        (make_measured([2.0, 2.0]), (), 0, "under 3 replicates a side there is no interval"),
    ],
)
def test_the_verdict_is_the_exit_code(
    call: Answer, capsys: pytest.CaptureFixture[str], again: Run, words: tuple[str, ...], code: int, said: str
) -> None:
    assert call("stored", *words, again=again) == code
    assert said in capsys.readouterr().out


def test_a_disturbed_machine_is_said_with_what_came_out(call: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    busy = make_environment(load_average_1_minute=9.0, num_logical_cpus=2)
    run = make_measured(STORED)
    assert call(again=Run(msgspec.structs.replace(run.info, environment=busy), run.measurements, run.ended)) == 0
    shown = capsys.readouterr().out
    assert "What may have spoiled this run:" in shown
    assert "a load of 9.0 on 2 CPUs" in shown


@pytest.mark.parametrize(
    ("again", "said"),
    [
        (make_measured([1.0, 1.2, 1.5]), "to settle it: --replicates"),
        (make_measured([1.0, 1.2, 1.5]), "and then the same of that run: the stored one has 3"),
        (make_measured([2.0, 2.0]), "to settle it: --replicates 3\n"),
        (make_measured([1.0, 1.2, 1.5]), "os_release differs: stored Linux-6.1; here Linux-9"),
    ],
)
def test_what_can_not_be_told_comes_with_what_would_tell_and_what_differs(
    call: Answer, capsys: pytest.CaptureFixture[str], again: Run, said: str
) -> None:
    info = msgspec.structs.replace(again.info, environment=make_environment(os_release="Linux-9"))
    assert call(again=Run(info, again.measurements, again.ended)) == 0
    assert said in capsys.readouterr().out


def test_the_first_case_alone_comes_with_a_way_forward(call: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    alone = make_run([REFERENCE], make_training(REFERENCE, [9.0] * 3, digest="0"))
    assert call("stored", "--row", REFERENCE.name, again=alone) == 0
    assert "name another row with it (--row)" in capsys.readouterr().out


@pytest.mark.parametrize(("kind", "code"), [("killed", 6), ("unavailable", 3), ("faulty", 5)])
def test_a_row_that_fails_is_said_with_its_reason(
    call: Answer, capsys: pytest.CaptureFixture[str], kind: str, code: int
) -> None:
    failed = msgspec.structs.replace(make_failed(EAGER), kind=kind)
    assert call(again=make_run([REFERENCE, EAGER], make_training(REFERENCE, [1.0], digest="0"), [failed])) == code
    assert f"{kind} during train of replicate 0: ended by SIGKILL" in capsys.readouterr().out


def test_other_work_is_not_comparable(call: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    records = [make_training(case, [1.0], digest="other") for case in (REFERENCE, EAGER)]
    assert call(again=make_run([REFERENCE, EAGER], *records)) == 4
    assert "did other work than stored: they differ in digest" in capsys.readouterr().err


def test_another_processor_may_add_up_in_another_order(call: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    records = [make_training(case, [1.0], digest="other") for case in (REFERENCE, EAGER)]
    assert call(again=move(make_run([REFERENCE, EAGER], *records))) == 0
    assert "digest: stored" in capsys.readouterr().out


def test_an_interrupt_is_130(call: Answer) -> None:
    assert call(was_interrupted=True) == 130


def test_of_a_ladder_the_rungs_of_the_chosen_rows_are_climbed_again() -> None:
    first, base, last = make_case(batching="dataloader"), make_case(), make_case("eager")
    stored = make_info([base, first, last], rungs=[first, base, last]).plan
    assert door.choose_plan(stored, [], None) == stored
    assert door.choose_plan(stored, [last.name], None).rungs == (base.name, last.name)


def test_the_plan_is_the_stored_one_with_the_rows_asked_for_and_the_first_case() -> None:
    loader = make_case(batching="dataloader")
    stored = make_info([REFERENCE, EAGER, loader], num_replicates=3).plan
    assert door.choose_plan(stored, [], None) == stored
    chosen = door.choose_plan(stored, [loader.name], 5)
    assert chosen.cases == (REFERENCE, loader)
    assert chosen == msgspec.structs.replace(stored, cases=chosen.cases, num_replicates=5)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("stored", "--row", "cpu/turbo/manual"), 2, "there are cpu/reference/manual, cpu/eager/manual"),
        (("stored", "--replicates", "0"), 2, "--replicates 0 is not within 1 and 1000"),
        (("stored", "--output", "stored"), 2, "is not an empty directory"),
        (("race",), 2, "race is a race, and no run"),
        (("nothing",), 5, "is it the directory of a run?"),
        (("away",), 3, "cuda:7"),
        (("precise",), 3, "can't be measured here: no tf32"),
    ],
)
def test_what_can_not_be_measured_again_is_refused_before_anything_starts(
    call: Answer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    write_race(Path("race"))
    write(Path("away"), make_run([make_case(device="cuda:7")], []))
    write(Path("precise"), make_run([make_case(precision="tf32")], []))
    if words == ("precise",):
        monkeypatch.setattr(
            "bench.measure.survey.drop_unusable", lambda cases, _survey: ((), {cases[0].name: "no tf32"})
        )
    assert call(*words) == code
    assert said in capsys.readouterr().err
    assert not Path("results").exists()


@pytest.mark.parametrize("name", [each for each in NAMES if len(each) <= 50])
@pytest.mark.parametrize("field", ["device", "engine", "batching", "precision"])
def test_names_from_a_file_are_names_of_ours_or_refused(call: Answer, field: str, name: str) -> None:
    case = msgspec.structs.replace(REFERENCE, **{field: name})
    info = make_info([case])
    with create_run(info, Path("hostile"), ()) as directory:
        directory.append(Ended(is_complete=True, seconds=1.0))
    assert call("hostile") in (2, 3)


def test_one_real_row_is_measured_again_on_this_machine(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = (sys.executable, "-m", *words)
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    first = run("bench.run", "--device", "cpu", "--epochs", "2", "--output", "first")
    assert first.returncode == 0, first.stderr
    again = run("bench.rerun", "first", "--row", "cpu/eager/manual", "--output", "again")
    assert again.returncode == 0, again.stderr
    assert "the same machine and software" in again.stdout
    assert "bit for bit" in again.stdout
    stored = read_run(tmp_path / "again")
    assert [case.name for case in stored.info.plan.cases] == ["cpu/reference/manual", "cpu/eager/manual"]
    assert stored.info.command.startswith("python -m bench.rerun first")
    checked = run("bench.lint", "first", "again")
    assert checked.returncode == 0, checked.stdout
