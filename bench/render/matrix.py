"""A ledger as text: a table of cells, why each is not ok, what measures each again; on a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from bench.judge.matrix import Cell, Ledger, choose_exit_code, count_states
from bench.records.repeat import repeat_command
from bench.render.escape import for_markdown, for_terminal
from bench.render.outputs import COMMAND
from bench.render.summary import UNDATED
from bench.render.table import Column, Table, to_markdown, to_terminal, wrap
from bench.render.units import counted
from productnet.exit_code import ExitCode

MAX_REASON = 200
"""Characters of a reason from elsewhere; all of it stands in the run's own directory."""

MAX_PATH = 100
"""Characters of a path, its last: no table gets wider than a reader can follow."""

MAX_BESIDES = 20
"""Of what nobody expects, and of what can't be read."""

_COLUMNS = (
    Column("machine", "machine"),
    Column("case", "case"),
    Column("state", "state"),
    Column("need", "need"),
    Column("run", "run", is_detail=True),
)
_NOTE = "A run is of the machine that its label names, or else its directory; of several the newest with the case."
_REPEAT = "What measures each of these cells again, on its machine:"


def make_matrix_table(ledger: Ledger) -> Table:
    """Lay out every expected cell."""
    rows = tuple(
        (
            each.machine,
            each.case.name,
            str(each.state),
            "required" if each.is_required else "optional",
            None if each.stored is None else str(each.stored.path)[-MAX_PATH:],
        )
        for each in ledger.cells
    )
    return Table("Matrix", _COLUMNS, rows, (_NOTE,))


def ledger_on_terminal(ledger: Ledger, width: int) -> str:
    """Lay the ledger out for a terminal; commands stand on lines of their own, so that they can be copied."""
    return "\n".join(
        [
            to_terminal(make_matrix_table(ledger), width),
            *(wrap(f"- {for_terminal(line)}", width) for line in _list_reasons(ledger)),
            "",
            _REPEAT,
            *(f"{COMMAND}{for_terminal(repeat_cell(each))}" for each in ledger.cells),
            "",
            wrap(for_terminal(headline(ledger)), width),
        ]
    )


def ledger_as_markdown(ledger: Ledger) -> str:
    """Write the ledger as Markdown; text from elsewhere does nothing in it."""
    word, _, sentence = headline(ledger).partition(": ")
    grid = to_markdown(make_matrix_table(ledger)).partition("\n\n")[2]
    lines = [
        *(f"## Matrix: {word}", "", for_markdown(sentence), "", grid),
        *(f"- {for_markdown(line)}" for line in _list_reasons(ledger)),
        *("", f"<details><summary>{_REPEAT}</summary>", "", "```sh"),
        *(for_terminal(repeat_cell(each)) for each in ledger.cells),
        *("```", "", "</details>", ""),
    ]
    return "\n".join(lines)


def headline(ledger: Ledger) -> str:
    """Say in one line what it comes to, counted from the rows."""
    required = [each for each in ledger.cells if each.is_required]
    word = "PASS" if choose_exit_code(ledger) is ExitCode.FINE else "FAIL"
    parts = [
        f"{word}: {counted(len(ledger.cells), 'expected cell')}: {_tally(ledger.cells)}.",
        f"Of {len(required)} required: {_tally(required)}." if required else "None is required.",
    ]
    if ledger.faults:
        parts.append(f"{counted(len(ledger.faults), 'path')} can't be read.")
    return " ".join(parts)


def repeat_cell(cell: Cell) -> str:
    """Return the command that measures a cell again, on its machine, so that a ledger finds it.

    Every word of it is from the file of cells; of the run that has it come two numbers.
    """
    if cell.stored is None:
        return repeat_command(cell.case, label=cell.machine)
    plan = cell.stored.result.info.plan
    return repeat_command(cell.case, plan.seed, plan.num_replicates, cell.machine)


def _list_reasons(ledger: Ledger) -> Iterator[str]:
    """Say why cells are not ok, and what lies there and is in none."""
    for (machine, state, reason), cells in groupby(ledger.cells, lambda each: (each.machine, each.state, each.reason)):
        if reason is not None:
            yield f"{machine} {', '.join(each.case.name for each in cells)}: {state}, {reason[:MAX_REASON]}"
    told = {each.reason for each in ledger.cells}
    for error in list(ledger.faults.values())[:MAX_BESIDES]:
        if str(error) not in told:
            yield str(error)[:MAX_REASON]
    for path in ledger.strangers[:MAX_BESIDES]:
        yield f"of no machine that is expected: {str(path)[-MAX_PATH:]}"
    for path in ledger.undated[:MAX_BESIDES]:
        yield f"{str(path)[-MAX_PATH:]}: {UNDATED}"


def _tally(cells: Iterable[Cell]) -> str:
    return ", ".join(f"{number} {state}" for state, number in count_states(cells))
