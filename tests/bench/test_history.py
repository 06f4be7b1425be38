"""History from its command line: what is asked is answered, what can't be read is told of, and nothing does harm."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.errors import InvalidFileError, UsageError
from bench.history import index as index_module
from bench.history import query
from bench.history.arguments import choose_limit
from tests.bench.history.asking import call, list_runs, write
from tests.bench.history.many import write_many
from tests.bench.sides import EAGER

NUM_RUNS = 24
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _many() -> None:
    write_many(Path("results"), NUM_RUNS, num_machines=2, num_blocks=2, num_losses=2)


@pytest.mark.usefixtures("_many")
def test_a_case_is_followed_on_the_newest_machine_and_its_change_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "case", EAGER.name, "--plot") == 0
    shown = capsys.readouterr().out
    assert "12 of 12 runs on CPU 1, torch 2.13.0" in shown
    assert "2025-01-01 13:00:00: 10" in shown
    assert "us a step, run by run:" in shown
    assert "Not in it: 12 runs of identity" in shown
    assert "differs in cpu_model" in shown


@pytest.mark.usefixtures("_many")
def test_a_change_that_was_found_is_not_looked_for_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(monkeypatch, "case", EAGER.name)
    first = capsys.readouterr().out
    monkeypatch.setattr(query, "find_changes", lambda values: pytest.fail("looked for again"))
    assert call(monkeypatch, "case", EAGER.name) == 0
    assert capsys.readouterr().out == first


def test_every_format_holds_the_course(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write_many(Path("results"), NUM_RUNS, num_machines=1, num_blocks=2, num_losses=2)
    assert call(monkeypatch, "case", EAGER.name, "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["cases"]) == NUM_RUNS
    assert [change["num_before"] for change in document["changes"]] == [NUM_RUNS // 2]
    assert call(monkeypatch, "case", EAGER.name, "--format", "csv", "--limit", "3") == 0
    shown = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(shown.out)))
    assert [row["path"] for row in rows] == [each["path"] for each in document["cases"][-3:]]
    assert float(rows[0]["step_seconds"]) == document["cases"][-3]["step_seconds"]
    assert "Changes of level" in shown.err
    assert call(monkeypatch, "case", EAGER.name, "--format", "markdown") == 0
    assert capsys.readouterr().out.startswith("## cpu/eager/manual\n")


@pytest.mark.usefixtures("_many")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--cpu", "cpu 1"), 12),
        (("--cpu", "CPU 1", "--until", "2025-01-01T12:00"), 6),
        (("--since", "2025-01-01T22:00Z"), 2),
        (("--until", "2025-01-01"), 24),
        (("--until", "2024-12-31"), 0),
        (("--commit", "00000002"), 4),
        (("--gpu", "anything"), 0),
        (("--label", "night"), 0),
        (("--filter", "engine=eager", "--filter", "batching=manual"), 24),
        (("--filter", "engine=eager", "--filter", "engine=fused"), 24),
        (("--filter", "engine=eager", "--filter", "batching=dataloader"), 0),
        (("--filter", "threads=2"), 0),
        (("--filter", "device=cuda:0"), 0),
        (("--limit", "5"), 5),
    ],
)
def test_runs_are_filtered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: int
) -> None:
    assert len(list_runs(monkeypatch, capsys, *arguments)) == expected


def test_as_text_the_newest_fifty_are_shown_and_for_programs_all() -> None:
    assert [choose_limit(None, name) for name in ("terminal", "markdown", "csv", "json")] == [50, 50, None, None]
    assert [choose_limit(3, name) for name in ("terminal", "csv")] == [3, 3]


def test_runs_are_listed_newest_first_by_their_instant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("west", "2025-06-01T00:30:00-08:00")
    write("east", "2025-06-01T12:30:00+05:30", label="a")
    write("bare", "2025-06-01T08:00:00", label="b")
    write("1970", "1970-01-01T00:00:00+00:00", label="c")
    write("2999", "2999-01-01T00:00:00+00:00", label="d")
    write("never", "soon", label="e")
    listed = list_runs(monkeypatch, capsys)
    assert listed[:3] == ["west", "bare", "east"]
    assert sorted(listed[3:]) == ["1970", "2999", "never"]
    call(monkeypatch, "list")
    assert "2025-06-01 08:00:00?" in capsys.readouterr().out


def test_a_case_or_an_identity_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    write("run")
    with pytest.raises(UsageError, match="there are cpu/eager/manual, cpu/reference/manual"):
        call(monkeypatch, "case", "cpu/eager")
    with pytest.raises(UsageError, match="passes the filters"):
        call(monkeypatch, "case", EAGER.name, "--identity", "0000000")
    with pytest.raises(UsageError, match="passes the filters"):
        call(monkeypatch, "case", EAGER.name, "--label", "night")
    with pytest.raises(InvalidFileError, match="nowhere is no directory"):
        call(monkeypatch, "list", "nowhere")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("case",),
        ("case", EAGER.name, "--identity", "%"),
        ("case", EAGER.name, "--plot", "--format", "json"),
        ("list", "--limit", "0"),
        ("list", "--since", "soon"),
        ("list", "--filter", "engine"),
        ("list", "--filter", "device=abacus"),
    ],
)
def test_what_can_not_be_asked_is_refused(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    assert call(monkeypatch, *arguments) == 2


@pytest.mark.parametrize("missing", ["duckdb", "ruptures"])
def test_without_the_extra_it_is_one_line(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setattr(index_module, "find_spec", lambda name: None if name == missing else find_spec(name))
    with pytest.raises(UsageError, match=rf"needs {missing}: pip install 'productnet-bench\[history\]'"):
        call(monkeypatch, "list")


def test_help_and_a_list_import_only_what_they_need() -> None:
    program = (
        "import sys; sys.argv = ['bench.history', *sys.argv[1:]]\n"
        "from bench.history.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'duckdb', 'ruptures', 'scipy', 'torch'} & set(sys.modules)))"
    )
    write("run")
    for arguments, expected in ((["--help"], "[]"), (["list"], "['duckdb']")):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == expected
