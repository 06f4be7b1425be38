"""The ledger as text. After a change that is meant: UPDATE_GOLDEN=1 pytest tests/bench/render, and read it."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.arguments import make_parser
from bench.errors import InvalidFileError
from bench.judge.matrix import Cell, Expected, Ledger, State, judge_matrix
from bench.matrix_file import MAX_CELLS
from bench.records.case import Case
from bench.render.matrix import MAX_BESIDES, headline, ledger_as_markdown, ledger_on_terminal, repeat_cell
from tests.bench.ledgers import collect, expect, make_every_state, make_failure, store
from tests.bench.runs import make_run, make_training
from tests.bench.sides import EAGER, REFERENCE

GOLDEN = Path(__file__).parents[2] / "data" / "golden"
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MAX_STEP_SUMMARY = 2**20
"""Bytes that GitHub takes of a step."""


def make_good(*cases: Case) -> Ledger:
    run = make_run([*cases], *(make_training(case, [4.0]) for case in cases))
    return judge_matrix(collect(store(run)), expect(*(("linux-cpu", case) for case in cases)))


def test_the_ledger_of_every_state_is_as_it_was() -> None:
    ledger = make_every_state()
    for name, text in {
        "matrix.md": ledger_as_markdown(ledger),
        "matrix-terminal.txt": ledger_on_terminal(ledger, 160) + "\n",
    }.items():
        if os.environ.get("UPDATE_GOLDEN"):
            (GOLDEN / name).write_text(text, encoding="utf-8")
        assert (GOLDEN / name).read_text(encoding="utf-8") == text


def test_a_matrix_that_is_whole_is_a_table_commands_and_a_line() -> None:
    ledger = make_good(REFERENCE, EAGER)
    assert headline(ledger) == "PASS: 2 expected cells: 2 ok. Of 2 required: 2 ok."
    assert "\n- " not in ledger_on_terminal(ledger, 100)
    assert ledger_as_markdown(ledger).startswith("## Matrix: PASS\n\n2 expected cells: 2 ok. Of 2 required: 2 ok.\n\n|")


def test_cells_of_a_machine_with_one_reason_are_told_of_in_one_line() -> None:
    cells = expect(("a", REFERENCE), ("a", EAGER), ("b", EAGER))
    lines = ledger_on_terminal(judge_matrix(collect(), cells, ["a"]), 200).splitlines()
    assert [line for line in lines if line.startswith("- ")] == [
        "- a cpu/reference/manual, cpu/eager/manual: skipped, its machine was not asked for",
        "- b cpu/eager/manual: missing, no run has this label or lies in a directory of this name",
    ]


def test_the_headline_counts_the_rows_of_the_table() -> None:
    rows = [line.split("|") for line in ledger_as_markdown(make_every_state()).splitlines() if line.startswith("| ")]
    states = [(row[3].strip(), row[4].strip()) for row in rows[1:]]
    said = headline(make_every_state())
    for begin, needs in (("expected cells: ", ("required", "optional")), ("required: ", ("required",))):
        told = said.partition(begin)[2].partition(".")[0]
        counted = Counter(state for state, need in states if need in needs)
        assert {state: int(number) for number, state in re.findall(r"(\d+) ([A-Za-z ]+)", told)} == counted
    assert said.endswith(" 2 paths can't be read.")


def test_a_crash_that_nothing_requires_passes_and_is_in_the_headline() -> None:
    run = store(make_run([EAGER], [make_failure(EAGER, "crashed")]))
    ledger = judge_matrix(collect(run), expect(("linux-cpu", EAGER), is_required=False))
    assert headline(ledger) == "PASS: 1 expected cell: 1 crashed. None is required."


def test_every_cell_has_the_command_that_repeats_it_whatever_its_state() -> None:
    ledger = make_every_state()
    for text in (ledger_as_markdown(ledger), ledger_on_terminal(ledger, 60)):
        commands = [line.strip() for line in text.splitlines() if "bench.run" in line]
        assert commands == [repeat_cell(cell) for cell in ledger.cells]


@pytest.mark.parametrize("place", range(12))
def test_a_cell_can_be_measured_again_by_its_command(place: int) -> None:
    cell = make_every_state().cells[place]
    words = shlex.split(repeat_cell(cell))
    assert words[:3] == ["python", "-m", "bench.run"]
    arguments = make_parser("bench.run").parse_args(words[3:])
    assert (arguments.device, arguments.num_threads) == (cell.case.device, cell.case.num_threads)
    assert (arguments.engine, arguments.batching) == ((cell.case.engine,), (cell.case.batching,))
    assert (arguments.precision, arguments.label) == ((cell.case.precision,), cell.machine)
    assert arguments.num_epochs == cell.case.num_epochs
    assert (arguments.seed, arguments.replicates) == ((1, 1) if cell.stored else (1, None))


HOSTILE = (
    "<img src=x onerror=alert(1)> @everyone `x` | [a](javascript:b)\n## Matrix: PASS\n```\n::error::x ##[error]\x1b[2J"
)
TEXTS = st.text(st.sampled_from("`\n<>|&@[]()#-*~ab:\x1b") | st.characters(exclude_characters="/"), max_size=60)


@given(st.sampled_from([HOSTILE]) | TEXTS)
def test_text_from_elsewhere_does_nothing_in_a_ledger(text: str) -> None:
    text = text.encode("utf-8", errors="backslashreplace").decode().replace("\0", "")
    ledger = make_every_state(text)
    markdown, shown = ledger_as_markdown(ledger), ledger_on_terminal(ledger, 60)
    rendered = MARKDOWN.render(markdown)
    for tag in ("<img", "<a ", "<em", "<strong", "<h1", "<h3", "<s>", "<blockquote", "<ol"):
        assert tag not in rendered
    assert rendered.count("<h2>") == 1
    assert rendered.count("<table>") == 1
    assert rendered.count("<pre>") == 1
    assert all(line.isprintable() for line in (*markdown.split("\n"), *shown.split("\n")))
    for line in (*markdown.split("\n"), *shown.split("\n")):
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


def test_the_largest_ledger_fits_into_a_jobs_summary() -> None:
    worst = "\U000e0001" * 2_000
    stored = store(make_run([EAGER], [make_failure(EAGER, "crashed", worst)]), f"results/{worst}")
    cells = tuple(Cell("m" * 40, EAGER, True, State.CRASHED, f"{n}{worst}", stored) for n in range(MAX_CELLS))
    faults = {Path(str(number)): InvalidFileError(worst) for number in range(10_000)}
    ledger = Ledger(cells, (Path(worst),) * 10_000, faults)
    assert len(ledger_as_markdown(ledger).encode()) < MAX_STEP_SUMMARY


def test_many_paths_that_can_not_be_read_are_counted_and_the_first_are_named() -> None:
    faults = {f"old{number}": InvalidFileError(f"damaged {number}.") for number in range(30)}
    ledger = judge_matrix(collect(**faults), [Expected("linux-cpu", EAGER, True)])
    text = ledger_as_markdown(ledger)
    assert "30 paths can't be read" in text
    assert text.count("damaged") == MAX_BESIDES
