"""The door: what it accepts, what it refuses, what it leaves behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from bench import arguments
from bench import run as door
from bench.errors import BenchError, FaultyDeviceError, UnavailableError
from bench.judge.ladder import judge_ladder
from bench.judge.results import judge_run
from bench.judge.run_faults import find_run_faults
from bench.measure.counters import Counter
from bench.measure.survey import Unusable
from bench.records.store import read_run, read_run_records
from bench.render.report import list_files
from tests.bench.measure.fakes import MISBEHAVING
from tests.bench.measure.test_environment import make_survey
from tests.bench.runs import make_case, make_failed, make_run, make_training
from tests.systems import posix_only

COMMAND = (sys.executable, "-m", "bench.run")
ROOT = Path(__file__).parents[2]


def call(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(
        (*COMMAND, *arguments), cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def fake_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose workers need no torch, and do wrong what the engine's name says."""
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: make_survey("cpu"))
    monkeypatch.setattr("bench.records.plan.NUM_ROUNDS", 2)
    monkeypatch.setattr("bench.run.interrupt_once", lambda: None)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call_here(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["bench.run", *words])
    return door.main(MISBEHAVING)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--device", "gpu"), 2, ("gpu", "cpu, cuda")),
        (("--device", "cuda:-1"), 2, ("cuda:-1",)),
        (("--device", "cuda "), 2, ("'cuda '",)),
        (("--suite", "huge"), 2, ("huge", "quick")),
        (("--engine", "turbo"), 2, ("turbo", "reference, eager")),
        (("--engine", ""), 2, ("''", "reference, eager")),
        (("--batching", "none"), 2, ("none", "manual, dataloader")),
        (("--amp", "--precision", "fp32"), 2, ("--precision", "not allowed with", "--amp")),
        (("--device", "cpu", "--precision", "tf32"), 3, ("tf32", "NVIDIA")),
        (("--epochs", "0"), 2, ("0", "at least 1")),
        (("--epochs", "many"), 2, ("many",)),
        (("--replicates", "0"), 2, ("0", "at least 1")),
        (("--replicates", "1001"), 2, ("1001", "at most 1000")),
        (("--replicas", "0"), 2, ("0 replicas", "use 1 to 10,000")),
        (("--replicas", "10001"), 2, ("10001", "use 1 to 10,000")),
        (("--replicas", "some"), 2, ("'some'", "say, 64")),
        (("--replicas", "1,,2"), 2, ("'1,,2'", "with commas")),
        (("--replicas", "2", "--workload", "mine.py"), 2, ("--replicas", "product network")),
        (("--threads", "-1"), 2, ("-1", "at least 1")),
        (("--seed", "-1"), 2, ("-1", "at least 0")),
        (("--quality-margin", "1"), 2, ("'1'", "above 1")),
        (("--quality-margin", "nan"), 2, ("'nan'", "above 1")),
        (("--quality-margin", "inf"), 2, ("'inf'", "above 1")),
        (("--quality-margin", "wide"), 2, ("'wide'", "above 1")),
        (("--label", "../up"), 2, ("../up", "letters")),
        (("--price-per-hour", "cheap"), 2, ("'cheap'", "2.49")),
        (("--price-per-hour", "0"), 2, ("'0'", "above 0")),
        (("--price-per-hour", "-1"), 2, ("-1", "2.49")),
        (("--price-per-hour", "gpu=1"), 2, ("'gpu'", "cpu, cuda")),
        (("--price-per-hour", "=1"), 2, ("'=1'", "2.49")),
        (("--price-per-hour", "cuda=1,cuda:0=2"), 2, ("two prices for cuda",)),
        (("--price-per-hour", "2,49"), 2, ("two prices for all", "a point as decimal mark")),
        (("--price-per-hour", "auto=1"), 2, ("'auto=1'", "cuda=1")),
        pytest.param(("--output", "/proc/version/x"), 2, ("/proc/version/x", "--output"), marks=posix_only),
        (("--bogus",), 2, ("--bogus", "--help")),
    ],
)
def test_bad_input_is_one_line_that_names_value_and_remedy_and_leaves_nothing(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    answer = call(*arguments, cwd=tmp_path)
    assert answer.returncode == code
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1
    for word in words:
        assert word in answer.stderr
    assert not list(tmp_path.iterdir())


def test_an_output_that_is_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")
    assert call("--output", "mine", cwd=tmp_path).returncode == 2
    assert (tmp_path / "mine" / "file").read_text() == "precious"


def test_a_list_of_cases_asks_no_device(tmp_path: Path) -> None:
    answer = call("--list", "--device", "cuda:1", "--engine", "eager,reference", cwd=tmp_path)
    assert answer.returncode == 0
    assert answer.stdout.splitlines() == [
        "cuda:1/eager/manual",
        "cuda:1/eager/dataloader",
        "cuda:1/reference/manual",
        "cuda:1/reference/dataloader",
    ]
    assert answer.stderr == "No device was asked: which of these it can do is known when they run.\n"
    assert not list(tmp_path.iterdir())


def test_the_quick_suite_is_what_the_readme_says(tmp_path: Path) -> None:
    listed = call("--list", cwd=tmp_path).stdout.splitlines()
    assert listed == ["auto/reference/manual", "auto/reference/dataloader", "auto/eager/manual"]


def test_replicas_multiply_the_modes_of_a_suite_that_can_train_several(tmp_path: Path) -> None:
    listed = call("--list", "--replicas", "1,4", cwd=tmp_path).stdout.splitlines()
    assert listed == [
        "auto/reference/manual",
        "auto/reference/dataloader",
        "auto/eager/manual",
        "auto/eager/manual/4-replicas",
    ]


def test_a_real_run_of_replicas_is_whole_and_its_first_is_the_single_training(tmp_path: Path) -> None:
    words = ("--device", "cpu", "--engine", "eager", "--batching", "manual", "--replicas", "1,3", "--epochs", "2")
    answer = call(*words, cwd=tmp_path, NO_COLOR="1")
    assert answer.returncode == 0, answer.stderr
    (directory,) = (tmp_path / "results").iterdir()
    assert list(find_run_faults(*read_run_records(directory)[:2])) == []
    stored = read_run(directory)
    alone, three = (each.trained for each in stored.measurements if each.case in stored.info.plan.cases)
    assert alone is not None
    assert three is not None
    assert three.digest == alone.digest
    assert three.epoch_losses == pytest.approx(alone.epoch_losses, rel=1e-5)
    assert [each.seed for each in three.replicas] == [1, 2, 3]
    assert len({each.digest for each in three.replicas}) == 3
    rows = list(csv.DictReader((directory / "replicas.csv").read_text().splitlines()))
    assert [row["num_replicas"] for row in rows] == ["1", "3"]
    assert float(rows[1]["models_per_second"]) == pytest.approx(3 / float(rows[1]["training_seconds"]))
    assert "networks a second over networks at once" in (directory / "replicas.md").read_text()


def test_an_engine_that_was_named_and_trains_one_network_at_a_time_is_exit_3(tmp_path: Path) -> None:
    answer = call("--device", "cpu", "--engine", "reference", "--batching", "manual", "--replicas", "2", cwd=tmp_path)
    assert answer.returncode == 3
    assert "engine reference trains one network at a time: for replicas use eager, compiled, fused" in answer.stdout


def test_an_absent_device_is_exit_3_in_one_line_with_nothing_left_behind(tmp_path: Path) -> None:
    answer = call("--device", "cuda:9", cwd=tmp_path, CUDA_VISIBLE_DEVICES="7")
    assert answer.returncode == 3
    assert len(answer.stderr.splitlines()) == 1
    assert "cuda:9" in answer.stderr
    assert "cpu" in answer.stderr
    assert not list(tmp_path.iterdir())


def test_one_real_run_leaves_samples_and_tables_that_agree(tmp_path: Path) -> None:
    answer = call("--device", "cpu", "--epochs", "2", "--label", "mine", cwd=tmp_path, NO_COLOR="1")
    assert answer.returncode == 0, answer.stderr
    (directory,) = (tmp_path / "results").iterdir()
    assert directory.name.endswith("_cpu_mine")
    names = {path.name for path in directory.iterdir()}
    tables = {
        f"{table}.{ending}"
        for table in ("accuracy", "throughput", "phases", "stages", "data", "work")
        for ending in ("md", "csv")
    }
    assert names == {"run.json", "samples.jsonl", "advice.md"} | tables
    stored = read_run(directory)
    assert stored.is_complete
    assert {measurement.case.name for measurement in stored.measurements} == {
        "cpu/reference/manual",
        "cpu/reference/dataloader",
        "cpu/eager/manual",
    }
    assert [each.moment for each in stored.conditions] == ["before", "after"]
    by_case = {measurement.case.name: measurement for measurement in stored.measurements}
    manual, loader = by_case["cpu/reference/manual"].trained, by_case["cpu/reference/dataloader"].trained
    assert manual is not None
    assert loader is not None
    assert manual.digest == loader.digest
    assert manual.epoch_losses == loader.epoch_losses
    rows = csv.DictReader((directory / "throughput.csv").read_text().splitlines())
    assert [row["case"] for row in rows] == [case.name for case in stored.info.plan.cases]
    assert "Shortest time here" in answer.stdout
    assert "\x1b" not in answer.stdout + answer.stderr
    assert json.loads((directory / "run.json").read_text())["schema"] == 1


def test_a_case_that_fails_is_exit_6_and_shown_with_the_command_that_repeats_it(
    fake_machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(arguments, "ENGINES", {"good": "", "raises": ""})
    monkeypatch.setattr(arguments, "TrainConfig", lambda **_settings: _Recipe())
    assert call_here(monkeypatch, "--engine", "good,raises", "--batching", "manual", "--output", "r") == 6
    shown = capsys.readouterr().out
    assert "RuntimeError: out of luck" in shown
    assert "python -m bench.run --device cpu --engine raises" in shown
    assert (fake_machine / "r" / "throughput.md").exists()
    assert (fake_machine / "r" / "logs").is_dir()


def test_a_run_that_is_asked_for_energy_and_money_keeps_and_shows_both(
    fake_machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.measure.counters.find_packages", lambda _root: (Counter("cpu", "RAPL", reason="none"),))
    monkeypatch.setattr(arguments, "ENGINES", {"good": ""})
    monkeypatch.setattr(arguments, "TrainConfig", lambda **_settings: _Recipe())
    flags = ("--energy", "--price-per-hour", "cuda=2.49,cpu=0.36")
    assert call_here(monkeypatch, "--engine", "good", "--batching", "manual", "--output", "r", *flags) == 0
    stored = read_run(fake_machine / "r")
    assert stored.info.prices == {"cuda": 2.49, "cpu": 0.36}
    assert stored.info.plan.measures_energy
    (row,) = csv.DictReader((fake_machine / "r" / "money.csv").read_text().splitlines())
    (time,) = csv.DictReader((fake_machine / "r" / "throughput.csv").read_text().splitlines())
    assert float(row["training_money"]) == pytest.approx(float(time["training_seconds"]) * 0.36 / 3600)
    (row,) = csv.DictReader((fake_machine / "r" / "energy.csv").read_text().splitlines())
    assert (row["cpu_training_joules"], row["cpu_counters"]) == ("not measured", "RAPL: none")
    shown = capsys.readouterr().out
    assert "not measured" in shown
    assert "1,000" in shown


def test_an_engine_that_is_unavailable_alone_is_exit_3(fake_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "ENGINES", {"unavailable": ""})
    monkeypatch.setattr(arguments, "TrainConfig", lambda **_settings: _Recipe())
    assert call_here(monkeypatch, "--engine", "unavailable", "--batching", "manual") == 3


def test_a_whole_training_that_did_not_learn_is_exit_5(
    fake_machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.judge.quality.RECIPE_EPOCHS", 4)
    monkeypatch.setattr("bench.judge.quality.MIN_R_SQUARED", 0.99999)
    monkeypatch.setattr(arguments, "ENGINES", {"good": ""})
    monkeypatch.setattr(arguments, "TrainConfig", lambda **_settings: _Recipe())
    assert call_here(monkeypatch, "--engine", "good", "--batching", "manual") == 5
    shown = capsys.readouterr().out
    assert "did not learn" in shown
    assert "no mode to recommend" in shown


@pytest.mark.parametrize(
    ("factors", "is_strict", "code"),
    [
        ((1.0, 1.01, 1.02), True, 0),
        ((2.0, 2.01, 2.02), False, 0),
        ((2.0, 2.01, 2.02), True, 1),
        ((0.5, 1.0, 2.0), False, 0),
        ((0.5, 1.0, 2.0), True, 7),
    ],
)
def test_a_quality_that_is_not_equal_is_the_exit_code_only_where_strict(
    factors: tuple[float, ...], is_strict: bool, code: int
) -> None:
    base, other = make_case(), make_case("eager")
    records = [
        make_training(case, [1.0], replicate=replicate, losses=losses, mse=mse)
        for replicate, factor in enumerate(factors)
        for case, losses, mse in ((base, [0.5], 1e-4), (other, [0.25], 1e-4 * factor))
    ]
    run = make_run([base, other], *records)
    assert door._choose_exit_code(run, judge_run(run), is_strict) == code


def test_different_comes_before_undecided_and_a_failed_reference_before_both() -> None:
    base, other, third = make_case(), make_case("eager"), make_case("compiled-model")
    records = [
        make_training(case, [1.0], replicate=replicate, losses=losses, mse=mse)
        for replicate, (worse, scattered) in enumerate([(2.0, 0.5), (2.01, 1.0), (2.02, 2.0)])
        for case, losses, mse in ((base, [0.5], 1e-4), (other, [0.25], 1e-4 * worse), (third, [0.25], 1e-4 * scattered))
    ]
    run = make_run([base, other, third], *records)
    assert door._choose_exit_code(run, judge_run(run), is_strict=True) == 1
    apart = make_run([other, third], *records, [make_failed(base, replicate=3)], reference=base)
    assert door._choose_exit_code(apart, judge_run(apart), is_strict=True) == 6


def test_a_run_without_the_reference_among_its_cases_trains_it_and_keeps_margin_and_trainings(tmp_path: Path) -> None:
    arguments = ("--engine", "eager", "--batching", "manual", "--epochs", "2", "--quality-margin", "1.5")
    answer = call("--device", "cpu", *arguments, "--output", "r", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    stored = read_run(tmp_path / "r")
    plan = stored.info.plan
    assert plan.reference == make_case(num_epochs=2)
    assert plan.quality_margin == 1.5
    (reference,) = stored.measurements_of(plan.reference)
    (case,) = stored.measurements_of(plan.cases[0])
    assert reference.trained is not None
    assert case.trained is not None
    assert reference.trained.digest == case.trained.digest
    rows = csv.DictReader((tmp_path / "r" / "throughput.csv").read_text().splitlines())
    assert [row["case"] for row in rows] == ["cpu/eager/manual"]
    assert "compared with cpu/reference/manual, trained beside the cases, not timed; margin 1.5" in answer.stdout


@pytest.mark.parametrize(
    ("kinds", "may_lack", "code"),
    [
        (["unavailable"], True, 0),
        (["unavailable"], False, 3),
        (["crashed"], True, 6),
        (["unavailable", "crashed"], True, 6),
        (["faulty"], True, 5),
    ],
)
def test_an_engine_that_nobody_named_and_that_is_not_to_be_had_is_no_failure_of_a_ladder(
    kinds: list[str], may_lack: bool, code: int
) -> None:
    base, others = make_case(), [make_case(f"other-{place}") for place in range(len(kinds))]
    failed = [msgspec.structs.replace(make_failed(case), kind=kind) for case, kind in zip(others, kinds, strict=True)]
    run = make_run([base, *others], make_training(base, [1.0]), failed, rungs=[base, *others])
    assert door._choose_exit_code(run, judge_run(run), is_strict=False, may_lack=may_lack) == code


def test_a_ladder_of_which_nothing_was_to_be_had_is_exit_3() -> None:
    base = make_case()
    run = make_run([base], [msgspec.structs.replace(make_failed(base), kind="unavailable")], rungs=[base])
    assert door._choose_exit_code(run, judge_run(run), is_strict=False, may_lack=True) == 3


def test_a_real_ladder_is_written_again_as_it_was_from_what_it_stored(tmp_path: Path) -> None:
    cases = ("--engine", "reference,eager", "--batching", "manual", "--epochs", "2", "--replicates", "1")
    answer = call("--suite", "ladder", "--device", "cpu", *cases, "--output", "r", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    run = read_run(tmp_path / "r")
    for name, text in list_files(run, judge_run(run)).items():
        assert (tmp_path / "r" / name).read_bytes() == text.encode(), name
    first, second = judge_ladder(run, judge_run(run))
    assert first.operators_per_step is not None
    assert second.operators_per_step is not None
    assert first.operators_per_step > second.operators_per_step > 0, "fused Adam calls fewer operators"
    (rates,) = run.rates
    assert rates.matrix_multiply_adds_per_second is not None
    assert first.share_of_matrix is not None
    assert "Time to train, logarithmic" in answer.stdout
    assert not (tmp_path / "r" / "logs").exists(), "counting printed something"


class _Recipe:
    num_epochs = 4
    num_threads = 1
    seed = 1


@posix_only
def test_an_interrupt_keeps_what_was_measured_marks_it_partial_and_is_exit_130(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = (*COMMAND, "--device", "cpu", "--engine", "eager", "--batching", "manual", "--output", "r")
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    samples = tmp_path / "r" / "samples.jsonl"
    block = b'"type":"block","case":"cpu/eager/manual"'
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (samples.exists() and block in samples.read_bytes()):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "PARTIAL" in out
    assert "PARTIAL" in (tmp_path / "r" / "throughput.md").read_text()
    stored = read_run(tmp_path / "r")
    assert not stored.is_complete
    assert stored.measurements[0].blocks


def test_the_doctor_shows_this_machine_and_writes_nothing(tmp_path: Path) -> None:
    answer = call("--info", "--device", "cpu", cwd=tmp_path, OMP_NUM_THREADS="3")
    assert answer.returncode == 0, answer.stderr
    assert "This machine" in answer.stdout
    assert "  cpu        CPU" in answer.stdout
    assert "undo: export OMP_NUM_THREADS=3" in answer.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("exit_code", "expected"), [(3, UnavailableError), (5, FaultyDeviceError)])
def test_the_doctor_shows_this_machine_and_then_refuses_a_named_device_that_is_absent_or_faulty(
    fake_machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    exit_code: int,
    expected: type[BenchError],
) -> None:
    card = Unusable(reason="device cuda is not well", exit_code=exit_code, is_present=exit_code == 5)
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: make_survey(cuda=card))
    with pytest.raises(expected, match="device cuda is not well") as caught:
        call_here(monkeypatch, "--info", "--device", "cuda")
    assert caught.value.exit_code == exit_code
    assert "  cuda       not usable: device cuda is not well" in capsys.readouterr().out


def test_the_doctor_minds_no_absent_device_that_nobody_named(
    fake_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Unusable(reason="built without CUDA", exit_code=3, is_present=False)
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: make_survey("cpu", cuda=absent))
    assert call_here(monkeypatch, "--info") == 0
