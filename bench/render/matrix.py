"""A ledger as text: one table of cells, why each is not ok and what repeats it; for a terminal and as Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from bench.judge.matrix import Cell, Ledger, Need, State, choose_exit_code, count_states
from bench.records.case import Case
from bench.render.escape import code_block, for_markdown, for_terminal
from bench.render.outputs import COMMAND
from bench.render.table import Column, Table, to_markdown, to_terminal, wrap
from productnet.exit_code import ExitCode

MAX_REASON = 200
"""Characters of a reason from elsewhere; all of it stands in the run's own directory."""

MAX_PATH = 100
"""Characters of a path, its last: no table gets wider than a reader can follow."""

MAX_BESIDES = 20
"""Of what nobody expects, and of what can't be read: a stranger's run may plan thousands of cases."""

_COLUMNS = (
    Column("machine", "machine"),
    Column("case", "case"),
    Column("state", "state"),
    Column("need", "need"),
    Column("run", "run", is_detail=True),
)


def make_matrix_table(ledger: Ledger) -> Table:
    """Lay out every expected cell, and those that nobody expects and that are not ok."""
    rows = tuple(
        (
            each.machine,
            each.case.name,
            str(each.state),
            str(each.need),
            None if each.stored is None else str(each.stored.path)[-MAX_PATH:],
        )
        for each in _list_shown(ledger)
    )
    note = "A run is of the machine that its label names, or else its directory; of several the newest with the case."
    return Table("Matrix", _COLUMNS, rows, (note,))


def ledger_on_terminal(ledger: Ledger, width: int) -> str:
    """Lay the ledger out for a terminal; commands stand on lines of their own."""
    lines = [to_terminal(make_matrix_table(ledger), width)]
    for cell in _list_shown(ledger):
        if _says_why(cell):
            lines.append(wrap(f"- {for_terminal(_explain(cell))}", width))
        if _is_worth_repeating(cell):
            lines.append(f"{COMMAND}{for_terminal(repeat_command(cell))}")
    lines += [wrap(f"- {for_terminal(line)}", width) for line in _list_besides(ledger)]
    return "\n".join([*lines, "", wrap(for_terminal(headline(ledger)), width)])


def ledger_as_markdown(ledger: Ledger) -> str:
    """Write the ledger as Markdown; text from elsewhere does nothing in it."""
    word, _, sentence = headline(ledger).partition(": ")
    grid = to_markdown(make_matrix_table(ledger)).partition("\n\n")[2]
    lines = [f"## Matrix: {word}", "", for_markdown(sentence), "", grid]
    for cell in _list_shown(ledger):
        if _says_why(cell):
            lines.append(f"- {for_markdown(_explain(cell))}")
        if _is_worth_repeating(cell):
            lines += ["", *(f"  {line}" for line in code_block(repeat_command(cell))), ""]
    lines += [f"- {for_markdown(line)}" for line in _list_besides(ledger)]
    return "\n".join(lines).rstrip("\n") + "\n"


def headline(ledger: Ledger) -> str:
    """Say in one line what it comes to, counted from the rows."""
    required = [each for each in ledger.cells if each.need is Need.REQUIRED]
    word = "PASS" if choose_exit_code(ledger) is ExitCode.FINE else "FAIL"
    parts = [
        f"{word}: {_count(len(ledger.cells), 'expected cell')}: {_tally(ledger.cells)}.",
        f"Of {len(required)} required: {_tally(required)}." if required else "None is required.",
    ]
    if ledger.extras:
        parts.append(f"Besides, {len(ledger.extras)} that nobody expects: {_tally(ledger.extras)}.")
    if ledger.strays:
        parts.append(f"{_count(len(ledger.strays), 'path')} can't be read.")
    return " ".join(parts)


def repeat_command(cell: Cell) -> str:
    """Return the command that measures a cell again, on its machine, so that a ledger finds it."""
    words = ["python", "-m", "bench.run", *_list_flags(cell.case)]
    if cell.stored is not None:
        plan = cell.stored.run.info.plan
        words += ["--replicates", str(plan.num_replicates), "--seed", str(plan.seed)]
    return shlex.join([*words, "--label", cell.machine])


def _list_flags(case: Case) -> Iterator[str]:
    yield from ("--device", case.device, "--engine", case.engine, "--batching", case.batching)
    yield from ("--precision", case.precision, "--threads", str(case.num_threads), "--epochs", str(case.num_epochs))


def _list_shown(ledger: Ledger) -> list[Cell]:
    return [*ledger.cells, *[each for each in ledger.extras if each.state is not State.OK][:MAX_BESIDES]]


def _says_why(cell: Cell) -> bool:
    return _is_worth_repeating(cell) or cell.reason is not None


def _is_worth_repeating(cell: Cell) -> bool:
    return cell.state not in (State.OK, State.NOT_ASKED)


def _explain(cell: Cell) -> str:
    return f"{cell.machine} {cell.case.name} is {cell.state}: {(cell.reason or '')[:MAX_REASON]}"


def _list_besides(ledger: Ledger) -> Iterator[str]:
    """Say what lies there and is in no row."""
    num_left_out = sum(each.state is not State.OK for each in ledger.extras) - MAX_BESIDES
    if num_left_out > 0:
        yield f"{num_left_out} more that nobody expects are not ok, and are not shown"
    for error in list(ledger.strays.values())[:MAX_BESIDES]:
        yield f"no cell's: {str(error)[:MAX_REASON]}"
    if ledger.strangers:
        names = ", ".join(str(each) for each in ledger.strangers)
        yield f"of no machine that is expected: {names[:MAX_REASON]}"


def _tally(cells: Iterable[Cell]) -> str:
    return ", ".join(f"{number} {state}" for state, number in count_states(cells))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
