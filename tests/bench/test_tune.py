"""The door of a tune: what it accepts, what it refuses, what it leaves behind."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import tune as door
from bench.errors import BenchError
from bench.judge.race import judge_race
from bench.judge.tune import Fate, judge_tune
from bench.records.case import Shape
from bench.records.store import read_race
from bench.records.tune_store import read_tune
from bench.tune_arguments import make_parser, plan_candidates
from productnet.door import run_door
from productnet.errors import ProductNetError
from productnet.exit_code import ExitCode
from tests.bench.measure.fakes import write_torch
from tests.bench.measure.test_environment import make_survey

ROOT = Path(__file__).parents[2]
PACED = "tests.bench.measure.fakes:PacedWorkload"
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked, which this system can't")


@pytest.fixture
def call_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Go through the door within this process, where races are over after one pair that takes no time."""
    monkeypatch.setattr("productnet.door.signal.signal", lambda *_: None)
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: make_survey("cpu"))
    monkeypatch.setattr("bench.measure.session.PILOT_SECONDS", 0.002)
    monkeypatch.setattr("bench.measure.race_pace.PAIR_SECONDS", 0.01)
    monkeypatch.setattr("bench.measure.race_pace.MIN_ROUNDS", 6)
    monkeypatch.setattr("bench.judge.race.LOOKS", (1,))
    monkeypatch.setattr("bench.measure.race.find_disturbance", lambda _before, _after: None)
    torch = write_torch(tmp_path / "stand-in")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(torch), str(ROOT))))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call_in_process(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["bench.tune", *words])
        with pytest.raises(SystemExit) as left:
            run_door(door._PROG, lambda: door.main(PACED), (BenchError, ProductNetError))
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, said.out, said.err

    return call_in_process


def parse(*words: str) -> Namespace:
    return make_parser("prog").parse_args(words)


def test_the_first_value_of_each_axis_is_the_default_and_one_change_comes_before_two() -> None:
    words = ("--engine", "eager,reference", "--batching", "manual,dataloader", "--precision", "fp32", "--threads", "1")
    found = [case.name for case in plan_candidates(parse(*words), "cpu")]
    assert found == [
        "cpu/eager/manual",
        "cpu/reference/manual",
        "cpu/eager/dataloader",
        "cpu/reference/dataloader",
    ]


def test_batches_of_another_size_are_candidates_only_where_they_are_asked_for() -> None:
    words = ("--engine", "eager", "--batching", "manual", "--precision", "fp32", "--threads", "1")
    assert {case.shape for case in plan_candidates(parse(), "cpu")} == {None}
    found = plan_candidates(parse(*words, "--batch-size", "100,200"), "cpu")
    assert [case.shape for case in found] == [None, Shape(batch_size=200)]


def test_every_engine_and_batching_is_a_candidate_by_default() -> None:
    found = plan_candidates(parse("--threads", "1"), "cpu")
    assert len(found) == 7 * 3 * 2
    assert found[0].name == "cpu/reference/manual"
    assert [case.engine for case in found[1:7]] == ["eager", "graphed", "fused", *["reference"] * 3]


def test_what_torch_compiles_comes_last_of_its_like() -> None:
    found = plan_candidates(parse("--threads", "1"), "cpu")
    assert [case.engine for case in found[7:10]] == ["compiled-model", "compiled", "graphed-compiled"]


def test_workers_of_a_loader_are_candidates_only_where_they_are_asked_for() -> None:
    assert not any(":" in case.batching for case in plan_candidates(parse(), "cpu"))
    found = plan_candidates(parse("--threads", "1", "--batching", "manual,dataloader-batched:2"), "cpu")
    assert "cpu/reference/dataloader-batched:2" in {case.name for case in found}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--engine", "turbo"), "'turbo' is not known"),
        (("--threads", "two"), "'two' is no list of numbers"),
        (("--threads", "2000"), "2000 is too large"),
        (("--batch-size", "2000"), "2000 is larger than the data"),
        (("--quality-seeds", "2"), "--quality-seeds 2 is not 0 or 3 to 1000"),
        (("--budget", "soon"), "is no time"),
        (("--workload", "my.py", "--engine", "eager"), "--engine is of the product network"),
        (("--workload", "my.py", "--batch-size", "10"), "--batch-size is of the product network"),
        (("--workload", "my.py"), "there is no file my.py"),
        (("--batch-size", ",".join(map(str, range(1, 100)))), "settings are too many"),
        (("--device", "all"), "'all' is not known"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_before_anything_is_asked(
    call_here: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    complaint: str,
) -> None:
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: pytest.fail("torch was asked"))
    code, _, said = call_here(*words)
    assert code == ExitCode.USAGE
    assert complaint in said
    assert len(said.strip().splitlines()) == 1


def test_the_settings_can_be_listed_without_measuring(call_here: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = call_here(
        "--list", "--engine", "eager", "--threads", "1,2", "--precision", "fp32", "--device", "cpu"
    )
    assert code == ExitCode.FINE
    assert out.splitlines()[:2] == ["cpu/eager/manual", "cpu/eager/dataloader"]
    assert "cpu/eager/manual/2-threads" in out


@needs_fork
def test_a_tune_leaves_its_races_and_a_table_and_ends_with_a_command(
    call_here: Callable[..., tuple[int, str, str]],
) -> None:
    engines = "reference,eager,graphed,compiled"
    words = ("--engine", engines, "--batching", "manual", "--precision", "fp32", "--threads", "1")
    code, out, said = call_here(*words, "--budget", "60s", "--output", "t")
    assert code == ExitCode.FINE, said
    tune = read_tune(Path("t"))
    result = judge_tune(tune)
    fates = {each.case.engine: each for each in result.standings}
    assert (fates["graphed"].fate, fates["graphed"].reason) == (Fate.UNAVAILABLE, "there are no graphs here")
    assert fates["compiled"].fate is Fate.FELL
    assert "out of luck" in (fates["compiled"].reason or "")
    assert {"tune.json", "samples.jsonl", "tune.md", "tune.csv", "heat-1"} <= {
        path.name for path in Path("t").iterdir()
    }
    assert "there are no graphs here" in Path("t/tune.md").read_text()
    lines = out.splitlines()
    assert lines[-2].startswith("    python -m productnet train --device cpu --engine ")
    if (Path("t") / "confirmation").exists():  # unless the machine was so busy that the default came in first
        race = read_race(Path("t/confirmation"))
        assert not race.info.plan.shares_layout
        assert [arm.case.engine for arm in race.info.plan.arms] == ["eager", "reference"]
        assert result.against_default == judge_race(race)[0]
    rows = list(csv.DictReader(Path("t/tune.csv").read_text().splitlines()))
    assert {row["setting"] for row in rows} == {case.name for case in tune.info.plan.candidates}
    code, shown, _ = call_here("--show", "t")
    assert code == ExitCode.FINE
    assert shown.splitlines() == lines[:-1]


@needs_fork
def test_a_default_that_is_not_there_ends_it(call_here: Callable[..., tuple[int, str, str]]) -> None:
    words = ("--engine", "graphed,eager", "--batching", "manual", "--precision", "fp32", "--threads", "1")
    code, out, _ = call_here(*words, "--output", "t")
    assert code == ExitCode.UNAVAILABLE
    assert "it does not run: there are no graphs here" in out
    assert len(read_tune(Path("t")).tried) == 1


@needs_fork
def test_one_that_is_interrupted_keeps_what_it_has(
    call_here: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(line: str) -> None:
        if line.startswith("heat-1"):
            raise KeyboardInterrupt

    monkeypatch.setattr("bench.tuning.tell", stop)
    words = ("--engine", "reference,eager", "--batching", "manual", "--precision", "fp32", "--threads", "1")
    code, out, _ = call_here(*words, "--output", "t")
    assert code == ExitCode.INTERRUPTED
    assert "PARTIAL" in out
    assert "Stay with cpu/reference/manual: it was stopped before anything was confirmed" in out
    tune = read_tune(Path("t"))
    assert len(tune.tried) == 2
    assert tune.ended is not None
    assert tune.ended.reason == "interrupted"


def test_help_needs_no_torch_and_no_statistics() -> None:
    probe = (
        "import sys, runpy\nsys.argv = ['tune', '--help']\n"
        "try:\n    runpy.run_module('bench.tune', run_name='__main__')\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('torch', 'scipy', 'numpy', 'rich') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        (sys.executable, "-c", probe), cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert "--budget" in done.stdout
    assert done.stderr.strip().splitlines()[-1] == "[]"
