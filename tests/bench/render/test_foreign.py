"""What other tools measured is shown in a table of its own, as what it is; UPDATE_GOLDEN=1 writes the files anew."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bench.records.collection import Collection
from bench.records.foreign import ForeignRow, ForeignRun
from bench.render.escape import for_terminal
from bench.render.report_texts import to_csv_report, to_markdown_report, to_terminal_report
from tests.bench.golden import check_golden
from tests.bench.render.test_report import HOSTILE, make_golden_run
from tests.bench.render.test_series import make_collection
from tests.bench.sides import EAGER, REFERENCE, make_measured

NAMES = ("=1+1", "@SUM(A1)", "+x", "-x", "\t=1", 'a,"b"', "a\nb", "a;b", "'quoted", HOSTILE)
FOREIGN = (
    ForeignRun(
        path=Path("times.json"),
        content="first",
        tool="pytest-benchmark",
        rows=tuple(ForeignRow(name, (0.25, 0.5, 1.0)) for name in NAMES),
        version="5.3.1",
        started_at="2026-01-02T03:04:05+00:00",
        host_name="box",
        cpu_model="Example | CPU",
        operating_system="Linux",
        python_version="3.12.1",
    ),
    ForeignRun(Path("hyperfine.json"), "second", "hyperfine", (ForeignRow("ls", (0.125,), "1 of 1 failed"),)),
)
ALONE = Collection((), (), {}, FOREIGN)
BESIDE = Collection(make_collection(make_measured({REFERENCE: 2.0, EAGER: 1.0})).runs, (), {}, FOREIGN)


def make_golden_texts() -> dict[str, str]:
    return {
        "foreign-160.txt": to_terminal_report(ALONE, 160),
        "foreign.md": to_markdown_report(ALONE, 160),
        "foreign.csv": to_csv_report(BESIDE, 160),
    }


@pytest.mark.parametrize("name", sorted(make_golden_texts()))
def test_what_others_measured_is_written_as_its_golden_file(name: str) -> None:
    check_golden(name, make_golden_texts()[name])


@pytest.mark.parametrize("width", [250, 160, 80, 40])
def test_nothing_in_another_tools_file_moves_the_terminal(width: int) -> None:
    assert all(line.isprintable() for line in to_terminal_report(ALONE, width).split("\n"))


def test_nothing_in_another_tools_file_is_markup() -> None:
    text = to_markdown_report(ALONE, 160)
    assert "<img" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {8}


def test_csv_has_one_row_a_case_and_a_name_can_be_undone() -> None:
    rows = list(csv.DictReader(to_csv_report(BESIDE, 160).splitlines(keepends=True)))
    ours, theirs = rows[:2], rows[2:]
    assert {row["measured_by"] for row in ours} == {"bench"}
    assert [row["case"].replace("'", "", row["case"].startswith("'")) for row in theirs if row["case"] != "ls"] == [
        for_terminal(name) for name in NAMES
    ]
    assert not any(row["case"].startswith(("=", "+", "-", "@", "\t")) for row in theirs)


def test_what_others_measured_has_no_speedup_no_quality_and_no_time_of_ours() -> None:
    rows = list(csv.DictReader(to_csv_report(BESIDE, 160).splitlines(keepends=True)))
    for row in rows:
        is_ours = row["measured_by"] == "bench"
        for name in ("speedup", "quality", "training_seconds", "steps_per_second"):
            assert bool(row[name]) == is_ours
        assert bool(row["sample_seconds"]) != is_ours
    assert "speedup" not in to_terminal_report(ALONE, 160)


def test_csv_marks_what_failed_and_what_was_stopped() -> None:
    stopped = Collection(make_collection(make_golden_run()).runs, (), {}, FOREIGN)
    rows = list(csv.DictReader(to_csv_report(stopped, 160).splitlines(keepends=True)))
    assert {row["remark"] for row in rows if row["measured_by"] == "bench"} == {"PARTIAL"}
    assert [row["remark"] for row in rows[-2:]] == ["", "1 of 1 failed"]


def test_ours_are_ranked_as_if_nothing_stood_beside_them() -> None:
    alone = Collection(BESIDE.runs, (), {})
    assert to_terminal_report(BESIDE, 160).startswith(to_terminal_report(alone, 160).rstrip("\n"))
    assert to_markdown_report(BESIDE, 160).startswith(to_markdown_report(alone, 160).rstrip("\n"))
