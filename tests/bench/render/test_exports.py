"""What is written for other tools: golden files, their documented types, and the tools themselves where they are here.

After a change that is meant, write them anew and read the difference: UPDATE_GOLDEN=1 pytest tests/bench/render
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark import __version__ as installed

from bench.errors import InvalidFileError, UsageError
from bench.records.collection import Collection
from bench.records.foreign import read_foreign
from bench.records.journal import Record
from bench.records.run import Run
from bench.records.stored import Stored
from bench.render.formats import FORMATS
from bench.render.report import TABLES
from productnet.registry import load
from tests.bench.golden import read_golden
from tests.bench.render.test_comparison import read_strictly, round_numbers
from tests.bench.render.test_foreign import FOREIGN
from tests.bench.render.test_race import make_golden_race
from tests.bench.render.test_report import make_golden_run
from tests.bench.render.test_series import make_collection
from tests.bench.runs import make_block, make_case, make_run, make_started, make_trained
from tests.bench.sides import EAGER, make_measured

SERIES = ("pytest-benchmark", "github-action-benchmark", "bencher")
SHORT, MIDDLE, LONG = make_case("short"), make_case("middle"), make_case("long")
STEPS = {SHORT: 3e-7, MIDDLE: 0.7e-3, LONG: 0.7}
"""A step; doubled, two of them pass 1 ms and 1 s."""
NAMES = [f"cpu/{engine}/manual on Example CPU" for engine in ("short", "middle", "long")]


def write(name: str, collection: Collection) -> str:
    text = load(FORMATS[name].place)(collection, 100)
    assert isinstance(text, str)
    return text


def write_run(name: str, run: Run) -> Any:
    return read_strictly(write(name, make_collection(run)))


def make_golden_texts() -> dict[str, str]:
    runs = make_collection(make_golden_run(is_complete=True))
    race = Stored(Path("race"), "content of the race", make_golden_race())
    fault = InvalidFileError("torn/samples.jsonl holds no record")
    whole = Collection(make_collection(make_golden_run()).runs, (race,), {Path("torn"): fault}, FOREIGN)
    texts = {f"export-{name}.json": write(name, runs) for name in SERIES} | {"report.json": write("json", whole)}
    return {name: text.replace(f'"{installed}"', '"5"') for name, text in texts.items()}


@pytest.mark.parametrize("name", sorted(make_golden_texts()))
def test_an_export_is_written_as_its_golden_file(name: str) -> None:
    text = make_golden_texts()[name]
    assert read_strictly(text) == round_numbers(read_strictly(read_golden(name, text)))


def make_extreme_run() -> Run:
    fast, slow = make_case("fast"), make_case("slow")
    records: list[Record] = []
    for case, seconds, num_steps in ((fast, 1e-12, 2**56), (slow, 1e9, 1)):
        blocks = [make_block(case, seconds, round=place, num_steps=num_steps) for place in range(3)]
        records += [make_started(case), *blocks, make_trained(case)]
    return make_run([fast, slow], records)


@pytest.mark.parametrize("name", SERIES)
def test_the_smallest_and_the_largest_time_leave_no_number_that_is_none(name: str) -> None:
    document = write_run(name, make_extreme_run())
    numbers = [each["stats"] for each in document["benchmarks"]] if name == "pytest-benchmark" else document
    assert "null" not in json.dumps(numbers)


def test_what_is_not_known_is_null_in_our_own_document_and_no_number_is_made_up() -> None:
    (run,) = write_run("json", make_measured({EAGER: 1.0}, environment=None))["runs"]
    (case,) = run["cases"]
    assert run["environment"] is None
    assert case["forward_seconds"] is None
    assert case["inference_seconds"] is None
    assert case["training_seconds"] == {"median": pytest.approx(300.0), "low": None, "high": None, "count": 1}
    assert case["target_seconds"] == "never"


def test_our_own_document_marks_what_is_invalid_failed_and_partial() -> None:
    (run,) = write_run("json", make_golden_run())["runs"]
    assert run["is_complete"] is False
    assert [case["quality"] for case in run["cases"]] == [
        "reference",
        "EQUIVALENT",
        "INVALID",
        "DIFFERENT",
        "UNDECIDED",
        "failed",
    ]
    assert run["cases"][2]["speedup"] == "INVALID"
    assert [each["case"] for each in run["failures"]] == ["cuda:0/eager/manual"]


def test_no_two_tables_of_our_own_document_share_a_column_but_the_case_and_its_quality() -> None:
    names = [column.name for make in TABLES.values() for column in make([]).columns]
    assert {name for name in names if names.count(name) > 1} == {"case", "quality"}


def test_the_types_are_those_that_github_action_benchmark_documents() -> None:
    document = json.loads(make_golden_texts()["export-github-action-benchmark.json"])
    assert len(document) == 2
    for each in document:
        assert set(each) == {"name", "unit", "value", "range", "extra"}
        assert isinstance(each["value"], float)
        assert all(isinstance(each[name], str) for name in set(each) - {"value"})


@pytest.mark.parametrize("run", [make_golden_run(is_complete=True), make_measured(STEPS)])
def test_the_document_holds_to_the_schema_of_bencher(run: Run) -> None:
    document = write_run("bencher", run)
    assert document
    for measures in document.values():
        assert set(measures) == {"latency", "throughput"}
        for metric in measures.values():
            assert {"value"} <= set(metric) <= {"value", "lower_value", "upper_value"}
            assert all(isinstance(each, float) for each in metric.values())


@pytest.fixture
def two_runs() -> tuple[Run, Run]:
    """The second takes twice as long."""
    return make_measured(STEPS), make_measured({case: 2 * each for case, each in STEPS.items()})


def test_a_slower_run_is_the_worse_one_in_one_unit_for_github_action_benchmark(two_runs: tuple[Run, Run]) -> None:
    base, head = (write_run("github-action-benchmark", run) for run in two_runs)
    assert [each["name"] for each in base] == [each["name"] for each in head] == NAMES
    assert {each["unit"] for each in (*base, *head)} == {"ns/step"}
    assert [after["value"] / before["value"] for before, after in zip(base, head, strict=True)] == [
        pytest.approx(2)
    ] * len(STEPS)
    assert [each["value"] for each in base] == [pytest.approx(1e9 * each) for each in STEPS.values()]


def test_a_slower_run_is_the_worse_one_by_both_measures_of_bencher(two_runs: tuple[Run, Run]) -> None:
    base, head = (write_run("bencher", run) for run in two_runs)
    assert list(base) == list(head) == NAMES
    for name, seconds in zip(NAMES, STEPS.values(), strict=True):
        assert base[name]["latency"]["value"] == pytest.approx(1e9 * seconds)
        assert base[name]["throughput"]["value"] == pytest.approx(1 / seconds)
        assert head[name]["latency"]["value"] == pytest.approx(2e9 * seconds)
        assert head[name]["throughput"]["value"] == pytest.approx(0.5 / seconds)


def run_here(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": "", "NO_COLOR": "1", "COLUMNS": "250"}
    return subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, env=environment, check=True)


def test_pytest_benchmark_compares_two_runs_and_calls_the_slower_one_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_runs: tuple[Run, Run]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, run in zip(("base", "head"), two_runs, strict=True):
        Path(f"{name}.json").write_text(write("pytest-benchmark", make_collection(run)), encoding="utf-8")
    shown = run_here("pytest_benchmark", "compare", "base.json", "head.json", "--group-by=name", "--csv=out.csv")
    assert "WARNING" not in shown.stdout + shown.stderr
    rows = list(csv.DictReader(Path("out.csv").read_text(encoding="utf-8").splitlines()))
    for name, (case, seconds) in zip(NAMES, STEPS.items(), strict=True):
        before, after = (row for row in rows if row["name"] == name)
        (line,) = (line for line in shown.stdout.splitlines() if line.startswith(f"{case.name} (head)"))
        assert "(2.00)" in line
        assert "(0.50)" in line
        assert float(before["mean"]) == pytest.approx(seconds)
        assert float(after["mean"]) == pytest.approx(2 * seconds)
        assert float(after["ops"]) == pytest.approx(0.5 / seconds)


def test_pytest_itself_takes_the_file_to_compare_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_runs: tuple[Run, Run]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.json").write_text(write("pytest-benchmark", make_collection(two_runs[0])), encoding="utf-8")
    Path("test_nothing.py").write_text("def test_nothing(benchmark): benchmark.pedantic(lambda: None)\n")
    shown = run_here("pytest", "-p", "no:cacheprovider", "--benchmark-compare=base.json", "test_nothing.py")
    assert "Comparing against benchmarks from: base.json" in shown.stderr
    assert "1 passed" in shown.stdout


def test_the_statistics_are_those_of_the_blocks(two_runs: tuple[Run, Run]) -> None:
    document = write_run("pytest-benchmark", two_runs[0])
    stats = document["benchmarks"][1]["stats"]
    assert stats["data"] == [pytest.approx(STEPS[MIDDLE])] * 3
    assert (stats["rounds"], stats["iterations"], stats["stddev"]) == (3, 100, pytest.approx(0, abs=1e-12))
    assert stats["ops"] == pytest.approx(1 / STEPS[MIDDLE])
    assert [each["fullname"] for each in document["benchmarks"]] == NAMES


def test_a_file_of_pytest_benchmark_is_of_one_run(two_runs: tuple[Run, Run]) -> None:
    with pytest.raises(UsageError, match="run0 and run1 are two runs"):
        write("pytest-benchmark", make_collection(two_runs[0], make_measured({EAGER: 1.0})))


def test_what_goes_out_does_not_come_back_as_the_measurement_of_another(
    tmp_path: Path, two_runs: tuple[Run, Run]
) -> None:
    for name in (*SERIES, "json"):
        path = tmp_path / f"{name}.json"
        path.write_text(write(name, make_collection(two_runs[0])), encoding="utf-8")
        with pytest.raises(InvalidFileError, match=path.name):
            read_foreign(path)
