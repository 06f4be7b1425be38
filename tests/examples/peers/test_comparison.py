"""The file, the turns and the table of a comparison. After a change that is meant: UPDATE_GOLDEN=1, and read it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.errors import InvalidFileError, UsageError
from bench.judge.quality import Quality
from bench.records.environment import Identity
from examples.peers import __main__ as door
from examples.peers import sides as sides_module
from examples.peers.sides import CONTROL, SIDES, Side, choose_sides, find_fastest_own, list_sides
from examples.peers.trainings import (
    Line,
    NotTimed,
    Outcome,
    Setting,
    Timed,
    append_trainings,
    list_missing,
    read_lines,
)
from examples.peers.turns import take_turns
from examples.peers.verdicts import judge_sides, list_failures, list_remarks, to_text
from productnet.exit_code import ExitCode

GOLDEN = Path(__file__).parents[2] / "data" / "golden"
SETTING = Setting(
    device="cpu", num_epochs=1_000, identity=Identity(cpu_model="Example CPU"), packages={"jax": "0.10.2"}
)
SCATTER = (1.02, 0.97, 1.05, 0.99)


def make_timed(side: str, seed: int, seconds: float = 1.0, mse: float | None = 2e-4, **changes: Any) -> Timed:
    outcome = Timed(
        side=side,
        seed=seed,
        is_first=seed == 1,
        compile_seconds=1.25 if seed == 1 else 2.0,
        seconds=seconds * (1 + seed / 100),
        final_loss=1e-4,
        heldout_mse=mse,
        heldout_r_squared=0.9998,
    )
    return msgspec.structs.replace(outcome, **changes)


def make_lines() -> list[Line]:
    figures = {
        "reference": (4.0, 1.0),
        "eager": (2.0, 1.0),
        "jax": (0.25, 1.0),
        "numpy": (0.5, 1.22),
        CONTROL: (1.0, 2.0),
    }
    lines: list[Line] = [SETTING]
    for seed, scatter in enumerate(SCATTER, start=1):
        for side, (seconds, ratio) in figures.items():
            mse = 2e-4 * seed * ratio * (scatter if seconds < 1 else 1)
            lines.append(make_timed(side, seed, seconds, mse))
    failure = NotTimed(side="scikit-learn", seed=1, kind="crashed", reason="ValueError: \x1b[31mred | <b>bold</b>")
    return [*lines, failure]


def write_lines(path: Path, lines: list[Line]) -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


def train(missing: list[tuple[int, list[str]]]) -> Iterator[Outcome]:
    for seed, names in missing:
        for name in names:
            yield make_timed(name, seed)


@pytest.mark.parametrize("name", ["peers.md", "peers.txt", "peers.jsonl"])
def test_table_and_file_are_as_they_were(tmp_path: Path, name: str) -> None:
    if not name.endswith("jsonl"):
        text = to_text(make_lines(), "eager", 100 if name.endswith("txt") else None) + "\n"
    else:
        text = write_lines(tmp_path / name, make_lines()).read_text()
    if os.environ.get("UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(text)
    assert (GOLDEN / name).read_text() == text


def test_a_file_that_was_written_is_read_as_it_was() -> None:
    assert read_lines(GOLDEN / "peers.jsonl") == make_lines()


def test_a_comparison_that_was_killed_goes_on_with_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "made" / "peers.jsonl"
    done = list(append_trainings(path, SETTING, ["reference", "jax"], 2, train))
    assert [(each.side, each.seed) for each in done] == [
        ("reference", 1),
        ("jax", 1),
        ("reference", 2),
        ("jax", 2),
    ]
    path.write_bytes(path.read_bytes()[:-10])
    assert list(append_trainings(path, SETTING, ["reference", "jax"], 2, train)) == done[-1:]
    assert read_lines(path) == [SETTING, *done]
    later = list(append_trainings(path, SETTING, ["reference", "numpy"], 2, train))
    assert [(each.side, each.seed) for each in later] == [("numpy", 1), ("numpy", 2)]


def test_what_failed_is_tried_again() -> None:
    failure = NotTimed(side="jax", seed=1, kind="timed out", reason="hung")
    assert list_missing([SETTING, failure, make_timed("numpy", 1)], ["jax", "numpy"], 1) == [(1, ["jax"])]
    assert list_failures([failure]) == [failure]
    assert list_failures([failure, make_timed("jax", 1)]) == []


@pytest.mark.parametrize(
    "change", [{"num_epochs": 500}, {"packages": {"jax": "0.9"}}, {"identity": Identity(cpu_model="Another")}]
)
def test_trainings_of_another_setting_are_not_mixed(tmp_path: Path, change: dict[str, Any]) -> None:
    path = write_lines(tmp_path / "peers.jsonl", [SETTING, make_timed("jax", 1)])
    before = path.read_bytes()
    with pytest.raises(UsageError, match="name a new --file"):
        list(append_trainings(path, msgspec.structs.replace(SETTING, **change), ["jax"], 2, train))
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"{}\n", b"hello\n", b"\xff\n", b'{"type":"training"}\n'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    with pytest.raises(InvalidFileError, match=r"other\.jsonl is no file of a comparison"):
        read_lines(path)


def test_quality_is_held_against_the_reference_by_the_rule_of_the_project() -> None:
    verdicts = judge_sides(make_lines())
    assert {name: verdict.quality for name, verdict in verdicts.items()} == {
        "reference": Quality.REFERENCE,
        "eager": Quality.EQUIVALENT,
        "jax": Quality.EQUIVALENT,
        "numpy": Quality.UNDECIDED,
        CONTROL: Quality.DIFFERENT,
        "scikit-learn": Quality.NOT_TRAINED,
    }


@pytest.mark.parametrize(
    ("change", "quality"),
    [
        ({"heldout_r_squared": 0.98}, Quality.INVALID),
        ({"heldout_r_squared": None}, Quality.INVALID),
        ({"final_loss": None}, Quality.INVALID),
        ({"heldout_mse": 0.0}, Quality.UNDECIDED),
        ({"seed": 9}, Quality.UNTESTED),
    ],
)
def test_one_bad_training_is_enough(change: dict[str, Any], quality: Quality) -> None:
    lines = [msgspec.structs.replace(line, **change) if line == make_lines()[3] else line for line in make_lines()]
    assert judge_sides(lines)["jax"].quality == quality


def test_few_seeds_and_few_epochs_are_not_tested() -> None:
    two = [line for line in make_lines() if isinstance(line, Setting) or line.seed < 3]
    assert judge_sides(two)["jax"].quality == Quality.UNTESTED
    short = [msgspec.structs.replace(SETTING, num_epochs=999), *make_lines()[1:]]
    assert judge_sides(short)["jax"].quality == Quality.CUT_SHORT


def test_a_control_that_passes_is_told_of() -> None:
    lines: list[Line] = [SETTING, *(make_timed(side, seed) for side in ("reference", CONTROL) for seed in (1, 2, 3))]
    assert any("so few seeds tell nothing" in remark for remark in list_remarks(lines))
    assert not any("so few seeds tell nothing" in remark for remark in list_remarks(make_lines()))


def test_sides_take_turns_in_processes_of_their_own_and_one_that_fails_costs_no_other() -> None:
    sides = {
        "reference": SIDES["reference"],
        "numpy": SIDES["numpy"],
        "broken": Side(f"{__name__}:fail", "broken"),
    }
    missing = [(seed, list(sides)) for seed in (1, 2)]
    outcomes = list(take_turns(sides, missing, "cpu", 2))
    trained = [each for each in outcomes if isinstance(each, Timed)]
    assert {(each.side, each.seed, each.is_first) for each in trained} == {
        (side, seed, seed == 1) for side in ("reference", "numpy") for seed in (1, 2)
    }
    assert [each.seed for each in trained] == [1, 1, 2, 2]
    assert all(each.heldout_mse is not None and each.seconds > 0 for each in trained)
    (failure,) = [each for each in outcomes if isinstance(each, NotTimed)]
    assert (failure.side, failure.seed, failure.kind) == ("broken", 1, "crashed")
    assert "no such training" in failure.reason


def fail(_case: object, _seed: int) -> object:
    raise ValueError("no such training")


def test_a_control_trains_less_and_everything_else_all_of_it() -> None:
    others = {name: side.make_case("cpu", 1_000).num_epochs for name, side in SIDES.items() if name != CONTROL}
    assert set(others.values()) == {1_000}
    assert SIDES[CONTROL].make_case("cpu", 1_000).num_epochs == 500
    assert SIDES[CONTROL].make_case("cpu", 1).num_epochs == 1


def test_the_reference_is_always_there_and_a_name_that_is_none_is_refused() -> None:
    assert list(choose_sides(["numpy"], "cpu")) == ["reference", "numpy"]
    with pytest.raises(UsageError, match="'keras' is no side on device cpu: use reference, eager, "):
        choose_sides(["keras"], "cpu")


def test_a_device_has_the_sides_that_train_on_it() -> None:
    assert {"numpy", "scikit-learn"} <= set(list_sides("cpu")) - set(list_sides("cuda"))
    assert {"graphed", "graphed-compiled"} == set(list_sides("cuda:1")) - set(list_sides("cpu"))
    fastest = {device: find_fastest_own(device) for device in ("cpu", "cuda:1", "mps")}
    assert fastest == {"cpu": "fused", "cuda:1": "fused", "mps": "compiled"}
    assert "jax" in list_sides("cuda")
    assert list(choose_sides(["graphed"], "cuda")) == ["reference", "graphed"]
    with pytest.raises(UsageError, match="'numpy' is no side on device cuda: use reference, "):
        choose_sides(["numpy"], "cuda")


def test_a_package_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides_module, "find_spec", lambda _name: None)
    with pytest.raises(
        UsageError, match=r"jax, scikit-learn can't be imported: pip install 'productnet-bench\[peers\]'"
    ):
        choose_sides(["jax", "scikit-learn", "numpy"], "cpu")
    assert list(choose_sides(["numpy"], "cpu")) == ["reference", "numpy"]


def run_door(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["peers", *words])
    return door.main()


def test_the_door_shows_a_file_and_what_failed_is_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_lines(tmp_path / "peers.jsonl", make_lines())
    assert run_door(monkeypatch, "--show", "--file", str(path)) == ExitCode.FAILED_CASES
    shown = capsys.readouterr().out
    assert "scikit-learn: crashed at seed 1: ValueError: \\x1b[31mred" in shown
    assert "\x1b" not in shown
    spoilt = [*make_lines()[1:4], msgspec.structs.replace(make_timed("jax", 5), final_loss=None)]
    assert run_door(monkeypatch, "--show", "--file", str(write_lines(path, spoilt))) == ExitCode.INVALID
    # A control may be as bad as it likes.
    fine = [*make_lines()[:-1], make_timed(CONTROL, 5, final_loss=None)]
    assert run_door(monkeypatch, "--show", "--file", str(write_lines(path, fine)), "--format", "markdown") == 0
    assert "| numpy" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("--seeds", "0"), ("--epochs", "-1"), ("--sides", "keras")])
def test_the_door_refuses_what_it_can_not_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str]
) -> None:
    with pytest.raises(UsageError):
        run_door(monkeypatch, "--file", str(tmp_path / "none.jsonl"), *words)
    assert not (tmp_path / "none.jsonl").exists()


def test_the_door_trains_what_it_is_asked_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--file", str(tmp_path / "p.jsonl"), "--epochs", "2", "--sides", "numpy", "--against", "numpy")
    assert run_door(monkeypatch, *words, "--seeds", "1") == 0
    assert run_door(monkeypatch, *words, "--seeds", "2") == 0
    lines = read_lines(tmp_path / "p.jsonl")
    assert sum(isinstance(line, Timed) for line in lines) == 4
    assert "cut short" in capsys.readouterr().out


def test_the_door_opens_without_torch_and_without_the_peers() -> None:
    program = "import sys, examples.peers.__main__; print(sorted({'torch', 'jax', 'sklearn'} & set(sys.modules)))"
    root = Path(__file__).parents[3]
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
