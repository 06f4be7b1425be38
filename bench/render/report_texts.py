"""A report as text: the terminal's, Markdown and CSV."""

from __future__ import annotations

from bench.judge.race import judge_race
from bench.judge.results import judge_run
from bench.judge.statistics import summarise
from bench.judge.sweep import judge_sweep
from bench.records.collection import Collection
from bench.records.stored import StoredRace, StoredRun, StoredSweep
from bench.render.bars import draw_throughput
from bench.render.escape import for_markdown, for_terminal
from bench.render.foreign import make_foreign_table
from bench.render.race import describe_race, list_race_files, make_race_table
from bench.render.report import list_files, report_on_terminal
from bench.render.sweep import list_sweep_files, report_sweep
from bench.render.table import Column, Table, Value, to_csv, to_markdown, to_terminal, wrap
from bench.render.tables import make_throughput_table


def to_terminal_report(collection: Collection, width: int) -> str:
    """Show every run, race and sweep as the command that measured it did."""
    parts = []
    for run in collection.runs:
        results = judge_run(run.result)
        bars = [text] if (text := draw_throughput(results, width)) else []
        parts += [for_terminal(str(run.path)), *bars, report_on_terminal(run.result, results, width)]
    for race in collection.races:
        contrasts = judge_race(race.result)
        lines = (wrap(for_terminal(line), width) for line in describe_race(race.result, contrasts))
        parts += [for_terminal(str(race.path)), to_terminal(make_race_table(race.result, contrasts), width), *lines]
    for stored in collection.sweeps:
        text = report_sweep(stored.result, judge_sweep(stored.result), width)
        parts += [for_terminal(str(stored.path)), text]
    if collection.foreign:
        parts.append(to_terminal(make_foreign_table(collection.foreign), width))
    return "\n".join((*parts, ""))


def to_markdown_report(collection: Collection, _width: int) -> str:
    """Write every table of every run, race and sweep under a heading of its own."""
    parts = []
    for run in collection.runs:
        files = list_files(run.result, judge_run(run.result))
        parts += [_heading(run), *(text for name, text in files.items() if name.endswith(".md"))]
    for race in collection.races:
        parts += [_heading(race), list_race_files(race.result, judge_race(race.result))["race.md"]]
    for sweep in collection.sweeps:
        texts = list_sweep_files(sweep.result, judge_sweep(sweep.result))
        parts += [_heading(sweep), *(text for name, text in texts.items() if name.endswith(".md"))]
    if collection.foreign:
        parts += ["# Files of other tools\n", to_markdown(make_foreign_table(collection.foreign))]
    return "\n".join(parts)


def to_csv_report(collection: Collection, _width: int) -> str:
    """Write one row a case of a run: where and by what it was measured, and its row of the throughput table.

    What another tool measured has a time for each of its samples instead.
    """
    where = (
        Column("run", "run"),
        Column("started", "started_at"),
        Column("processor", "cpu_model"),
        Column("accelerators", "accelerators"),
        Column("torch", "torch_version"),
        Column("measured by", "measured_by"),
    )
    columns = make_throughput_table([]).columns
    rows: list[tuple[Value, ...]] = []
    for run in collection.runs:
        table = make_throughput_table(judge_run(run.result))
        remark = None if run.result.is_complete else "PARTIAL"
        rows += [(*_locate(run), "bench", *row, None, remark) for row in table.rows]
    nothing = (None,) * (len(columns) - 1)
    for each in collection.foreign:
        place = (str(each.path), each.started_at, each.cpu_model, None, None, each.measured_by)
        rows += [(*place, row.name, *nothing, summarise(row.seconds), row.remark) for row in each.rows]
    beside = (Column("a sample", "sample_seconds", has_spread=True), Column("remark", "remark"))
    return to_csv(Table("Throughput", (*where, *columns, *beside), tuple(rows)))


def _locate(stored: StoredRun) -> tuple[str | None, ...]:
    info = stored.result.info
    identity = info.environment.identity if info.environment is not None else None
    if identity is None:
        return (str(stored.path), info.started_at, None, None, None)
    accelerators = ", ".join(each.model_name or each.name for each in identity.accelerators or ())
    return (str(stored.path), info.started_at, identity.cpu_model, accelerators or None, identity.torch_version)


def _heading(stored: StoredRun | StoredRace | StoredSweep) -> str:
    return f"# {for_markdown(str(stored.path))}\n"
