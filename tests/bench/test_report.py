"""A report shows what was named, tells of what can't be read, and never leaves half a file."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench import report as door
from bench.errors import BenchError, IncompleteError, InvalidFileError, UsageError
from bench.records.collection import collect
from bench.render import formats
from bench.render.formats import FORMATS
from productnet.registry import load
from tests.bench.races import write_race
from tests.bench.records.test_foreign import write_hyperfine
from tests.bench.sides import EAGER, REFERENCE, write_measured
from tests.bench.sweeps import make_crossing_sweep, write_sweep
from tests.bench.tampered import write_tune

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_measured(Path("results/run"), {REFERENCE: 2.0, EAGER: 1.0})
    write_race(Path("results/race"))
    write_sweep(Path("results/sweep"), make_crossing_sweep())


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["bench.report", *arguments])
    try:
        return door.main()
    except SystemExit as leaving:
        return int(leaving.code or 0)


def test_a_directory_of_results_is_all_that_it_holds() -> None:
    Path("results/notes").mkdir()
    collection = collect([Path("results")])
    assert [str(each.path) for each in collection.runs] == ["results/run"]
    assert [str(each.path) for each in collection.races] == ["results/race"]
    assert [str(each.path) for each in collection.sweeps] == ["results/sweep"]
    assert collection.faults == {}


def test_what_is_named_twice_or_copied_is_there_once() -> None:
    shutil.copytree("results/run", "results/copy")
    collection = collect([Path("results"), Path("results/run"), Path("results/race")])
    assert [len(collection.runs), len(collection.races)] == [1, 1]


@pytest.mark.parametrize("words", [(), ("--expect", "matrix.toml")])
def test_more_than_can_be_held_at_once_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    Path("matrix.toml").write_text(CELL, encoding="utf-8")
    for number in range(101):
        Path(f"many/{number}").mkdir(parents=True)
        Path(f"many/{number}/run.json").touch()
    with pytest.raises(UsageError, match=r"101 results and files are more than the 100 .* bench\.history list"):
        call(monkeypatch, "many", *words)
    shutil.rmtree("many/0")
    assert len(collect([Path("many"), Path("many/1")]).faults) == 100
    with pytest.raises(InvalidFileError, match=r"many/17.*; and 90 more can't be read"):
        call(monkeypatch, "many")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_what_there_may_be(name: str) -> None:
    if any(find_spec(package) is None for package in FORMATS[name].needs):
        pytest.skip("the extra `report` is not installed")
    write_hyperfine(Path("times.json"))
    write = load(FORMATS[name].place)
    assert write(collect([Path("results"), Path("times.json")]), 80)
    for path in (Path("results/race"), Path("results/sweep"), Path("times.json")):
        if FORMATS[name].left_out is None or (name in {"png", "svg"} and path.name != "times.json"):
            assert write(collect([path]), 80)
        else:
            with pytest.raises(IncompleteError):
                write(collect([path]), 80)


def test_a_tune_is_passed_over_among_others_and_by_itself_one_is_told_what_shows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_tune(Path("results/tune"))
    collection = collect([Path("results")])
    assert [str(each.path) for each in collection.races] == ["results/race"]
    assert collection.faults == {}
    with pytest.raises(InvalidFileError, match=r"^results/tune is a tune, .* bench\.tune --show results/tune$"):
        call(monkeypatch, "results/tune")


def test_the_tables_of_runs_races_and_sweeps_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "results") == 0
    shown = capsys.readouterr().out
    assert "results/run" in shown
    assert "Throughput" in shown
    assert "SAME" in shown
    assert "cpu/reference/manual passes cpu/eager/manual" in shown


def test_the_end_of_the_file_chooses_the_format(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "results", "--output", "out.csv") == 0
    assert capsys.readouterr().out == "Written to out.csv\n"
    rows = list(csv.DictReader(io.StringIO(Path("out.csv").read_text(encoding="utf-8"))))
    assert [row["case"] for row in rows] == [REFERENCE.name, EAGER.name]
    assert {row["run"] for row in rows} == {"results/run"}


def test_what_an_export_leaves_out_is_told_of_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_hyperfine(Path("times.json"))
    assert call(monkeypatch, "results", "times.json", "--format", "bencher") == 0
    shown = capsys.readouterr()
    assert list(json.loads(shown.out)) == [f"{case.name} on Example CPU" for case in (REFERENCE, EAGER)]
    assert shown.err.splitlines() == [
        "python -m bench.report: results/race is left out: a race is its pairs, and no bare number",
        "python -m bench.report: results/sweep is left out: a sweep is its curves, and no bare number",
        "python -m bench.report: times.json is left out: it was measured by hyperfine",
    ]
    assert call(monkeypatch, "results", "times.json", "--format", "json") == 0
    assert capsys.readouterr().err == ""


def test_an_export_of_nothing_is_an_error_and_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IncompleteError):
        call(monkeypatch, "results/race", "--format", "bencher", "--output", "out.json")
    assert not Path("out.json").exists()


@pytest.mark.parametrize("value", ["0", "NaN", "1e999", '"0.1"'])
def test_an_impossible_time_comes_out_of_no_format(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    record = (
        f'{{"type":"block","case":"{EAGER.name}","replicate":0,"wave":0,"round":0,"kind":"train","num_steps":1,'
        f'"num_samples":1,"seconds":{value}}}'
    )
    line = f'{{"crc32":"{zlib.crc32(record.encode()):08x}","record":{record}}}\n'
    Path("results/run/samples.jsonl").write_text(line)
    for name in (name for name, each in FORMATS.items() if not each.needs or find_spec(each.needs[0])):
        with pytest.raises(InvalidFileError, match=r"samples\.jsonl line 1"):
            call(monkeypatch, "results/run", "--format", name, "--output", "out")
    assert not Path("out").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
@pytest.mark.parametrize("name", ["json", "csv", "markdown"])
def test_a_path_that_is_no_text_is_shown_as_escapes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    shutil.copytree("results/run", os.fsdecode(b"r\xff"))
    assert call(monkeypatch, os.fsdecode(b"r\xff"), "--format", name, "--output", "out") == 0
    assert "r\\" in Path("out").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["html", "png", "svg"])
def test_a_missing_extra_is_one_line_that_installs_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda package: None if package == "altair" else object())
    with pytest.raises(UsageError, match=rf"{name} needs altair: pip install 'productnet-bench\[report\]'"):
        call(monkeypatch, "results", "--output", f"out.{name}")
    assert not Path(f"out.{name}").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["results"], ["results", "--format", "csv"]])
def test_text_imports_nothing_that_draws(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom bench.report import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.exit(', '.join({'altair', 'vl_convert', 'jinja2', 'torch'} & set(sys.modules)) or 0)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = (sys.executable, "-c", program, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_page_is_written_and_never_printed_in_part(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("altair", reason="the extra `report` is not installed")
    assert call(monkeypatch, "results", "--output", "out.html") == 0
    assert capsys.readouterr().out == "Written to out.html\n"
    assert Path("out.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(UsageError, match="--format png is no text"):
        call(monkeypatch, "results", "--format", "png")


def test_a_file_whose_end_names_no_format_is_refused_before_any_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--format"):
        call(monkeypatch, "nowhere", "--output", "out.doc")


def test_what_can_not_be_read_is_told_of_and_the_rest_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree("results/run", "results/torn")
    Path("results/torn/samples.jsonl").write_bytes(b"")
    with pytest.raises(InvalidFileError, match="torn"):
        call(monkeypatch, "results", "nowhere")
    assert "results/run" in capsys.readouterr().out


@pytest.mark.parametrize("path", ["nowhere", "results/run/run.json", "empty", f"{'a' * 300}.json"])
def test_a_path_without_results_is_one_line(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(InvalidFileError, match=path):
        call(monkeypatch, path)


def test_an_output_that_can_not_be_written_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BenchError, match="can't be written"):
        call(monkeypatch, "results", "--output", "nowhere/out.md")


CELL = '[[cells]]\nmachine = "run"\ndevice = "cpu"\nengine = "eager"\nbatching = "manual"\n'


def expect(monkeypatch: pytest.MonkeyPatch, *arguments: str, cells: str = CELL) -> int:
    Path("matrix.toml").write_text(cells, encoding="utf-8")
    return call(monkeypatch, *arguments, "--expect", "matrix.toml")


def test_a_ledger_is_printed_and_put_where_a_job_and_a_user_want_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "step.md")
    Path("step.md").write_text("an earlier step\n")
    assert expect(monkeypatch, "results/run/", "results/race/", "--summary", "ledger.md") == 0
    assert "PASS: 1 expected cell: 1 ok. Of 1 required: 1 ok." in capsys.readouterr().out
    assert Path("ledger.md").read_text().startswith("## Matrix: PASS\n")
    assert Path("step.md").read_text() == "an earlier step\n" + Path("ledger.md").read_text()


def test_a_jobs_summary_that_can_not_be_written_leaves_the_ledger_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "nowhere/step.md")
    with pytest.raises(IncompleteError, match="can't be written"):
        expect(monkeypatch, "results/run")
    assert "PASS: 1 expected cell: 1 ok." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (lambda: Path("results/run").rename("results/walk"), 6, "FAIL: 1 expected cell: 1 missing."),
        (lambda: shutil.rmtree("results"), 6, "FAIL: 1 expected cell: 1 missing."),
        (lambda: Path("results/run/samples.jsonl").unlink(), 5, "FAIL: 1 expected cell: 1 missing."),
        (lambda: Path("results/run/run.json").write_text("{}"), 5, "FAIL: 1 expected cell: 1 missing."),
    ],
)
def test_a_required_cell_that_is_not_there_fails_and_is_in_the_ledger(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[], object],
    code: int,
    said: str,
) -> None:
    spoil()
    assert expect(monkeypatch, "results", "--summary", "ledger.md") == code
    shown = capsys.readouterr().out
    assert said in shown
    assert "python -m bench.run --device cpu --engine eager" in shown
    assert Path("ledger.md").read_text().startswith("## Matrix: FAIL\n")


def test_a_run_that_was_killed_is_missing_and_no_damage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = Path("results/run/samples.jsonl")
    samples.write_bytes(b"".join(samples.read_bytes().splitlines(keepends=True)[:-1])[:-9])
    assert expect(monkeypatch, "results") == 6
    assert "missing, PARTIAL, the run was stopped before its end" in capsys.readouterr().out


def test_a_machine_that_was_not_asked_for_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = CELL.replace('"run"', '["run", "card"]')
    assert expect(monkeypatch, "results", cells=cells) == 6
    assert expect(monkeypatch, "results", "--without", "card", cells=cells) == 0
    assert "1 ok, 1 skipped. Of 1 required: 1 ok." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--output", "out.md"), "no --output"),
        (("--format", "csv"), "no --output or --format"),
        (("--without", "card"), "--without card is in no cell: use run"),
        (("--without", "run"), "names every machine"),
        (("--summary", "nowhere/ledger.md"), "--summary nowhere"),
    ],
)
def test_what_does_not_go_with_a_ledger_is_refused(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        expect(monkeypatch, "results", *arguments)


@pytest.mark.parametrize("arguments", [("--without", "run"), ("--summary", "ledger.md")])
def test_flags_of_a_ledger_need_one(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="are of --expect"):
        call(monkeypatch, "results", *arguments)


def test_a_file_of_cells_that_is_none_is_refused_and_leaves_no_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"matrix\.toml is no TOML"):
        expect(monkeypatch, "results", "--summary", "ledger.md", cells="[[cells]")
    assert not Path("ledger.md").exists()
