"""A report as text: the terminal's, Markdown and CSV."""

from __future__ import annotations

from bench.judge.gate import decide_outcome, judge_gate, was_stopped
from bench.judge.race import judge_race
from bench.judge.results import judge_run
from bench.records.collection import Collection, StoredRace
from bench.records.side import StoredRun
from bench.render.escape import for_markdown, for_terminal
from bench.render.gate import summarise_as_markdown, summarise_on_terminal
from bench.render.race import describe_race, list_race_files, make_race_table
from bench.render.report import list_files, report_on_terminal
from bench.render.table import Column, Table, to_csv, to_terminal, wrap
from bench.render.tables import make_throughput_table


def to_terminal_report(collection: Collection, width: int) -> str:
    """Show every run, race and gate as the command that measured it did."""
    parts = []
    for run in collection.runs:
        parts += [for_terminal(str(run.path)), report_on_terminal(run.run, judge_run(run.run), width)]
    for race in collection.races:
        contrasts = judge_race(race.race)
        lines = (wrap(for_terminal(line), width) for line in describe_race(race.race, contrasts))
        parts += [for_terminal(str(race.path)), to_terminal(make_race_table(race.race, contrasts), width), *lines]
    for gate in collection.gates:
        judged = judge_gate(gate.gate)
        outcome = decide_outcome(judged, was_stopped(gate.gate))
        parts += [for_terminal(str(gate.path)), summarise_on_terminal(gate.gate, judged, outcome, width)]
    return "\n".join((*parts, ""))


def to_markdown_report(collection: Collection, _width: int) -> str:
    """Write every table of every run and race under a heading of its own; a gate's summary has one."""
    parts = []
    for run in collection.runs:
        files = list_files(run.run, judge_run(run.run))
        parts += [_heading(run), *(text for name, text in files.items() if name.endswith(".md"))]
    for race in collection.races:
        parts += [_heading(race), list_race_files(race.race, judge_race(race.race))["race.md"]]
    for gate in collection.gates:
        judged = judge_gate(gate.gate)
        parts.append(summarise_as_markdown(gate.gate, judged, decide_outcome(judged, was_stopped(gate.gate))))
    return "\n".join(parts)


def to_csv_report(collection: Collection, _width: int) -> str:
    """Write one row a case of a run: where it was measured, and its row of the throughput table."""
    where = (
        Column("run", "run"),
        Column("started", "started_at"),
        Column("processor", "cpu_model"),
        Column("accelerators", "accelerators"),
        Column("torch", "torch_version"),
    )
    rows, columns = [], make_throughput_table([]).columns
    for run in collection.runs:
        table = make_throughput_table(judge_run(run.run))
        rows += [(*_locate(run), *row) for row in table.rows]
    return to_csv(Table("Throughput", (*where, *columns), tuple(rows)))


def _locate(stored: StoredRun) -> tuple[str | None, ...]:
    info = stored.run.info
    identity = info.environment.identity if info.environment is not None else None
    if identity is None:
        return (str(stored.path), info.started_at, None, None, None)
    accelerators = ", ".join(each.model_name or each.name for each in identity.accelerators or ())
    return (str(stored.path), info.started_at, identity.cpu_model, accelerators or None, identity.torch_version)


def _heading(stored: StoredRun | StoredRace) -> str:
    return f"# {for_markdown(str(stored.path))}\n"
