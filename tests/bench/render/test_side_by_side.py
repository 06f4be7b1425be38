"""One table of several machines shows what each run says, and hides no fault."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from bench.errors import InvalidFileError
from bench.records.case import Case
from bench.records.environment import Environment
from bench.records.run import Run
from bench.render.side_by_side import make_side_by_side_table
from bench.render.table import to_markdown
from tests.bench.runs import ENVIRONMENT, make_case, make_failed, make_run, make_training

BASE, OTHER = make_case(), make_case("eager")


def list_cells(run: Run | InvalidFileError) -> list[list[str]]:
    table = make_side_by_side_table({"here": run})
    return [[column.text(value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]


def test_every_case_of_every_run_is_a_row_with_its_numbers() -> None:
    run = make_run([BASE, OTHER], make_training(BASE, [2.0]), make_training(OTHER, [1.0]))
    assert list_cells(run) == [
        ["here", "Example CPU", "cpu/reference/manual", "2.000", "50.00", "reference"],
        ["here", "Example CPU", "cpu/eager/manual", "1.000", "100.0", "EQUIVALENT"],
    ]


@pytest.mark.parametrize(
    ("case", "environment", "machine"),
    [
        (BASE, ENVIRONMENT, "Example CPU"),
        (make_case(device="cuda:0"), ENVIRONMENT, "Example GPU"),
        (make_case(device="mps"), ENVIRONMENT, "unknown"),
        (BASE, None, "unknown"),
        (BASE, msgspec.convert({"identity": {}, "recorded": {}}, Environment), "unknown"),
    ],
)
def test_the_machine_is_the_device_that_was_measured(case: Case, environment: Environment | None, machine: str) -> None:
    assert list_cells(make_run([case], make_training(case, [1.0]), environment=environment))[0][1] == machine


def test_a_case_that_failed_and_one_that_did_not_learn_say_so() -> None:
    run = make_run([BASE, OTHER], make_training(BASE, [1.0], r_squared=0.5), [make_failed(OTHER)])
    assert [cells[-1] for cells in list_cells(run)] == ["INVALID", "failed"]


def test_a_run_that_cannot_be_read_is_a_row_without_numbers_and_a_note() -> None:
    fault = InvalidFileError("here/run.json is missing")
    assert list_cells(fault) == [["here", "-", "-", "-", "-", "can't be read"]]
    assert "here: here/run.json is missing" in make_side_by_side_table({"here": fault}).notes


def test_a_run_that_was_stopped_or_torn_is_noted() -> None:
    run = replace(make_run([BASE], make_training(BASE, [1.0]), is_complete=False), warnings=("line 9 is torn",))
    assert make_side_by_side_table({"here": run}).notes[1:] == (
        "here: line 9 is torn",
        "here: PARTIAL: the run was stopped before its end",
    )


def test_hostile_text_of_a_run_is_harmless_in_the_table() -> None:
    identity = msgspec.structs.replace(ENVIRONMENT.identity, cpu_model="<script>|`x`\x1b[2J")
    hostile = Environment(identity=identity, recorded=ENVIRONMENT.recorded)
    run = make_run([BASE], make_training(BASE, [1.0]), environment=hostile)
    text = to_markdown(make_side_by_side_table({"<b>|": run, "gone": InvalidFileError("<i>\x1b")}))
    assert "<" not in text
    assert "\x1b" not in text
    assert r"&lt;b\>\|" in text
