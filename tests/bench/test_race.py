"""The door of a race: what it accepts, what it refuses, what it leaves behind."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest

from bench import race as door
from bench import racing
from bench.arms import make_case
from bench.errors import BenchError
from bench.judge.race import judge_race
from bench.records.journal import Trained
from bench.records.race import Race, RaceRecord, assemble_race
from bench.records.store import read_race
from productnet.door import run_door, tell
from productnet.errors import ProductNetError
from productnet.exit_code import ExitCode
from tests.bench.measure.fakes import MISBEHAVING, write_torch
from tests.bench.measure.test_checkout import git
from tests.bench.measure.test_environment import make_survey
from tests.bench.races import ARMS, THIRD, make_fallen, make_plan, make_race, make_schooled

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "bench.race")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="races fork, which this system can't")
TWO = ("--a", "engine=eager", "--b", "engine=reference")


def call(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(
        (*COMMAND, *words), cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def call_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Go through the door within this process; returns exit code, output and complaint."""
    monkeypatch.setattr("productnet.door.signal.signal", lambda *_: None)

    def call_in_process(*words: str, workload: str = MISBEHAVING) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["bench.race", *words])
        with pytest.raises(SystemExit) as left:
            run_door(door._PROG, lambda: door.main(workload), (BenchError, ProductNetError))
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, said.out, said.err

    return call_in_process


@pytest.fixture
def fake_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose interpreters find a stand-in for torch, and whose pairs are over in no time."""
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: make_survey("cpu"))
    monkeypatch.setattr("bench.measure.race_pace.PAIR_SECONDS", 0.01)
    monkeypatch.setattr("bench.measure.race.find_disturbance", lambda _before, _after: None)
    torch = write_torch(tmp_path / "stand-in")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(torch), str(ROOT))))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


# What is refused.


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), ("--a, --b",)),
        (("--a", "engine=eager"), ("--b",)),
        (("--a", "--b", "engine=eager"), ("--a", "expected at least one")),
        (("--a", "fast", "--b", "engine=eager"), ("'fast' is no setting of an arm", "engine", "env.NAME")),
        (("--a", "engine=turbo", "--b", "engine=eager"), ("engine=turbo", "reference,eager")),
        (("--a", "threads=0", "--b", "threads=1"), ("0 is too small", "at least 1")),
        (("--a", "threads=two", "--b", "threads=1"), ("threads=two is no number",)),
        (("--a", "device=gpu", "--b", "device=cpu"), ("'gpu' is not known", "cuda")),
        ((*TWO, "--device", "gpu"), ("--device", "'gpu' is not known")),
        ((*TWO, "--device", "all"), ("--device", "'all' is not known")),
        ((*TWO, "replicas=4"), ("arms of 1,4 replicas do not do the same work", "bench.run --replicas 1,4")),
        ((*TWO, *("--b", "engine=eager") * 7), ("9 arms are too many", "up to 8")),
        ((*TWO, "--budget", "soon"), ("--budget", "'soon' is no time", "60s")),
        ((*TWO, "--resolution", "0.8"), ("--resolution", "'0.8' is no share", "0.8%")),
        ((*TWO, "--resolution", "0%"), ("--resolution", "'0%' is nothing")),
        ((*TWO, "--alpha", "0%"), ("--alpha", "'0%' is nothing")),
        ((*TWO, "--alpha", "100%"), ("--alpha", "'100%' is no share")),
        ((*TWO, "--margin", "0%", "--dead-zone", "0%"), ("--margin", "'0%' is nothing")),
        ((*TWO, "--margin", "0.4%"), ("--margin is within --dead-zone",)),
        ((*TWO, "--quality-margin", "1"), ("--quality-margin", "above 1")),
        ((*TWO, "--quality-seeds", "-1"), ("--quality-seeds -1 is not within 0 and 1000",)),
        ((*TWO, "--quality-seeds", "1001"), ("--quality-seeds 1001 is not within 0 and 1000",)),
        ((*TWO, "--seed", "-1"), ("--seed -1", "at least 0")),
        ((*TWO, "--seed", "9223372036853775807"), ("--seed 9223372036853775810", "at most")),
        ((*TWO, "--fail-on", "faster"), ("--fail-on", "'faster' is not known", "slower, changed")),
        ((*TWO, "--fail-on", ""), ("--fail-on", "'' is not known")),
        ((*TWO, "--label", "../up"), ("--label", "'../up' is no label")),
        ((*TWO, "--bogus"), ("--bogus", "--help")),
        ((*TWO, "--output", "/proc/version/x"), ("/proc/version/x", "--output")),
    ],
)
def test_bad_input_is_one_line_before_anything_is_asked_and_leaves_nothing(
    call_here: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: tuple[str, ...],
    complaint: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: pytest.fail("torch was asked"))
    code, out, err = call_here(*words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    for word in complaint:
        assert word in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--a", "engine=eager", "--b", "rev=nowhere"), "revision nowhere is unknown here"),
        (("--a", "engine=eager", "--b", "tree=/nowhere"), "tree=/nowhere is no directory"),
        (("--a", "engine=eager", "--b", "python=python9.9"), "python=python9.9 is no interpreter"),
    ],
)
def test_a_source_that_is_not_there_is_one_line_and_leaves_nothing(
    call_here: Callable[..., tuple[int, str, str]], fake_machine: Path, words: tuple[str, ...], complaint: str
) -> None:
    code, out, err = call_here(*words)
    assert (code, out) == (2, "")
    assert complaint in err
    assert not list(fake_machine.iterdir())


def test_a_usage_error_from_the_shell_needs_no_torch(tmp_path: Path) -> None:
    place = tmp_path / "torch"
    place.mkdir()
    (place / "__init__.py").write_text("raise RuntimeError('torch was imported')")
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    answer = call(*TWO, "--budget", "soon", cwd=tmp_path, PYTHONPATH=path)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr == (
        "python -m bench.race: argument --budget: 'soon' is no time: use seconds or minutes, say 60s or 2min "
        "(see python -m bench.race --help)\n"
    )
    helped = call("--help", cwd=tmp_path, PYTHONPATH=path)
    assert helped.returncode == 0
    assert "--quality-seeds" in helped.stdout


def test_what_the_coordinator_of_a_race_imports_has_no_torch() -> None:
    modules = "bench.race, bench.measure.race, bench.measure.nest, bench.measure.disturbances, bench.render.race"
    check = f"import {modules}, bench.measure.checkout, sys; assert 'torch' not in sys.modules"
    subprocess.run((sys.executable, "-c", check), check=True)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:7"])
def test_a_device_that_is_absent_is_exit_3_and_leaves_nothing(
    call_here: Callable[..., tuple[int, str, str]], fake_machine: Path, name: str
) -> None:
    for words in (("--device", name, *TWO), ("--a", "device=cpu", "--b", f"device={name}")):
        code, out, err = call_here(*words)
        assert (code, out) == (3, "")
        assert f"device {name.removesuffix(':0')} is not here" in err
        assert len(err.splitlines()) == 1
    assert not list(fake_machine.iterdir())


def test_a_real_machine_without_the_device_is_exit_3(tmp_path: Path) -> None:
    answer = call("--a", "device=cpu", "--b", "device=cuda:7", cwd=tmp_path, CUDA_VISIBLE_DEVICES="")
    assert answer.returncode == 3
    assert "device cuda:7 is not here: " in answer.stderr
    assert "use one of: cpu" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_precision_that_a_device_lacks_is_exit_3_and_names_the_arm(
    call_here: Callable[..., tuple[int, str, str]], fake_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = make_survey("cpu")
    (cpu,) = survey.devices
    lacking = msgspec.structs.replace(cpu, unusable_precisions={"tf32": "NVIDIA alone has it"})
    monkeypatch.setattr(
        "bench.measure.survey.take_survey", lambda _asked: msgspec.structs.replace(survey, devices=(lacking,))
    )
    code, _, err = call_here("--a", "precision=fp32", "--b", "precision=tf32")
    assert code == 3
    assert "arm b: cpu/eager/manual/tf32 can't be measured: NVIDIA alone has it" in err


def test_arms_of_unequal_sources_can_not_share_a_layout(
    call_here: Callable[..., tuple[int, str, str]], fake_machine: Path
) -> None:
    code, _, err = call_here("--a", "engine=eager", "--b", "env.X=1", "--shared-layout")
    assert code == 3
    assert "can't share a layout" in err
    assert not list(fake_machine.iterdir())


# Exit codes.


def race_of(*differences: float, quality: str = "same", kinds: Iterable[str] = (), unstable: bool = False) -> Race:
    """Return a race in which arm b differs so, with this quality, and arms that fell."""
    factors = {"same": (1.0,), "worse": (2.0, 2.01, 2.02), "scattered": (0.5, 1.0, 2.0), "invalid": (1.0,)}[quality]
    trained: list[RaceRecord] = [make_schooled("a", seed) for seed in range(len(factors))]
    for seed, factor in enumerate(factors):
        r_squared = 0.5 if quality == "invalid" else 0.9998
        losses = (0.5, 0.25) if quality == "same" else (0.5, 0.125)
        trained.append(make_schooled("b", seed, losses=losses, mse=0.09 * factor, r_squared=r_squared))
    race = make_race(differences, *trained, *(make_fallen(kind=kind) for kind in kinds))
    if not unstable:
        return race
    rounds = [msgspec.structs.replace(each, disturbance="heat" if each.round > 3 else None) for each in race.rounds]
    return assemble_race(race.info, [*rounds, *trained])


SLOWER, FASTER, SAME, UNSURE = [0.1] * 4, [-0.1] * 4, [0.0] * 4, [0.1, -0.1] * 2


@pytest.mark.parametrize(
    ("race", "fail_on", "code"),
    [
        (race_of(*SLOWER), "", ExitCode.FINE),
        (race_of(*SLOWER), "slower", ExitCode.CONDITION),
        (race_of(*SLOWER), "changed", ExitCode.CONDITION),
        (race_of(*SLOWER), "quality inconclusive", ExitCode.FINE),
        (race_of(*FASTER), "slower quality inconclusive", ExitCode.FINE),
        (race_of(*FASTER), "changed", ExitCode.CONDITION),
        (race_of(*SAME), "slower changed quality inconclusive", ExitCode.FINE),
        (race_of(*UNSURE), "slower changed quality", ExitCode.FINE),
        (race_of(*UNSURE), "inconclusive", ExitCode.INCONCLUSIVE),
        (race_of(), "inconclusive", ExitCode.INCONCLUSIVE),
        (race_of(*SAME, quality="worse"), "slower changed inconclusive", ExitCode.FINE),
        (race_of(*SAME, quality="worse"), "quality", ExitCode.CONDITION),
        (race_of(*SAME, quality="scattered"), "slower changed inconclusive", ExitCode.FINE),
        (race_of(*SAME, quality="scattered"), "quality", ExitCode.INCONCLUSIVE),
        (race_of(*UNSURE, quality="worse"), "quality inconclusive", ExitCode.CONDITION),
        (race_of(*SAME, quality="invalid"), "", ExitCode.INVALID),
        (race_of(*SAME, unstable=True), "", ExitCode.UNSTABLE),
        (race_of(*SLOWER, unstable=True), "slower inconclusive", ExitCode.UNSTABLE),
        (race_of(*SAME, quality="invalid", unstable=True), "", ExitCode.INVALID),
        (race_of(*SLOWER, kinds=["killed"]), "slower", ExitCode.FAILED_CASES),
        (race_of(kinds=["unavailable"]), "inconclusive", ExitCode.UNAVAILABLE),
        (race_of(kinds=["unavailable", "crashed"]), "", ExitCode.FAILED_CASES),
        (race_of(kinds=["crashed", "faulty"]), "", ExitCode.INVALID),
    ],
)
def test_the_exit_code_is_the_first_of_the_table_that_applies(race: Race, fail_on: str, code: ExitCode) -> None:
    assert door.choose_exit_code(race, judge_race(race), set(fail_on.split())) is code


def test_one_arm_of_several_is_enough_for_a_condition() -> None:
    race = make_race([(0.0, 0.1)] * 4, plan=make_plan(*ARMS, THIRD))
    assert door.choose_exit_code(race, judge_race(race), {"slower"}) is ExitCode.CONDITION
    assert door.choose_exit_code(race, judge_race(race), set()) is ExitCode.FINE


# Whole races.


@needs_fork
def test_one_real_race_leaves_rounds_and_tables_that_agree(tmp_path: Path) -> None:
    words = (*TWO, "--device", "cpu", "--budget", "8s", "--quality-seeds", "0", "--label", "mine")
    answer = call(*words, cwd=tmp_path)
    assert answer.returncode in (ExitCode.FINE, ExitCode.UNSTABLE), answer.stderr
    (directory,) = (tmp_path / "results").iterdir()
    assert directory.name.endswith("_cpu_race-mine")
    assert {path.name for path in directory.iterdir()} == {"race.json", "samples.jsonl", "race.md", "race.csv"}
    race = read_race(directory)
    assert race.ended is not None
    assert race.ended.reason in ("budget", "resolved", "hopeless")
    assert answer.returncode == door.choose_exit_code(race, judge_race(race), set())
    assert (race.fallen, race.trained, race.warnings) == ((), (), ())
    assert [arm.case.name for arm in race.info.plan.arms] == ["cpu/eager/manual", "cpu/reference/manual"]
    assert {each.arm for each in race.seated} == {0, 1}
    assert {each.num_steps for each in race.rounds} == {race.rounds[0].num_steps}
    assert len(race.rounds) >= 12
    rows = list(csv.DictReader((directory / "race.csv").read_text().splitlines()))
    assert [row["arm"] for row in rows] == ["a", "b"]
    assert [row["verdict"] for row in rows] == ["baseline", str(judge_race(race)[0].verdict)]
    assert "quality untested" in answer.stdout
    assert answer.stdout.splitlines()[-1].startswith("Written to results/")
    assert "starting: engine=eager against engine=reference" in answer.stderr
    assert "\x1b" not in answer.stdout + answer.stderr


@needs_fork
def test_a_race_against_a_revision_measures_its_tree_and_compares_whole_trainings(
    call_here: Callable[..., tuple[int, str, str]], fake_machine: Path
) -> None:
    shutil.copytree(ROOT / "productnet", "productnet", ignore=shutil.ignore_patterns("__pycache__"))
    git(fake_machine, "init")
    git(fake_machine, "add", ".")
    git(fake_machine, "commit", "-m", "first")
    (fake_machine / "productnet" / "__init__.py").write_text("raise RuntimeError('the tree at hand')")
    words = ("--a", "rev=HEAD", "--b", "rev=HEAD", "env.X=1", "--budget", "1s", "--output", "r")
    code, out, err = call_here(*words)
    assert code == 0, err
    race = read_race(fake_machine / "r")
    assert {arm.source.revision for arm in race.info.plan.arms} == {git(fake_machine, "rev-parse", "HEAD")}
    assert race.info.plan.arms[1].source.variables == {"X": "1"}
    assert len({arm.source.tree for arm in race.info.plan.arms}) == 1, "one revision is taken out once"
    assert not Path(race.info.plan.arms[0].source.tree or "").exists(), "and is taken away"
    assert [(each.case, each.replicate) for each in race.trained] == [("a", 0), ("b", 0)]
    assert "quality EQUIVALENT, the same losses bit for bit" in out
    assert "whole trainings for quality, seed 1" in err


@needs_fork
@pytest.mark.parametrize(("behaviour", "code", "kind"), [("unavailable", 3, "unavailable"), ("raises", 6, "crashed")])
def test_an_arm_that_falls_is_shown_and_what_was_raced_is_kept(
    call_here: Callable[..., tuple[int, str, str]],
    fake_machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: str,
    code: int,
    kind: str,
) -> None:
    def misbehave(settings: dict[str, str], device: str, tree: Path | None):  # type: ignore[no-untyped-def]
        case = make_case(settings, device, tree)
        return msgspec.structs.replace(case, engine=behaviour) if case.engine == "reference" else case

    monkeypatch.setattr("bench.racing.make_case", misbehave)
    found, out, _ = call_here(*TWO, "--output", "r")
    assert found == code
    race = read_race(fake_machine / "r")
    assert [(each.arm, each.kind) for each in race.fallen] == [(1, kind)]
    assert race.ended is not None
    assert race.ended.reason == "failed"
    assert f"Arm b {kind} at" in out
    assert "Stopped after 0 pairs, 0 rounds" in out
    assert {"race.md", "race.csv"} <= {path.name for path in (fake_machine / "r").iterdir()}


@needs_fork
@pytest.mark.parametrize("moment", ["race", "training"])
def test_an_interrupt_keeps_what_was_raced_and_is_exit_130(
    call_here: Callable[..., tuple[int, str, str]],
    fake_machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    told = tell

    def interrupt(line: str) -> None:
        told(line)
        if line.startswith("pair   1" if moment == "race" else "whole trainings"):
            raise KeyboardInterrupt

    monkeypatch.setattr(racing, "tell", interrupt)
    code, out, _ = call_here(*TWO, "--budget", "1s", "--output", "r")
    assert code == 130
    race = read_race(fake_machine / "r")
    assert race.ended is not None
    assert (race.ended.reason == "interrupted") == (moment == "race")
    assert race.rounds
    assert not [each for each in race.trained if isinstance(each, Trained)]
    assert "Written to r" in out
    assert (fake_machine / "r" / "race.md").exists()
