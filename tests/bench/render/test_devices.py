"""Runs of several machines as text: what each says, and no fault is hidden."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from bench.errors import InvalidFileError
from bench.judge.devices import (
    MachineRun,
    choose_reference_mode,
    compare_devices,
    list_times,
    summarise_devices,
)
from bench.records.case import Case
from bench.records.environment import Environment
from bench.records.run import Run
from bench.render.comparison_document import document_devices
from bench.render.devices import (
    describe_devices,
    describe_faults,
    make_devices_table,
    make_runs_table,
    make_speedup_table,
)
from bench.render.outputs import LAYOUTS, Output
from bench.render.table import to_markdown
from tests.bench.golden import read_golden
from tests.bench.render.test_comparison import read_strictly, round_numbers
from tests.bench.runs import ENVIRONMENT, make_case, make_failed, make_run, make_training
from tests.bench.sides import CRITERIA, EAGER, REFERENCE, make_environment, make_measured


def list_cells(run: Run | InvalidFileError) -> list[list[str]]:
    machines = [MachineRun("here", run)] if isinstance(run, Run) else []
    table = make_runs_table({"here": run}, list_times(machines, lambda _case: True))
    return [[column.text(value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]


def make_output() -> Output:
    """Three runs of one CPU on two machines, one of another with a case more, a published one, and one unreadable."""
    loader = make_case(batching="dataloader")
    machines = []
    for place, (host, cpu) in enumerate((("a", "CPU A"), ("a", "CPU A"), ("b", "CPU A"), ("c", "<CPU> B"), ("d", "P"))):
        noise = 1 + 0.01 * place
        seconds = {REFERENCE: 3e-4 * noise, EAGER: 2e-4 * noise} | ({loader: 6e-4} if host == "c" else {})
        run = make_measured(seconds, environment=make_environment({"cpu_model": cpu}, host_name=host))
        machines.append(MachineRun(f"run-{place}", run, is_published=host == "d"))
    faults = {"gone": InvalidFileError("gone/run.json can't be read: <No> such file")}
    times = list_times(machines, lambda _case: True)
    figures, runs = compare_devices(times, CRITERIA), {each.name: each.run for each in machines}
    overall, reference = summarise_devices(figures), choose_reference_mode(times)
    rows = make_runs_table({**runs, **faults}, times)
    tables = [make_speedup_table(figures), make_devices_table(figures, CRITERIA), rows]
    lines = [*describe_devices(overall, figures), *describe_faults({**runs, **faults})]
    return Output(tables, rows, lines, document_devices(figures, overall, times, reference, faults))


@pytest.mark.parametrize(
    ("name", "form"),
    [("devices.md", "markdown"), ("devices.csv", "csv"), ("devices.json", "json"), ("devices-100.txt", "terminal")],
)
def test_devices_are_written_as_their_golden_file(name: str, form: str) -> None:
    text = LAYOUTS[form](make_output(), 100).replace("\r\n", "\n")
    golden = read_golden(name, text)
    if form == "json":
        assert read_strictly(text) == round_numbers(read_strictly(golden))
    else:
        assert text == golden


def test_every_case_of_every_run_is_a_row_with_its_numbers() -> None:
    run = make_run([REFERENCE, EAGER], make_training(REFERENCE, [2.0]), make_training(EAGER, [1.0]))
    assert list_cells(run) == [
        ["here", "Example CPU", "cpu/reference/manual", "2.000", "50.00", "-", "reference"],
        ["here", "Example CPU", "cpu/eager/manual", "1.000", "100.0", "-", "EQUIVALENT"],
    ]


@pytest.mark.parametrize(
    ("case", "environment", "machine"),
    [
        (REFERENCE, ENVIRONMENT, "Example CPU"),
        (make_case(device="cuda:0"), ENVIRONMENT, "Example GPU"),
        (make_case(device="mps"), ENVIRONMENT, "unknown"),
        (REFERENCE, None, "unknown"),
        (REFERENCE, msgspec.convert({"identity": {}, "recorded": {}}, Environment), "unknown"),
    ],
)
def test_the_machine_is_the_device_that_was_measured(case: Case, environment: Environment | None, machine: str) -> None:
    assert list_cells(make_run([case], make_training(case, [1.0]), environment=environment))[0][1] == machine


def test_a_case_that_failed_and_one_that_did_not_learn_say_so() -> None:
    run = make_run([REFERENCE, EAGER], make_training(REFERENCE, [1.0], r_squared=0.5), [make_failed(EAGER)])
    assert [cells[-1] for cells in list_cells(run)] == ["INVALID", "failed"]


def test_a_run_that_cannot_be_read_is_a_row_without_numbers_and_a_line() -> None:
    fault = InvalidFileError("here/run.json is missing")
    assert list_cells(fault) == [["here", "-", "-", "-", "-", "-", "can't be read"]]
    assert list(describe_faults({"here": fault})) == ["here: here/run.json is missing"]


def test_a_run_that_was_stopped_or_torn_is_noted() -> None:
    run = make_run([REFERENCE], make_training(REFERENCE, [1.0]), is_complete=False)
    assert list(describe_faults({"here": replace(run, warnings=("line 9 is torn",))})) == [
        "here: line 9 is torn",
        "here: PARTIAL: the run was stopped before its end",
    ]


def test_hostile_text_of_a_run_is_harmless_in_the_table() -> None:
    run = make_measured({REFERENCE: 1.0}, environment=make_environment({"cpu_model": "<script>|`x`\x1b[2J"}))
    times = list_times([MachineRun("<b>|", run)], lambda _case: True)
    text = to_markdown(make_runs_table({"<b>|": run, "gone": InvalidFileError("<i>\x1b")}, times))
    text += to_markdown(make_speedup_table(compare_devices(times, CRITERIA)))
    assert "<" not in text
    assert "\x1b" not in text
    assert r"&lt;b\>\|" in text
