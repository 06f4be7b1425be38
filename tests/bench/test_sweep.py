"""The door of a sweep: what it accepts, what it refuses, what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import sweep as door
from bench.errors import BenchError
from bench.records.case import Case
from bench.records.sweep_store import read_sweep
from bench.sweep_arguments import parse_axis
from productnet.door import run_door
from productnet.errors import ModeUnavailableError, ProductNetError
from productnet.exit_code import ExitCode
from tests.bench.measure.fakes import FakeWorkload
from tests.bench.measure.test_environment import make_survey
from tests.bench.workloads.own_files import SIZED

ROOT = Path(__file__).parents[2]
COSTLY = "tests.bench.test_sweep:CostlyWorkload"
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked, which this system can't")


class CostlyWorkload(FakeWorkload):
    """An epoch takes what its batch says, with the reference far longer; eager has no room for large ones.

    Graphs are for cards alone; no machine has a compiler.
    """

    def __init__(self, case: Case, seed: int) -> None:
        super().__init__(pass_time=lambda _seconds: None)
        if case.engine == "compiled" or (case.engine == "graphed" and case.device == "cpu"):
            raise ModeUnavailableError(f"engine {case.engine} is not for {case.device}")
        batch_size = case.shape.batch_size if case.shape else 100
        if case.engine == "eager" and batch_size > 1_000:
            raise MemoryError(f"no room for {batch_size}")
        self.epoch_seconds = (0.002 + 0.00001 * batch_size) * (3 if case.engine == "reference" else 1)

    def train(self, num_epochs: int) -> list[float]:
        time.sleep(num_epochs * self.epoch_seconds)
        return [0.5] * num_epochs


def test_more_replicas_than_can_be_trained_at_once_are_refused(call_here: Callable[..., tuple[int, str, str]]) -> None:
    code, _, complaint = call_here("--over", "replicas=1:10001", "--device", "cpu")
    assert code == ExitCode.USAGE
    assert "10,001 replicas are too many to train at once: use up to 10,000" in complaint


@pytest.fixture
def call_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Go through the door within this process; returns exit code, output and complaint."""
    monkeypatch.setattr("productnet.door.signal.signal", lambda *_: None)
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: make_survey("cpu"))
    monkeypatch.setattr("bench.measure.sweep_pace.BLOCK_SECONDS", 0.002)
    monkeypatch.setattr("bench.measure.session.PILOT_SECONDS", 0.002)
    monkeypatch.chdir(tmp_path)

    def call_in_process(*words: str, workload: str = COSTLY) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["bench.sweep", *words])
        with pytest.raises(SystemExit) as left:
            run_door(door._PROG, lambda: door.main(workload), (BenchError, ProductNetError))
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, said.out, said.err

    return call_in_process


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("batch_size=100:100000:x4", (100, 400, 1_600, 6_400, 25_600, 100_000)),
        ("batch_size=1:64", (1, 4, 16, 64)),
        ("hidden=4:1024:x16", (4, 64, 1_024)),
        ("threads=1:4:+1", (1, 2, 3, 4)),
        ("threads=4,1,2,2", (1, 2, 4)),
        ("depth=3:3", (3,)),
        ("batch_size=1:4:x1.5", (1, 2, 3, 4)),
    ],
)
def test_an_axis_is_read(text: str, values: tuple[int, ...]) -> None:
    assert parse_axis(text).values == values


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "--over is missing"),
        (("--over", "batch_size"), "has no values"),
        (("--over", "speed=1:2"), "is no axis: use batch_size, hidden, num_samples, threads, depth"),
        (("--over", "batch_size=9:1"), "does not rise"),
        (("--over", "batch_size=0:1"), "does not rise"),
        (("--over", "batch_size=1:9:x1"), "does not rise"),
        (("--over", "batch_size=1:9999999999"), "goes too far"),
        (("--over", "batch_size=1:100:+1"), "use up to 64"),
        (("--over", "depth=1:100"), "up to 64 hidden layers"),
        (("--over", "threads=1:4", "--threads", "2"), "--threads 2 has no say where threads are an axis"),
        (("--over", "threads=1:2000"), "--threads 2000 is too large"),
        (("--over", "num_samples=10:100"), "has to begin at a batch"),
        (("--over", "batch_size=1:100", "--over", "num_samples=50:100"), "larger than 50 samples"),
        (("--over", "batch_size=1:9", "--over", "batch_size=1:9"), "given twice"),
        (("--over", "batch_size=1:9", "--over", "hidden=1:9", "--over", "depth=1:2"), "3 times"),
        (("--over", "batch_size=1:9", "--visits", "0"), "--visits 0"),
        (("--over", "batch_size=1:9", "--device", "gpu"), "'gpu' is not known"),
        (("--over", "batch_size=1:9", "--device", "cpu,all"), "mixes"),
        (("--over", "batch_size=1:9", "--budget", "soon"), "is no time"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    call_here: Callable[..., tuple[int, str, str]], words: tuple[str, ...], complaint: str
) -> None:
    code, _, said = call_here(*words)
    assert code == ExitCode.USAGE
    assert complaint in said
    assert len(said.strip().splitlines()) == 1


def test_too_many_curves_are_refused(call_here: Callable[..., tuple[int, str, str]]) -> None:
    many = ("--engine", "reference,eager,compiled-model", "--batching", "manual,dataloader,dataloader-batched")
    code, _, said = call_here("--over", "batch_size=1:9", *many, "--precision", "fp32,bf16")
    assert code == ExitCode.USAGE
    assert "18 curves are too many" in said


@needs_fork
def test_a_sweep_leaves_its_samples_and_tables_goes_on_and_is_shown(
    call_here: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    words = ("--over", "batch_size=10,100,1000,10000", "--output", "s", "--budget", "60s")
    code, out, said = call_here(*words)
    assert code == ExitCode.FINE, said
    assert "did not fit" in out
    assert "no room for 10000" in out
    names = {path.name for path in (tmp_path / "s").iterdir()}
    tables = {f"{name}.{end}" for name in ("curves", "crossings", "laws", "left_out") for end in ("md", "csv")}
    assert {"sweep.json", "samples.jsonl", "sweep.md", *tables} <= names
    sweep = read_sweep(tmp_path / "s")
    assert {timed.values[0] for timed in sweep.timed if timed.curve == 1} == {10, 100, 1_000}
    assert [(lost.kind, lost.values) for lost in sweep.lost] == [("memory", (10_000,))]

    code, _, said = call_here(*words)
    assert code == ExitCode.FINE
    assert "going on with" in said
    code, out, _ = call_here("--show", "s")
    assert code == ExitCode.FINE
    assert "Curves" in out
    assert "In money" not in out
    code, out, _ = call_here("--show", "s", "--price-per-hour", "2.49")
    assert "In money: an hour costs the same for all curves" in out
    code, _, said = call_here(*words, "--price-per-hour", "2.49")
    assert code == ExitCode.NOT_COMPARABLE
    assert "differs in prices" in said
    code, _, said = call_here(*words, "--visits", "3")
    assert code == ExitCode.NOT_COMPARABLE
    assert "num_visits" in said


@needs_fork
def test_a_model_of_ones_own_is_swept_over_a_parameter_of_its_class(
    call_here: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "sized.py").write_text(SIZED)
    words = ("--workload", "sized.py", "--over", "batch_size=4,64", "--visits", "1", "--output", "s")
    code, out, said = call_here(*words)
    assert code == ExitCode.FINE, said
    sweep = read_sweep(tmp_path / "s")
    assert sweep.info.plan.axes[0].usual == 4
    points = {(timed.values, (timed.num_samples or 0) // timed.num_steps) for timed in sweep.timed}
    assert points == {((4,), 4), ((64,), 64)}
    assert "cpu/sized" in out
    (tmp_path / "sized.py").write_text(f"{SIZED}# edited\n")
    code, _, said = call_here(*words)
    assert code == ExitCode.NOT_COMPARABLE
    assert "curves" in said


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--over", "width=1:9"), "can't be swept over width: an axis is a parameter of its class"),
        (("--over", "is_odd=1:9"), "whole number as default; it has: batch_size"),
        (("--over", "batch_size=1:9", "--engine", "eager"), "--engine is of the product network"),
        (("--over", "batch_size=1:9", "--workload", "other/sized.py"), "names cpu/sized twice"),
    ],
)
def test_what_makes_no_sense_for_a_model_of_ones_own_is_refused(
    call_here: Callable[..., tuple[int, str, str]], tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "other").mkdir()
    for name in ("sized.py", "other/sized.py"):
        (tmp_path / name).write_text(SIZED)
    code, _, said = call_here("--workload", "sized.py", *words)
    assert code == ExitCode.USAGE
    assert complaint in said
    assert len(said.strip().splitlines()) == 1


@needs_fork
@pytest.mark.parametrize(
    ("engines", "expected"), [("graphed,eager", ExitCode.FINE), ("compiled", ExitCode.UNAVAILABLE)]
)
def test_an_engine_that_a_device_lacks_is_told_and_fails_where_no_device_has_it(
    call_here: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    engines: str,
    expected: ExitCode,
) -> None:
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: make_survey("cuda", "cpu"))
    monkeypatch.setattr("bench.judge.refinement.MAX_VISITS", 1)
    words = ("--device", "cpu,cuda", "--engine", engines, "--visits", "1", "--output", "s")
    code, out, said = call_here("--over", "batch_size=10,100", *words)
    assert code == expected, said
    sweep = read_sweep(tmp_path / "s")
    curves = sweep.info.plan.curves
    lacking = {(curves[lost.curve].device, curves[lost.curve].engine, lost.values) for lost in sweep.lost}
    if expected == ExitCode.FINE:
        assert lacking == {("cpu", "graphed", (10,))}
        assert len({timed.curve for timed in sweep.timed}) == 3
        assert "engine graphed is not for cpu" in out
    else:
        assert {device for device, _, _ in lacking} == {"cpu", "cuda"}
        assert not sweep.timed


@needs_fork
def test_one_that_is_interrupted_keeps_what_it_has(
    call_here: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def stop(_plan: object, _visit: object, _left: float) -> str:
        seen.append("a visit")
        if len(seen) == 3:
            raise KeyboardInterrupt
        return "a visit"

    monkeypatch.setattr("bench.render.sweep_progress.describe_visit", stop)
    code, out, _ = call_here("--over", "batch_size=10,100,1000", "--output", "s")
    assert code == ExitCode.INTERRUPTED
    assert "PARTIAL: it was interrupted" in out
    assert len({timed.visit for timed in read_sweep(tmp_path / "s").timed}) == 1, "the second and third were prepared"


def test_help_needs_no_torch_and_no_statistics() -> None:
    probe = (
        "import sys, runpy\nsys.argv = ['sweep', '--help']\n"
        "try:\n    runpy.run_module('bench.sweep', run_name='__main__')\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('torch', 'scipy', 'numpy', 'rich') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        (sys.executable, "-c", probe), cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert "--over" in done.stdout
    assert done.stderr.strip().splitlines()[-1] == "[]"
