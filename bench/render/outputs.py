"""What a comparison is printed as: tables with lines beside them, or one document; a format is a line of `LAYOUTS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.render.document import to_json
from bench.render.escape import for_markdown, for_terminal
from bench.render.table import Table, to_csv, to_markdown, to_terminal, wrap

COMMAND = "    "
"""What a line begins with that is a command: it is never folded, so that it can be copied."""


@dataclass(frozen=True, slots=True)
class Output:
    """One comparison, in all that a format may want of it."""

    tables: Sequence[Table]
    records: Table
    """One row a record, for a program that reads tables."""
    lines: Sequence[str]
    """What stands beside the numbers; text from elsewhere is left as it is."""
    document: Mapping[str, object]
    """Raw numbers in base units; what is not known is None."""


def _as_terminal(output: Output, width: int) -> str:
    tables = "\n".join(to_terminal(table, width) for table in output.tables)
    lines = (each if each.startswith(COMMAND) else wrap(each, width) for each in map(for_terminal, output.lines))
    return "\n".join((tables, *lines, ""))


def _as_markdown(output: Output, _width: int) -> str:
    tables = "\n".join(map(to_markdown, output.tables))
    lines = (
        f"\n{for_terminal(line)}\n" if line.startswith(COMMAND) else f"{for_markdown(line)}  " for line in output.lines
    )
    return "\n".join((tables, *lines, ""))


def _as_csv(output: Output, _width: int) -> str:
    return to_csv(output.records)


def _as_json(output: Output, _width: int) -> str:
    return to_json({**output.document, "lines": output.lines})


LAYOUTS: Mapping[str, Callable[[Output, int], str]] = {
    "terminal": _as_terminal,
    "markdown": _as_markdown,
    "csv": _as_csv,
    "json": _as_json,
}
