"""JSON for programs: raw values in base units, what is not known is null, and no number that is none."""

from __future__ import annotations

import json
import math
import re

import msgspec

from bench.judge.statistics import Summary
from bench.records.journal import as_text
from bench.render.table import Table, Value

Document = dict[str, object]


_BEYOND_ASCII = re.compile(r"[^\n -~]")


def to_json(document: object) -> str:
    """Write a document in ASCII, so that nothing in it moves a terminal or is a command of a CI's log.

    A number that is not finite becomes null, since JSON has none.
    """
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    # Only a string can hold "##[", and its escape is the same string. A line begins with no string that "::" begins.
    return _BEYOND_ASCII.sub(_escape, text.replace("##[", "#\\u0023[")) + "\n"


def _escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1].replace("\x7f", "\\u007f")


def list_rows(table: Table) -> list[Document]:
    """Return every row of a table under the names of its CSV columns; text as it is."""
    return [
        {column.name: _as_document(value) for column, value in zip(table.columns, row, strict=True)}
        for row in table.rows
    ]


def _as_document(value: Value) -> object:
    if not isinstance(value, Summary):
        return as_text(value) if isinstance(value, str) else value
    parts = {"median": value.median, "low": value.low, "high": value.high}
    # In a word, as the tables say it: JSON has no infinity, and null would be "not measured".
    ends = {name: "never" if part is not None and math.isinf(part) else part for name, part in parts.items()}
    return {**ends, "count": value.count}
