"""The door of the comparison: what it refuses, what it prints, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench import compare as door
from bench.arms import make_case as make_race_case
from bench.arms import parse_settings
from bench.errors import BenchError
from bench.race import make_parser as make_race_parser
from bench.records.case import Case
from bench.records.environment import Environment
from bench.records.selfcheck import write_selfcheck
from bench.records.store import create_run
from tests.bench.records.test_selfcheck import make_check
from tests.bench.render.test_comparison import read_strictly
from tests.bench.runs import ENVIRONMENT, make_case, make_failed, make_info, make_training
from tests.bench.sides import EAGER, REFERENCE, make_environment, write_measured

LOADER = make_case(batching="dataloader")
NOISE = (1.0, 1.001, 0.999)
ROOT = Path(door.__file__).parents[1]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(door, "_PUBLISHED", tmp_path / "published")


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Return the exit code, also of an error that the door shows as one line."""
    monkeypatch.setattr("sys.argv", ["bench.compare", *arguments])
    try:
        return door.main()
    except BenchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except SystemExit as leaving:
        return int(leaving.code or 0)


def write_side(
    name: str, seconds: Mapping[Case, float], num_runs: int = 3, environment: Environment | None = ENVIRONMENT
) -> None:
    for place in range(num_runs):
        noisy = {case: each * NOISE[place] for case, each in seconds.items()}
        write_measured(Path(name) / str(place), noisy, environment)


def write_run(name: str, seconds: float = 1.0, environment: Environment | None = ENVIRONMENT) -> None:
    write_measured(Path(name), {EAGER: seconds}, environment)


def read(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    captured = capsys.readouterr()
    return captured.out, captured.err


@pytest.mark.parametrize(
    ("factor", "flags", "code", "verdict"),
    [
        (1.1, (), 1, "SLOWER"),
        (1.1, ("--fail-on", "nothing"), 0, "SLOWER"),
        (0.9, (), 0, "FASTER"),
        (0.9, ("--fail-on", "changed"), 1, "FASTER"),
        (1.0001, ("--strict",), 0, "SAME"),
        (1.1, ("--dead-zone", "20%", "--margin", "30%"), 0, "SAME"),
    ],
)
def test_the_exit_code_follows_the_rows(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    factor: float,
    flags: tuple[str, ...],
    code: int,
    verdict: str,
) -> None:
    write_side("base", {EAGER: 1.0})
    write_side("head", {EAGER: factor})
    assert call(monkeypatch, "base", "head", *flags) == code
    assert f"head against base: 1 {verdict}" in read(capsys)[0]


def test_with_fewer_than_three_runs_a_side_it_is_inconclusive_and_only_strict_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run("base", 1.0, make_environment(git_commit="a" * 40))
    write_run("head", 2.0, make_environment(git_commit="b" * 40))
    assert call(monkeypatch, "base", "head") == 0
    shown = read(capsys)[0]
    assert "2.000" in shown
    assert "INCONCLUSIVE" in shown
    assert f"rev={'a' * 40} --b" in shown
    assert call(monkeypatch, "base", "head", "--strict") == 7


def test_the_race_that_is_printed_is_one_that_can_be_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = make_case("eager", precision="bf16", num_threads=2)
    for name, commit in (("base", "a" * 40), ("head", "b" * 40)):
        write_measured(Path(name), {case: 1.0 if name == "base" else 2.0}, make_environment(git_commit=commit))
    assert call(monkeypatch, "base", "head", "--alpha", "1%") == 0
    command = next(line for line in read(capsys)[0].splitlines() if line.startswith("    python -m bench.race"))
    arguments = make_race_parser().parse_args(shlex.split(command)[3:])
    settings = [parse_settings(words) for words in (arguments.a, *arguments.b)]
    assert [each["rev"] for each in settings] == ["a" * 40, "b" * 40]
    assert [make_race_case(each, each["device"]) for each in settings] == [case, case]
    assert arguments.alpha == 0.01


def test_the_same_run_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    write_run("base")
    shutil.copytree("base", "copy")
    assert call(monkeypatch, "base", "base") == 2
    assert call(monkeypatch, "base", "copy") == 2
    assert call(monkeypatch, "--devices", "base", "copy") == 2
    assert call(monkeypatch, "base", "./base/") == 2


def test_what_has_to_agree_refuses_with_both_values_unless_it_is_let_through(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run("base")
    write_run("head", 2.0, make_environment({"cpu_model": "Other CPU", "torch_version": "2.12.0"}))
    assert call(monkeypatch, "base", "head") == 4
    (line,) = read(capsys)[1].splitlines()
    assert "cpu_model (Example CPU against Other CPU); torch_version (2.13.0 against 2.12.0)" in line
    assert call(monkeypatch, "base", "head", "--allow", "cpu_model") == 4
    assert "cpu_model" not in read(capsys)[1]
    assert call(monkeypatch, "base", "head", "--allow", "cpu_model", "--allow", "torch_version") == 0
    assert "let through by --allow: cpu_model: base Example CPU; head Other CPU" in read(capsys)[0]
    assert call(monkeypatch, "base", "head", "--allow", "colour") == 2


def test_a_run_without_an_environment_can_not_be_shown_to_be_comparable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run("base")
    write_run("head", 2.0, None)
    assert call(monkeypatch, "base", "head") == 4
    assert "cpu_model (Example CPU against not recorded)" in read(capsys)[1]


def test_a_newer_schema_is_not_comparable_and_damage_is_invalid(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run("base")
    write_run("newer", 2.0)
    write_run("torn", 3.0)
    document = json.loads(Path("newer/run.json").read_text())
    Path("newer/run.json").write_text(json.dumps(document | {"schema": 2}))
    Path("torn/samples.jsonl").write_bytes(b"")
    assert call(monkeypatch, "base", "newer") == 4
    assert "install a newer version" in read(capsys)[1]
    assert call(monkeypatch, "torn", "base") == 5
    assert "torn/samples.jsonl" in read(capsys)[1]
    assert call(monkeypatch, "base", "gone") == 5


def test_a_case_that_is_missing_fails_even_if_the_rest_is_the_same_and_a_new_one_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_side("both", {EAGER: 1.0, REFERENCE: 1.0})
    write_side("one", {EAGER: 1.0001})
    assert call(monkeypatch, "both", "one") == 6
    assert "MISSING in one: cpu/reference/manual" in read(capsys)[0]
    assert call(monkeypatch, "one", "both") == 0
    assert "NEW in both: cpu/reference/manual" in read(capsys)[0]


def test_without_a_common_case_it_fails_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run("base")
    write_measured(Path("head"), {REFERENCE: 1.0})
    assert call(monkeypatch, "base", "head") == 6
    out, err = read(capsys)
    assert (out, len(err.splitlines())) == ("", 1)


def test_a_failed_case_and_one_that_did_not_learn_have_their_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    write_run("base")
    for name, records in (("lost", [make_failed(EAGER)]), ("bad", make_training(EAGER, [1.0], r_squared=0.1))):
        with create_run(make_info([EAGER]), Path(name), ()) as directory:
            for record in records:
                directory.append(record)
    assert call(monkeypatch, "base", "lost") == 6
    assert call(monkeypatch, "base", "bad", "--allow", "digest") == 5


@pytest.mark.parametrize("form", ["json", "csv", "markdown"])
def test_machine_output_is_alone_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    write_side("base", {EAGER: 1.0, REFERENCE: 2.0})
    write_side("head", {EAGER: 1.1, LOADER: 2.0})
    call(monkeypatch, "base", "head", "--format", form)
    out, err = read(capsys)
    if form == "json":
        document = read_strictly(out)
        (head,) = document["heads"]
        assert (head["cases"][0]["verdict"], head["missing"], head["new"]) == (
            "SLOWER",
            [REFERENCE.name],
            [LOADER.name],
        )
        assert err == ""
    elif form == "csv":
        assert [line.split(",")[0] for line in out.splitlines()] == ["case", EAGER.name, REFERENCE.name, LOADER.name]
        assert "MISSING in head" in err
    else:
        assert out.startswith("## Base and head")


def test_several_heads_are_each_held_against_the_base(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seconds in (("base", 1.0), ("one", 1.1), ("two", 0.9)):
        write_side(name, {EAGER: seconds})
    assert call(monkeypatch, "base", "one", "two") == 1
    shown = read(capsys)[0]
    assert "one against base: 1 SLOWER" in shown
    assert "two against base: 1 FASTER" in shown


def test_filters_choose_cases_for_the_verdict_and_only_slower_for_the_eye(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_side("base", {EAGER: 1.0, REFERENCE: 1.0, LOADER: 1.0})
    write_side("head", {EAGER: 1.1, REFERENCE: 1.0001, LOADER: 0.9})
    assert call(monkeypatch, "base", "head", "--filter", "engine=reference", "--filter", "batching=manual") == 0
    assert "head against base: 1 SAME" in read(capsys)[0]
    assert call(monkeypatch, "base", "head", "--only-slower") == 1
    shown = read(capsys)[0]
    assert "cpu/reference/manual " not in shown
    assert "1 SLOWER, 1 FASTER, 1 SAME" in shown
    assert call(monkeypatch, "base", "head", "--filter", "engine=fused") == 2
    assert "--filter leaves no case: there are cpu/eager/manual" in read(capsys)[1]
    assert call(monkeypatch, "base", "head", "--filter", "colour=blue") == 2
    assert call(monkeypatch, "base", "head", "--filter", "device=gpu") == 2


def test_a_device_can_be_given_with_its_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = make_case(device="cuda")
    write_measured(Path("base"), {case: 1.0, EAGER: 1.0})
    write_measured(Path("head"), {case: 2.0, EAGER: 1.0})
    assert call(monkeypatch, "base", "head", "--filter", "device=cuda:0") == 0
    assert "head against base: 1 INCONCLUSIVE; worst cuda/reference/manual" in read(capsys)[0]


def test_ratios_can_be_laid_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write_side("base", {EAGER: 1.0, REFERENCE: 1.0, LOADER: 1.0})
    write_side("head", {EAGER: 1.1, REFERENCE: 1.2, LOADER: 1.3})
    call(monkeypatch, "base", "head", "--rows", "engine", "--columns", "batching", "--format", "csv")
    header, eager, reference = (line.split(",") for line in read(capsys)[0].splitlines())
    assert (header[1], header[5]) == ("time_ratio_manual", "time_ratio_dataloader")
    assert (eager[0], eager[5], reference[0]) == ("eager", "", "reference")
    assert [float(eager[1]), float(reference[1]), float(reference[5])] == pytest.approx([1.1, 1.2, 1.3])
    assert call(monkeypatch, "base", "head", "--rows", "engine", "--columns", "engine") == 2


def test_one_run_is_compared_within_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write_measured(Path("run"), {REFERENCE: 2.0, EAGER: 1.0})
    assert call(monkeypatch, "run") == 0
    shown = read(capsys)[0]
    assert "against cpu/reference/manual: 1 INCONCLUSIVE; best cpu/eager/manual, 50.0% less time" in shown
    assert "    python -m bench.race --a device=cpu engine=reference batching=manual" in shown
    assert call(monkeypatch, "run", "--strict") == 7
    read(capsys)
    assert call(monkeypatch, "run", "--format", "json") == 0
    assert read_strictly(read(capsys)[0])["cases"][0]["time_ratio"] == pytest.approx(0.5)


def test_a_first_case_that_did_not_learn_is_invalid_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with create_run(make_info([REFERENCE, EAGER]), Path("run"), ()) as directory:
        for record in (*make_training(REFERENCE, [1.0], r_squared=0.1), *make_training(EAGER, [1.0])):
            directory.append(record)
    assert call(monkeypatch, "run") == 5
    assert "cpu/reference/manual is INVALID, so that nothing is held against it" in read(capsys)[0]


def test_a_run_of_one_case_has_nothing_to_compare(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run("run")
    assert call(monkeypatch, "run") == 2
    assert "no case to hold against its first one, cpu/eager/manual" in read(capsys)[1]


def test_a_directory_of_several_runs_is_not_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_side("base", {EAGER: 1.0})
    assert call(monkeypatch, "base") == 2
    assert "base holds 3 runs" in read(capsys)[1]


def test_devices_of_several_machines_are_put_side_by_side(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_measured(Path("linux-cpu"), {REFERENCE: 2.0, EAGER: 1.0})
    write_measured(Path("linux-cuda"), {make_case(device="cuda:0"): 0.5})
    assert call(monkeypatch, "--devices", "linux-cpu", "linux-cuda", "--format", "markdown") == 0
    shown = read(capsys)[0]
    assert "| linux-cpu  | Example CPU | cpu/reference/manual    |" in shown
    assert "| linux-cuda | Example GPU | cuda:0/reference/manual |" in shown
    assert "Example GPU (cuda) beside Example CPU (cpu): 0.2500 times its time" in shown
    assert "this machine only" in shown


def test_devices_have_a_column_of_money_where_an_hour_has_a_price(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_measured(Path("linux-cpu"), {REFERENCE: 1.0})
    write_measured(Path("linux-cuda"), {make_case(device="cuda:0"): 0.5})
    words = ("--devices", "linux-cpu", "linux-cuda", "--no-published", "--format", "csv")
    assert call(monkeypatch, *words, "--price-per-hour", "cuda=3.6") == 0
    shown, said = read(capsys)
    assert "no price for cpu: --price-per-hour names cuda" in said
    host, card = csv.DictReader(shown.splitlines())
    assert host["training_money"] == ""
    assert float(card["training_money"]) == pytest.approx(float(card["training_seconds"]) * 0.001)
    assert call(monkeypatch, *words) == 0
    assert "training_money" not in read(capsys)[0]


@pytest.mark.parametrize("form", ["markdown", "terminal", "csv", "json"])
def test_a_missing_and_a_damaged_run_are_named_after_all_others_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    write_run("linux-cpu")
    write_run("linux-cuda", 2.0)
    Path("linux-cuda/samples.jsonl").write_text("{}\n{}\n")
    assert call(monkeypatch, "--devices", "linux-cpu", "linux-cuda", "macos-mps", "--format", form) == 5
    out, err = read(capsys)
    assert "2 of 3 runs can't be read: linux-cuda, macos-mps" in err
    assert "Example CPU" in out
    if form == "json":
        assert list(read_strictly(out)["unreadable"]) == ["linux-cuda", "macos-mps"]
    else:
        assert out.count("can't be read") >= 2
        assert "samples.jsonl line 1" in out + err


def test_with_no_readable_run_at_all_the_table_still_names_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--devices", "gone", "--format", "markdown") == 5
    assert "| gone" in read(capsys)[0]


def test_published_runs_join_unless_they_are_the_ones_given_or_not_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run("published/one", 1.0)
    write_run("published/two", 3.0)
    write_measured(Path("published/other"), {make_case("eager", num_epochs=10): 1.0})
    write_run("mine", 2.0)
    assert call(monkeypatch, "--devices", "mine", "--format", "markdown") == 0
    shown = read(capsys)[0]
    assert "| 2 of 3 |" in shown
    assert "published/other is left out: it did other work (epochs)" in shown
    call(monkeypatch, "--devices", "published/one", "--format", "markdown")
    shown = read(capsys)[0]
    assert shown.count("published/one") == 1
    assert "| 1 of 2 |" in shown
    call(monkeypatch, "--devices", "mine", "--no-published", "--format", "markdown")
    assert "published/one" not in read(capsys)[0]


def test_devices_that_did_other_work_are_refused_unless_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    write_run("one")
    write_measured(Path("two"), {make_case("eager", num_epochs=10): 1.0})
    assert call(monkeypatch, "--devices", "one", "two") == 4
    assert call(monkeypatch, "--devices", "one", "two", "--allow", "epochs") == 0


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--devices", "x", "--strict"),
        ("--devices", "x", "--rows", "engine"),
        ("x", "--no-published"),
        ("x", "--price-per-hour", "2.49"),
        ("x", "--margin", "0.1%"),
    ],
)
def test_flags_that_make_no_sense_are_one_line_of_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert call(monkeypatch, *words) == 2
    assert len(read(capsys)[1].splitlines()) == 1


def test_comparing_imports_neither_torch_nor_what_is_slow_of_scipy() -> None:
    write_side("base", {EAGER: 1.0})
    write_side("head", {EAGER: 1.1})
    script = (
        "import sys; from bench import compare; sys.argv = ['compare', 'base', 'head']; compare.main(); "
        "slow = {'torch', 'scipy.stats'} & set(sys.modules); sys.exit(f'imported {slow}' if slow else 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_margin_finer_than_what_the_machine_was_shown_to_tell_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run("base")
    write_run("head", 1.001)
    assert call(monkeypatch, "base", "head", "--margin", "0.6%") == 0
    assert "finer than what this machine" not in read(capsys)[0]
    write_selfcheck(make_selfcheck_directory(), make_check(environment=ENVIRONMENT))
    assert call(monkeypatch, "base", "head", "--margin", "0.6%") == 0
    assert "finer than what this machine" in read(capsys)[0]


def make_selfcheck_directory() -> Path:
    directory = Path("results/check")
    directory.mkdir(parents=True)
    return directory
