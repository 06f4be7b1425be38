"""The table of what other tools measured: beside ours, never among them."""

from __future__ import annotations

from collections.abc import Sequence

from bench.judge.statistics import summarise
from bench.records.foreign import ForeignRun
from bench.render.table import Column, Table
from bench.render.units import milliseconds, whole


def make_foreign_table(runs: Sequence[ForeignRun]) -> Table:
    """Lay out every row of every file."""
    columns = (
        Column("name", "name"),
        Column("measured by", "measured_by"),
        Column("a sample (ms)", "sample_seconds", milliseconds, has_spread=True),
        Column("samples", "num_samples", whole),
        Column("machine", "machine", is_detail=True),
        Column("remark", "remark"),
        Column("file", "file", is_detail=True),
    )
    rows = tuple(
        (
            row.name,
            run.measured_by,
            summarise(row.seconds),
            len(row.seconds),
            _describe_machine(run),
            row.remark,
            str(run.path),
        )
        for run in runs
        for row in run.rows
    )
    return Table(
        "Measured by other tools",
        columns,
        rows,
        (
            "By their own rules: no quality stands beside these times, and none is ranked with ours.",
            "In brackets: how far the quartiles are from the median, over the file's samples, which are averages where "
            "the tool timed several calls at once.",
        ),
    )


def _describe_machine(run: ForeignRun) -> str | None:
    python = f"Python {run.python_version}" if run.python_version else None
    return ", ".join(each for each in (run.cpu_model, run.operating_system, python, run.host_name) if each) or None
