"""What is wrong with the tables of a stored result: each is made anew, and held against what is there."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest

from bench.judge.faults import Fault

_TOLERANCE = 1e-9
"""Between what two machines make of the same samples: their logarithms may differ in the last bits."""
_MISSING = "nothing"
_BORDER = re.compile(r"(?<!\\)\|")
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_DASHES = re.compile(r"(?<=^:)-+|^-+(?=:$)")


def find_table_faults(expected: Mapping[str, str], found: Mapping[str, str]) -> Iterator[Fault]:
    """Find tables that are missing, have no samples behind them, or hold another number or word."""
    for name, text in expected.items():
        if name not in found:
            yield Fault(name, "the file", "the table that the samples make", "none")
            continue
        compare = _compare_csv if name.endswith(".csv") else _compare_lines
        faults = list(compare(name, text, found[name]))
        if not faults and set(_LINE_ENDS.findall(text)) != set(_LINE_ENDS.findall(found[name])):
            faults.append(Fault(name, "line ends", "those that it was written with", "others"))
        yield from faults
    for name in found:
        if name.endswith(".csv") and name not in expected:
            yield Fault(name, "the file", "none: the samples make no such table", "a table")


def _compare_csv(name: str, expected: str, found: str) -> Iterator[Fault]:
    wanted, there = _read_csv(expected), _read_csv(found)
    header = wanted[0]
    if there[:1] != [header]:
        yield Fault(name, "columns", ", ".join(header), ", ".join(there[0]) if there else _MISSING)
        return
    no_row: list[str] = []
    for number, (row, other) in enumerate(zip_longest(wanted[1:], there[1:], fillvalue=no_row), 1):
        title = f"row {number} ({(row or other)[0]})"
        if not row or len(row) != len(other):
            yield Fault(name, title, f"{len(row)} cells", f"{len(other)} cells")
            continue
        for column, cell, other_cell in zip(header, row, other, strict=True):
            if not _is_same(cell, other_cell):
                yield Fault(name, f"{title}, {column}", cell or _MISSING, other_cell or _MISSING)


def _compare_lines(name: str, expected: str, found: str) -> Iterator[Fault]:
    pairs = zip_longest(expected.splitlines(), found.splitlines(), fillvalue="")
    for number, (line, other) in enumerate(pairs, 1):
        cells, other_cells = _split(line), _split(other)
        if len(cells) != len(other_cells):
            yield Fault(name, f"line {number}", line or _MISSING, other or _MISSING)
            continue
        for place, (cell, other_cell) in enumerate(zip(cells, other_cells, strict=True), 1):
            if cell != other_cell:
                where = f"line {number}, cell {place}" if len(cells) > 1 else f"line {number}"
                yield Fault(name, where, cell or _MISSING, other_cell or _MISSING)


def _split(line: str) -> list[str]:
    """Return the cells of a row, without what only makes columns of one width; another line is a cell itself."""
    if not line.startswith("|"):
        return [line]
    return [_DASHES.sub("--", cell).strip() for cell in _BORDER.split(line)[1:-1]]


def _read_csv(text: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        return [[f"no CSV: {error}"]]


def _is_same(cell: str, other: str) -> bool:
    if cell == other:
        return True
    try:
        return math.isclose(float(cell), float(other), rel_tol=_TOLERANCE)
    except ValueError:
        return False
