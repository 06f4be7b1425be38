"""Many runs as a list, what the index took in, and what it left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path

from bench.judge.course import CaseRow, RunRow
from bench.render.outputs import Output
from bench.render.table import NOT_MEASURED, Column, Table, Value
from bench.render.units import counted, whole

_RUN_COLUMNS = (
    Column("run", "run"),
    Column("started (UTC)", "started"),
    Column("device", "device"),
    Column("cases", "num_cases", whole),
    Column("commit", "commit"),
    Column("label", "label"),
    Column("identity", "identity"),
    Column("processor", "cpu_model", is_detail=True),
    Column("accelerators", "accelerators", is_detail=True),
    Column("torch", "torch_version", is_detail=True),
)
ZONE_NOTE = "A time with a question mark was written down without a zone and is taken for UTC."


def make_runs_output(runs: Sequence[RunRow], num_chosen: int, here: Path) -> Output:
    """Lay out runs.

    Args:
        runs: newest first.
        num_chosen: how many there are with those that are not shown.
        here: where the user stands.
    """
    more = "; more: --limit" if len(runs) < num_chosen else ""
    lines = [f"{len(runs):,} of {counted(num_chosen, 'run')}, newest first{more}."]
    lines += [ZONE_NOTE] if any(lacks_zone(run) for run in runs) else []
    num_undated = sum(run.started is None for run in runs)
    lines += [explain_undated(num_undated, "shown last")] if num_undated else []
    table = Table("Runs", _RUN_COLUMNS, tuple(_list_run(run, here) for run in runs))
    return Output([table], make_records("Runs", RunRow, runs), lines, {"runs": runs})


def make_records(title: str, kind: type[CaseRow | RunRow], rows: Sequence[CaseRow | RunRow]) -> Table:
    """Return every field of rows of one kind, in base units, for a program that reads tables."""
    names = [field.name for field in fields(kind)]
    values = tuple(tuple(_as_value(getattr(row, name)) for name in names) for row in rows)
    return Table(title, tuple(Column(name, name) for name in names), values)


def describe_news(num_runs: int, num_read: int, num_gone: int, num_left_out: int) -> str:
    """Say what the index took in."""
    read = f"{counted(num_runs, 'run')}, {num_read:,} of them read now"
    return f"{read}; {num_gone:,} gone since, {num_left_out:,} left out."


def describe_faults(faults: Mapping[str, str], here: Path, limit: int | None = None) -> list[str]:
    """Say what is left out and why; of more than the limit, only how many there are."""
    lines = [_describe_fault(path, fault, here) for path, fault in sorted(faults.items())[:limit]]
    if len(lines) < len(faults):
        lines.append(f"left out: {len(faults) - len(lines):,} more; python -m bench.history index names all")
    return lines


def _describe_fault(path: str, fault: str, here: Path) -> str:
    shown = show_path(path, here)
    said = fault.replace(path, shown)
    return f"left out: {said if shown in said else f'{shown} {said}'}"


def _list_run(run: RunRow, here: Path) -> tuple[Value, ...]:
    return (
        show_path(run.path, here),
        show_time(run),
        run.devices,
        run.num_cases,
        show_commit(run),
        run.label,
        shorten(run.identity),
        run.cpu_model,
        run.accelerators,
        run.torch_version,
    )


def explain_undated(count: int, where: str) -> str:
    """Say how many runs have a time that can't be, and where they are."""
    return (
        f"Without a possible time (no ISO 8601, before 2020 or ahead of this clock): {counted(count, 'run')}, {where}."
    )


def show_path(path: str, here: Path) -> str:
    """Show a path as one would type it here."""
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def lacks_zone(row: RunRow | CaseRow) -> bool:
    """Say whether it is not sure which instant was meant."""
    return row.started is not None and not row.has_zone


def show_time(row: RunRow | CaseRow) -> str:
    """Show when a run was started, in UTC, and whether it came to its end."""
    if row.started is None:
        return NOT_MEASURED
    return f"{row.started:%Y-%m-%d %H:%M:%S}{'?' * lacks_zone(row)}{' PARTIAL' * (not row.is_complete)}"


def show_commit(row: RunRow | CaseRow) -> str | None:
    """Show the commit that was measured."""
    return f"{row.commit[:12]}{' + changes' if row.is_dirty else ''}" if row.commit else None


def shorten(identity: str | None) -> str | None:
    """Show as much of an identity as tells it from others."""
    return identity[:8] if identity else None


def _as_value(value: object) -> Value:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float) else None
