"""The door of a projection: what it accepts, what it refuses, what it shows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bench import project as door
from bench.errors import BenchError
from bench.records.case import OWN, OwnWorkload
from bench.records.store import create_run
from productnet.door import run_door
from productnet.exit_code import ExitCode
from tests.bench.replicated import make_replicas_case, make_replicated
from tests.bench.runs import make_case, make_failed, make_info, make_training
from tests.bench.sides import make_environment, write_measured

ROOT = Path(__file__).parents[2]
CASE = make_case(num_epochs=30)


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Go through the door within this process; returns exit code, output and complaint."""
    monkeypatch.setattr("productnet.door.signal.signal", lambda *_: None)
    monkeypatch.chdir(tmp_path)

    def call_in_process(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["bench.project", *words])
        with pytest.raises(SystemExit) as left:
            run_door(door._PROG, door.main, (BenchError,))
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, said.out, said.err

    return call_in_process


def write(path: Path, *seconds: float, num_epochs: int = 30, block_seconds: float = 1.0) -> Path:
    """Write a run whose processes took so long, relative to each other."""
    case = make_case(num_epochs=num_epochs)
    with create_run(make_info([case], len(seconds)), path, ()) as directory:
        for replicate, each in enumerate(seconds):
            for record in make_training(case, [block_seconds * each] * 3, replicate=replicate, num_steps=100):
                directory.append(record)
    return path


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("r",), "--steps --epochs --against is required"),
        (("r", "--steps", "0"), "'0' is no number of them"),
        (("r", "--steps", "1e5"), "'1e5' is no number of them"),
        (("r", "--steps", "\u0663"), "is no number of them"),
        (("r", "--steps", "9" * 5_000), "is no number of them"),
        (("r", "--steps", "9", "--epochs", "9"), "not allowed with"),
        (("r", "--steps", "9", "--price-per-hour", "free"), "'free'"),
        (("r", "--steps", "9", "--price-per-hour=-1"), "-1"),
        (("r", "--steps", "9", "--price-per-hour", "nan"), "'nan'"),
        (("r", "--against", "r", "--price-per-hour", "1"), "--price-per-hour is of --steps or --epochs"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    call: Callable[..., tuple[int, str, str]], words: tuple[str, ...], complaint: str
) -> None:
    code, _, said = call(*words)
    assert code == ExitCode.USAGE
    assert complaint in said
    assert len(said.strip().splitlines()) == 1


def test_a_run_that_is_not_there_is_told_of(call: Callable[..., tuple[int, str, str]]) -> None:
    code, _, said = call("nowhere", "--steps", "9")
    assert code == ExitCode.INVALID
    assert "nowhere" in said


def test_steps_are_foretold_with_their_interval_and_priced_only_where_a_price_is_given(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    write(tmp_path / "r", 1.0, 1.1, 0.9, 1.0)
    code, out, _ = call("r", "--steps", "100000")
    assert code == ExitCode.FINE
    assert "cpu/reference/manual" in out
    assert "100,000" in out
    assert "price" not in out
    code, out, _ = call("r", "--steps", "100000", "--price-per-hour", "2.49")
    assert code == ExitCode.FINE
    assert "price" in out


def test_runs_of_several_machines_are_shown_beside_each_other(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    write(tmp_path / "all" / "one", 1.0, 1.1)
    write(tmp_path / "all" / "two", 2.0, 2.1)
    _, out, _ = call("all", "--epochs", "1000")
    assert out.index("all/one") < out.index("all/two")


def test_what_is_too_little_to_foretell_from_is_said_with_what_to_do(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    write(tmp_path / "r", 1.0, block_seconds=0.001)
    _, out, _ = call("r", "--steps", "1000")
    assert "no interval from 1 process" in out
    assert "--replicates 4" in out
    assert "with more --epochs" in out
    assert "its start, seen once" in out


def test_a_projection_is_held_against_a_run_of_whole_trainings(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    write(tmp_path / "short", 1.0, 1.02, 0.98, 1.0)
    write(tmp_path / "full", 1.0, 3.0, num_epochs=1_000)
    code, out, _ = call("short", "--against", "full")
    assert code == ExitCode.FINE
    assert "1 of 2" in out
    write_measured(tmp_path / "other", {make_case("eager"): 0.01})
    code, _, said = call("short", "--against", "other")
    assert code == ExitCode.USAGE
    assert "no case of short was trained to its end in other" in said


def test_a_run_is_not_held_against_itself(call: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    write(tmp_path / "short", 1.0, 1.1)
    shutil.copytree(tmp_path / "short", tmp_path / "copy")
    code, _, said = call("short", "--against", "copy")
    assert code == ExitCode.USAGE
    assert "short is the run that it is held against" in said


def test_a_run_of_another_machine_is_held_against_with_a_word(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    write(tmp_path / "short", 1.0, 1.1)
    write_measured(tmp_path / "like", {make_case(): 0.01})
    write_measured(tmp_path / "other", {make_case(): 0.01}, make_environment({"cpu_model": "Another CPU"}))
    assert call("short", "--against", "like")[2] == ""
    code, out, said = call("short", "--against", "other")
    assert code == ExitCode.FINE
    assert "of 1" in out
    assert said == "short was not measured as what it is held against: they differ in cpu_model\n"


def test_a_device_without_a_price_is_said(call: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    write(tmp_path / "r", 1.0, 1.1)
    _, out, said = call("r", "--steps", "100", "--price-per-hour", "cuda=2.49")
    assert said == "no price for cpu: --price-per-hour names cuda\n"
    assert "price" not in out


def test_a_workload_of_ones_own_has_steps_and_no_epochs(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    workload = OwnWorkload(name="conv", place="conv.py:Workload", digest="0" * 64)
    case = msgspec.structs.replace(make_case(OWN, OWN), workload=workload)
    write_measured(tmp_path / "own", {case: 0.01})
    code, _, said = call("own", "--epochs", "9")
    assert code == ExitCode.USAGE
    assert "use --steps" in said
    assert call("own", "--steps", "9")[0] == ExitCode.FINE


def test_what_takes_more_than_an_hour_is_shown_in_hours(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    write(tmp_path / "r", 1.0)
    assert "3,001 s" in call("r", "--steps", "300000")[1]
    assert "1 h 23 min" in call("r", "--steps", "500000")[1]
    assert "1,388 h 53 min" in call("r", "--steps", "500000000")[1]


def test_of_replicas_it_is_said_whose_steps_those_are(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    case = make_replicas_case(4, num_epochs=30)
    with create_run(make_info([case]), tmp_path / "r", ()) as directory:
        for record in make_replicated(case, [1.0, 1.0]):
            directory.append(record)
    _, out, _ = call("r", "--steps", "100")
    assert "of replicas, steps and times are of all networks together" in " ".join(out.split())


def test_a_case_that_can_not_be_foretold_is_named(call: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    stopped, lost = make_case("eager", num_epochs=30), make_case("graphed", num_epochs=30)
    with create_run(make_info([CASE, stopped, lost]), tmp_path / "r", ()) as directory:
        for record in (*make_training(CASE, [1.0]), *make_training(stopped, [1.0])[:-1], make_failed(lost)):
            directory.append(record)
    _, out, said = call("r", "--steps", "100")
    assert said == "left out of r, where a block was not timed: cpu/graphed/manual\n"
    assert "cpu/eager/manual" in out
    _, out, said = call("r", "--epochs", "100")
    assert "cpu/eager/manual, cpu/graphed/manual" in said
    assert "cpu/reference/manual" in out


def test_remarks_name_the_run_where_there_are_several(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    write(tmp_path / "one", 1.0)
    write(tmp_path / "two", 1.0, 1.1)
    _, out, _ = call("one", "two", "--steps", "100000")
    assert "one, cpu/reference/manual: no interval" in " ".join(out.split())
    assert "two, cpu/reference/manual" not in out


def test_help_needs_no_torch_and_no_statistics() -> None:
    probe = (
        "import sys, runpy\nsys.argv = ['project', '--help']\n"
        "try:\n    runpy.run_module('bench.project', run_name='__main__')\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('torch', 'scipy', 'numpy', 'rich') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        (sys.executable, "-c", probe), cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert "--price-per-hour" in done.stdout
    assert done.stderr.strip().splitlines()[-1] == "[]"
