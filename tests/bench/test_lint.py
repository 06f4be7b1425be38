"""A result that is whole has no fault, and every number of its tables counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import lint
from tests.bench.sweeps import make_crossing_sweep, write_sweep
from tests.bench.tampered import list_faults, write_gate, write_race, write_run, write_tune


def test_what_was_measured_and_kept_as_it_was_is_sound(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep", make_crossing_sweep())
    tune, gate = write_tune(tmp_path / "tune"), write_gate(tmp_path / "gate")
    for path in (write_run(tmp_path / "run"), write_race(tmp_path / "race"), gate, sweep, tune):
        assert list_faults(path) == []


def test_a_number_of_a_sweeps_table_that_is_another_is_a_fault(tmp_path: Path) -> None:
    path = write_sweep(tmp_path / "sweep", make_crossing_sweep())
    table = path / "crossings.csv"
    table.write_text(table.read_text().replace("10000", "10001"))
    (fault,) = list_faults(path)
    assert fault.startswith("crossings.csv: row 1 (cpu/eager/manual), batch_size_high: expected 10000")


def test_a_heat_that_is_missing_and_one_that_no_record_names_are_faults(tmp_path: Path) -> None:
    path = write_tune(tmp_path / "tune")
    (path / "heat-1").rename(path / "heat-7")
    faults = list_faults(path)
    assert "samples.jsonl: heat heat-1: expected a race in a directory of this name, found none" in faults
    assert "heat-7: the whole of it: expected nothing: samples.jsonl has no such heat, found a race" in faults


def test_a_fault_of_a_heat_is_one_of_its_tune(tmp_path: Path) -> None:
    path = write_tune(tmp_path / "tune")
    samples = path / "heat-1" / "samples.jsonl"
    samples.write_text("".join(samples.read_text().splitlines(keepends=True)[:-1]))
    assert any(fault.startswith("heat-1/samples.jsonl: trainings of arm b") for fault in list_faults(path))


def test_a_tune_that_was_killed_is_no_whole_one(tmp_path: Path) -> None:
    path = write_tune(tmp_path / "tune")
    samples = path / "samples.jsonl"
    samples.write_text("".join(samples.read_text().splitlines(keepends=True)[:-1]))
    assert any("tune ended: expected a record that the tune is over" in fault for fault in list_faults(path))


def test_every_published_result_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_lint(monkeypatch, Path(__file__).parents[2] / "results" / "published") == 0


@pytest.mark.parametrize("write", [write_run, write_race, write_gate, write_tune])
def test_every_number_of_every_table_counts(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path / "x")
    tables = sorted(each for each in path.rglob("*") if each.suffix in (".csv", ".md"))
    assert len(tables) >= 2
    for table in tables:
        text = table.read_bytes().decode()
        places = [found.span() for found in re.finditer(r"\d+", text)]
        assert places
        for start, end in places:
            digit = str((int(text[start]) + 1) % 10)
            table.write_bytes(f"{text[:start]}{digit}{text[start + 1 :]}".encode())
            (fault, *_) = list_faults(path)
            assert fault.startswith(f"{table.relative_to(path).as_posix()}: "), (fault, text[max(0, start - 20) : end])
        table.write_bytes(text.encode())
    assert list_faults(path) == []


def test_a_table_that_is_missing_cut_or_of_no_samples_is_a_fault(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run")
    (path / "stages.csv").unlink()
    (path / "failures.csv").write_text("case\n")
    (path / "throughput.csv").write_text((path / "throughput.csv").read_text().replace("speedup", "slowdown"))
    (path / "accuracy.csv").write_text("".join((path / "accuracy.csv").read_text().splitlines(keepends=True)[:-1]))
    (path / "phases.csv").write_text('"')
    (path / "accuracy.md").write_text((path / "accuracy.md").read_text() + "| more |\n")
    faults = list_faults(path)
    assert [each.partition(": expected")[0] for each in faults] == [
        "accuracy.md: line 17",
        "accuracy.csv: row 2 (cpu/eager/manual)",
        "throughput.csv: columns",
        "phases.csv: columns",
        "stages.csv: the file",
        "failures.csv: the file",
    ]


@pytest.mark.parametrize("name", ["throughput.csv", "accuracy.md"])
def test_other_line_ends_are_a_fault(tmp_path: Path, name: str) -> None:
    path = write_run(tmp_path / "run")
    text = (path / name).read_bytes()
    (path / name).write_bytes(text.replace(b"\r\n", b"\n") if b"\r\n" in text else text.replace(b"\n", b"\r\n"))
    assert list_faults(path) == [f"{name}: line ends: expected those that it was written with, found others"]


def test_what_can_not_be_read_is_a_fault_of_its_own(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run")
    (path / "accuracy.md").write_bytes(b"\xff")
    assert list_faults(path) == [
        f": the whole of it: expected what can be read, found {path / 'accuracy.md'} is no text in UTF-8"
    ]
    content = (path / "samples.jsonl").read_bytes()
    (path / "samples.jsonl").write_bytes(content.replace(b'"seconds":1.0', b'"seconds":1.5', 1))
    assert "does not match its checksum" in list_faults(path)[0]
    (path / "samples.jsonl").write_bytes(content[:-9])
    assert "the last line: expected a whole record, found" in list_faults(path)[0]


def test_a_gate_without_one_of_its_races_is_at_fault(tmp_path: Path) -> None:
    path = write_gate(tmp_path / "gate")
    (race,) = (each for each in path.iterdir() if each.is_dir())
    race.rename(path / "elsewhere")
    faults = list_faults(path)
    assert faults[0] == "gate.json: cases, cpu/eager/manual: expected a race, found none"
    assert "gate.csv" in "".join(faults)


def run_lint(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> int:
    monkeypatch.setattr("sys.argv", ["lint", *map(str, paths)])
    return lint.main()


def test_the_command_names_every_fault_and_exits_with_5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "a")
    write_race(tmp_path / "b")
    write_gate(tmp_path / "c")
    assert run_lint(monkeypatch, tmp_path) == 0
    assert capsys.readouterr().out.splitlines() == [*(f"{tmp_path / name}: sound" for name in "abc"), "3 of 3 sound"]
    (tmp_path / "b" / "race.csv").unlink()
    assert run_lint(monkeypatch, tmp_path, tmp_path / "nothing") == 5
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / 'a'}: sound",
        f"{tmp_path / 'b' / 'race.csv'}: the file: expected the table that the samples make, found none",
        f"{tmp_path / 'c'}: sound",
        f"{tmp_path / 'nothing'} can't be read: No such file or directory; "
        "is it the directory of a run or a race or a sweep or a tune or a gate?",
        "2 of 4 sound, 2 with faults",
    ]


def test_no_more_faults_are_shown_than_anybody_reads_and_none_moves_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_run(tmp_path / "run")
    (path / "accuracy.md").write_text("\x1b[2J\n" * 100)
    assert run_lint(monkeypatch, path) == 5
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == lint.MAX_FAULTS + 2
    assert all(line.isprintable() for line in lines)
    assert "more than 20 faults" in lines[-2]
