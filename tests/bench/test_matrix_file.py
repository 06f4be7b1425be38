"""What a file of expected cells may say, and what it is told where it says something else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.matrix_file import MAX_CELLS, check_machines, read_matrix
from bench.workloads.suites import SUITES, plan_cases
from productnet.config import TrainConfig

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "matrix.yml"
CELL = {"machine": '"linux-cpu"', "device": '"cpu"', "engine": '"eager"', "batching": '"manual"'}


def write(tmp_path: Path, *tables: Mapping[str, str | None]) -> Path:
    """Write a file of good cells with changes, in TOML; None takes a key out."""
    path = tmp_path / "matrix.toml"
    lines = []
    for changes in tables:
        table = {key: value for key, value in {**CELL, **changes}.items() if value is not None}
        lines += ["[[cells]]", *(f"{key} = {value}" for key, value in table.items())]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_table_is_every_combination_of_its_axes(tmp_path: Path) -> None:
    cells = read_matrix(
        write(tmp_path, {"machine": '["a", "b"]', "engine": '["eager", "reference"]', "threads": "[1, 2]"})
    )
    assert [(each.machine, each.case.name) for each in cells] == [
        (machine, name)
        for machine in ("a", "b")
        for name in (
            "cpu/eager/manual",
            "cpu/eager/manual/2-threads",
            "cpu/reference/manual",
            "cpu/reference/manual/2-threads",
        )
    ]
    assert {each.is_required for each in cells} == {True}
    assert {each.case.num_epochs for each in cells} == {TrainConfig().num_epochs}


def test_the_cells_of_a_machine_stand_together(tmp_path: Path) -> None:
    both = {"machine": '["a", "b"]'}
    cells = read_matrix(write(tmp_path, both, {**both, "engine": '"reference"'}))
    assert [each.machine for each in cells] == ["a", "a", "b", "b"]


def test_what_is_optional_is_said_so(tmp_path: Path) -> None:
    cells = read_matrix(write(tmp_path, {}, {"machine": '"b"', "required": "false", "precision": '"bf16"'}))
    assert [(each.is_required, each.case.precision) for each in cells] == [(True, "fp32"), (False, "bf16")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"machines": '"a"'},
            "'machines' is not known: use machine, device, engine, batching, precision, threads, repl",
        ),
        ({"machine": None}, "machine is missing: there have to be machine, device, engine, batching"),
        ({"device": "[]"}, "device is []: use text in quotation marks, or a list of such"),
        ({"engine": "3"}, "engine is 3: use text in quotation marks"),
        ({"engine": '["eager", ["eager"]]'}, "use text in quotation marks"),
        ({"engine": '"turbo"'}, "'engine=turbo' is not known: use engine={reference,eager"),
        ({"batching": '"none"'}, "batching 'none' is not known"),
        ({"precision": '"fp8"'}, "'precision=fp8' is not known"),
        ({"precision": '"amp"'}, "precision is 'amp': name the one that a run then has"),
        ({"device": '"auto"'}, "device is 'auto': name the one that a run then has"),
        ({"device": '"gpu"'}, "device 'gpu' is not known"),
        ({"threads": '"2"'}, "threads is '2': use a whole number, or a list of such"),
        ({"threads": "true"}, "threads is True: use a whole number"),
        ({"threads": "0"}, "num_threads 0"),
        ({"required": '"no"'}, "required is 'no': use true or false"),
        ({"required": "0"}, "required is 0: use true or false"),
        ({"machine": '"a/b"'}, "machine: 'a/b' is no label"),
        ({"machine": '"--help"'}, "machine: '--help' is no label"),
        ({"engine": '["eager", "eager"]'}, "linux-cpu cpu/eager/manual is there already"),
    ],
)
def test_what_is_wrong_is_said_with_file_table_and_key(
    tmp_path: Path, changes: dict[str, str | None], said: str
) -> None:
    path = write(tmp_path, changes)
    with pytest.raises(UsageError) as caught:
        read_matrix(path)
    assert str(caught.value).startswith(f"{path}, cells 1: ")
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_cell_of_two_tables_is_refused_at_the_second(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cells 2: linux-cpu cpu/eager/manual is there already"):
        read_matrix(write(tmp_path, {}, {"required": "false"}))


def test_more_cells_than_a_summary_can_hold_are_refused(tmp_path: Path) -> None:
    machines = [f'"machine-{number}"' for number in range(MAX_CELLS + 1)]
    assert len(read_matrix(write(tmp_path, {"machine": f"[{', '.join(machines[1:])}]"}))) == MAX_CELLS
    with pytest.raises(UsageError, match=f"more than {MAX_CELLS} cells"):
        read_matrix(write(tmp_path, {"machine": f"[{', '.join(machines)}]"}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has 0 of [[cells]]"),
        ("[[case]]", "'case' is not known: use [[cells]]"),
        ("[[cells]\n", "is no TOML"),
        (None, "can't be read: No such file or directory; it names the cells to expect"),
    ],
)
def test_a_file_that_is_none_is_said_by_its_name(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "matrix.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(said)):
        read_matrix(path)


def test_a_machine_that_is_left_out_has_to_be_one_and_not_every_one(tmp_path: Path) -> None:
    expected = read_matrix(write(tmp_path, {"machine": '["a", "b"]'}))
    check_machines([], expected)
    check_machines(["a", "a"], expected)
    with pytest.raises(UsageError, match="--without c is in no cell: use a, b"):
        check_machines(["c"], expected)
    with pytest.raises(UsageError, match="names every machine"):
        check_machines(["a", "b"], expected)


def test_the_committed_matrix_is_the_smallest_suite_on_every_machine_of_the_workflow() -> None:
    expected = read_matrix(ROOT / "matrix.toml")
    workflow = WORKFLOW.read_text(encoding="utf-8")
    machines = set(re.findall(r"machine: ([a-z]+-[a-z]+)", workflow))
    assert {each.machine for each in expected} == machines
    for machine in machines:
        cases = [each.case for each in expected if each.machine == machine]
        device = machine.partition("-")[2]
        for suite in SUITES.values():
            planned = plan_cases(suite, [device], None, None, None, 1, TrainConfig().num_epochs)
            assert set(cases) <= set(planned)
        assert set(cases) == set(plan_cases(SUITES["quick"], [device], None, None, None, 1, cases[0].num_epochs))
    assert all(each.is_required for each in expected)
