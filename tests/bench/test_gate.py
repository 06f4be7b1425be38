"""The door of the gate, from a repository to its exit code, its directories and its summary."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import gate as door
from bench.budgets import read_budgets
from bench.errors import IncompleteError, UsageError
from bench.judge.gate import GateVerdict, Outcome, judge_gate
from bench.records.gate import Gate, read_gate
from bench.records.store import read_race
from bench.records.summary import STEP_SUMMARY
from tests.bench.gated import (
    ROOT,
    WORKLOAD,
    Burden,
    commit,
    git,
    make_empty_torch,
    make_repository,
    write_budgets,
    write_burden,
)
from tests.bench.measure.test_environment import make_survey

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="races fork the processes of a pair")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in which the user stands, on a machine that nothing disturbs."""
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: make_survey("cpu"))
    monkeypatch.setattr("bench.measure.race.find_disturbance", lambda _before, _after: None)
    monkeypatch.setenv("PYTHONPATH", f"{make_empty_torch(tmp_path / 'empty')}{os.pathsep}{ROOT}")
    monkeypatch.delenv(STEP_SUMMARY, raising=False)
    directory = make_repository(tmp_path / "repository")
    monkeypatch.chdir(directory)
    return directory


Call = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    def call_here(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["bench.gate", *words, "--output", str(tmp_path / "out")])
        return door.main(WORKLOAD)

    return call_here


def read(tmp_path: Path) -> tuple[Gate, list[GateVerdict]]:
    gate = read_gate(tmp_path / "out")
    return gate, [each.verdict for each in judge_gate(gate)]


def test_equal_code_passes(repository: Path, call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(repository, "switch", "--quiet", "--create", "work")
    head = commit(repository, Burden())
    assert call("--base", "main") == 0
    gate, verdicts = read(tmp_path)
    assert verdicts == [GateVerdict.PASS]
    assert gate.info.head_commit == head
    assert gate.info.is_unchanged
    shown = capsys.readouterr()
    assert "PASS: no case takes more time than its budget allows" in shown.out
    assert "this machine's noise" in shown.out
    assert "case 1 of 1: cpu/eager/manual, 5 % allowed" in shown.err


def test_a_jobs_summary_that_can_not_be_written_leaves_the_outcome_on_the_terminal(
    repository: Path, call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(STEP_SUMMARY, "nowhere/step.md")
    git(repository, "switch", "--quiet", "--create", "work")
    with pytest.raises(IncompleteError, match="can't be written"):
        call("--base", "main")
    assert "PASS: no case takes more time" in capsys.readouterr().out


def test_a_slowdown_on_head_fails_after_a_second_race_and_names_the_case_alone(
    repository: Path,
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    step_summary = tmp_path / "step.md"
    step_summary.write_text("what another step wrote\n")
    monkeypatch.setenv(STEP_SUMMARY, str(step_summary))
    write_budgets(repository, "eager", "reference")
    base = commit(repository, Burden())
    git(repository, "switch", "--quiet", "--create", "work")
    commit(repository, Burden(factor=1.2))
    assert call("--base", "main", "--summary", str(tmp_path / "summary.md")) == 1
    gate, verdicts = read(tmp_path)
    assert verdicts == [GateVerdict.SLOWER, GateVerdict.PASS]
    assert [len(races) for races in gate.races] == [2, 1]
    assert gate.info.base_commit == base
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("cpu-eager-manual-1", "cpu-eager-manual-2", "cpu-reference-manual-1"),
        *("gate.csv", "gate.json", "gate.md"),
    ]
    race = read_race(tmp_path / "out" / "cpu-eager-manual-1")
    assert race.info.command.startswith(f"python -m bench.race --a rev={base} ")
    assert (tmp_path / "out" / "cpu-eager-manual-1" / "race.md").read_text().startswith("## Race")
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("## Gate: FAIL\n")
    assert summary == (tmp_path / "out" / "gate.md").read_text()
    assert step_summary.read_text() == f"what another step wrote\n{summary}"
    assert re.search(r"more time, more than the 5 % allowed; raced again: 1\.(19|20)", summary)
    assert "python -m bench.gate --base main\n" in summary
    assert race.info.command in summary
    shown = capsys.readouterr()
    assert "FAIL: a case takes more time than its budget allows" in shown.out
    assert "once more, as declared beforehand: 1 of 1: cpu/eager/manual" in shown.err


def test_what_is_not_committed_is_raced_too_and_main_moving_on_is_not(
    repository: Path, call: Call, tmp_path: Path
) -> None:
    git(repository, "switch", "--quiet", "--create", "work")
    git(repository, "switch", "--quiet", "main")
    commit(repository, Burden(factor=3.0))
    git(repository, "switch", "--quiet", "work")
    write_burden(repository, Burden(factor=1.2))
    assert call("--base", "main") == 1
    gate, verdicts = read(tmp_path)
    assert verdicts == [GateVerdict.SLOWER]
    assert gate.info.base_commit == gate.info.head_commit == git(repository, "rev-parse", "work")
    assert not gate.info.is_unchanged
    assert git(repository, "status", "--porcelain") == "M productnet/burden.py"
    assert git(repository, "worktree", "list").count("\n") == 0


def test_a_change_that_loosens_its_own_budget_is_told(
    repository: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write_budgets(repository, "eager", allowed="50%")
    write_burden(repository, Burden(factor=1.2))
    assert call("--base", "main", "--quality-seeds", "0") == 0
    assert "The budgets are not those of the base's own budgets.toml" in capsys.readouterr().out


def test_much_faster_passes_and_is_said_to_have_a_stale_budget(
    repository: Path, call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_burden(repository, Burden(factor=0.8))
    assert call("--base", "main", "--strict") == 0
    assert read(tmp_path)[1] == [GateVerdict.FASTER]
    assert "a stale budget: a step takes" in capsys.readouterr().out


def test_another_quality_fails_without_a_slowdown(
    repository: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write_burden(repository, Burden(mse=0.002))
    assert call("--base", "main") == 1
    assert "DIFFERENT in quality: held-out MSE is 10 times that of the base" in capsys.readouterr().out


def test_a_work_tree_that_crashes_is_no_pass_and_does_not_keep_other_cases_from_being_raced(
    repository: Path, call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_budgets(repository, "eager", "reference")
    write_burden(repository, Burden(raises="out of luck"))
    assert call("--base", "main") == 6
    assert read(tmp_path)[1] == [GateVerdict.FAILED, GateVerdict.FAILED]
    assert "the work tree's process, crashed at set-up of pair 1: RuntimeError: out of luck" in capsys.readouterr().out


def test_too_little_time_is_no_pass_and_with_strict_it_is_7(
    repository: Path, call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    budgets = repository / "budgets.toml"
    budgets.write_text(budgets.read_text().replace('"40s"', '"0.1s"'))
    assert call("--base", "main", "--strict", "--quality-seeds", "0") == 7
    assert read(tmp_path)[1] == [GateVerdict.INCONCLUSIVE]
    shown = capsys.readouterr().out
    assert "INCONCLUSIVE: of at least one case it can't be told; that is no pass" in shown
    assert "1 pairs, under 4 nothing can be said" in shown


def test_ctrl_c_keeps_what_was_raced_and_says_so(
    repository: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_anything: object) -> None:
        raise KeyboardInterrupt

    write_budgets(repository, "eager", "reference")
    monkeypatch.setattr("bench.measure.race.RaceCourse.school", interrupt)
    assert call("--base", "main") == 130
    assert read(tmp_path)[1] == [GateVerdict.PASS, GateVerdict.NOT_RACED]
    assert "INTERRUPTED: it was interrupted; what was raced before is kept" in capsys.readouterr().out


def test_a_summary_that_can_not_be_written_is_told_before_any_work_or_after_all_of_it(
    repository: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="--summary"):
        call("--base", "main", "--summary", str(tmp_path / "nowhere" / "summary.md"))
    assert not (tmp_path / "out").exists()
    monkeypatch.setenv(STEP_SUMMARY, str(tmp_path))
    with pytest.raises(IncompleteError, match="what was measured is kept"):
        call("--base", "main", "--quality-seeds", "0")
    assert read(tmp_path)[1] == [GateVerdict.PASS]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--base", "no/such"), "base no/such is unknown here: name a branch or commit that git log shows"),
        (("--base=--help",), "base --help is unknown here"),
        (("--base", "main", "--budgets", "none.toml"), "none.toml can't be read"),
        (("--base", "main", "--budgets", "double.toml"), "double.toml has cpu/eager/manual twice"),
    ],
)
def test_what_can_not_be_gated_is_refused_with_what_to_do(
    repository: Path, call: Call, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    write_budgets(repository, "eager", "eager")
    (repository / "budgets.toml").rename(repository / "double.toml")
    write_budgets(repository, "eager")
    with pytest.raises(UsageError, match=said):
        call(*words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--quality-seeds", "2"), "is not 0 or 3 to 1000"),
        (("--alpha", "0%"), "is nothing"),
        (("--alpha", "5"), "use percent"),
        (("--resolution", "1%"), "unrecognized"),
    ],
)
def test_a_bad_flag_is_one_line_of_usage(
    call: Call, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        call(*words)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert said in error


def test_outside_of_a_work_tree_it_is_one_line_and_2(tmp_path: Path) -> None:
    answer = subprocess.run(
        (sys.executable, "-m", "bench.gate"),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr == f"python -m bench.gate: {tmp_path} lies in no work tree of git\n"


def test_every_outcome_has_its_exit_code() -> None:
    codes = {outcome: int(door.choose_exit_code(outcome, is_strict=False)) for outcome in Outcome}
    assert list(codes.values()) == [130, 5, 3, 6, 75, 1, 0, 0]
    assert door.choose_exit_code(Outcome.INCONCLUSIVE, is_strict=True) == 7
    assert door.choose_exit_code(Outcome.PASS, is_strict=True) == 0


def test_the_committed_budgets_are_those_of_this_project() -> None:
    budgets = read_budgets(ROOT / "budgets.toml", ROOT)
    cases = [(each.settings["engine"], each.settings["batching"], each.settings["device"]) for each in budgets]
    assert cases == [("eager", "manual", "cpu"), ("reference", "dataloader-batched", "cpu")]
