"""Many runs as a list, one case over time, and what to export of either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path

from bench.judge.change_points import MIN_LEVEL, MIN_VALUES, Change
from bench.judge.course import CaseRow, Course, Kind, RunRow
from bench.render.outputs import COMMAND, Output
from bench.render.plot import plot_series
from bench.render.settle import race_of_commits
from bench.render.table import NOT_MEASURED, Column, Table, Value
from bench.render.units import microseconds, number, whole

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
_COURSE_COLUMNS = (
    Column("started (UTC)", "started"),
    Column("commit", "commit"),
    Column("a step (us)", "step_seconds", microseconds),
    Column("level", "level"),
    Column("samples/s", "samples_per_second", number),
    Column("time to\ntrain (s)", "training_seconds", number),
    Column("quality", "quality"),
    Column("repli-\ncates", "num_replicates", whole),
    Column("label", "label", is_detail=True),
    Column("run", "run", is_detail=True),
)
_ZONE_NOTE = "A time with a question mark was written down without a zone and is taken for UTC."


def make_runs_output(runs: Sequence[RunRow], num_chosen: int, here: Path) -> Output:
    """Lay out runs.

    Args:
        runs: newest first.
        num_chosen: how many there are with those that are not shown.
        here: where the user stands.
    """
    lines = [f"{len(runs):,} of {num_chosen:,} runs, newest first."]
    if len(runs) < num_chosen:
        lines.append("More: --limit; all, with every case's numbers: --export FILE.")
    lines += [_ZONE_NOTE] if any(_lacks_zone(run) for run in runs) else []
    num_undated = sum(run.started is None for run in runs)
    lines += [_explain_undated(num_undated, "they stand last")] if num_undated else []
    table = Table("Runs", _RUN_COLUMNS, tuple(_list_run(run, here) for run in runs))
    return Output([table], table, lines, {})


def make_course_output(course: Course, changes: Sequence[Change] | None, limit: int, here: Path) -> Output:
    """Lay out a case over time, where its level changes, and what was left out.

    Args:
        changes: in `course.judged`; None where those are too few.
        limit: how many of the newest runs are shown.
    """
    first_of_level = {course.judged[change.position][0].content: change for change in changes or ()}
    shown = course.rows[-limit:]
    rows = tuple(_list_row(row, first_of_level.get(row.content), here) for row in shown)
    newest = course.rows[-1]
    parts = (newest.cpu_model, newest.accelerators, newest.torch_version and f"torch {newest.torch_version}")
    machine = ", ".join(filter(None, parts))
    lines = [
        f"{len(shown):,} of {len(course.rows):,} runs on {machine}, {course.kind.num_epochs:,} epochs a training, "
        f"identity {_short(course.kind.identity)}; oldest first, in the order of their time.",
        *([_ZONE_NOTE] if any(_lacks_zone(row) for row in shown) else []),
        *_explain_left_out(course),
        *_explain_changes(course, changes),
    ]
    return Output([Table(newest.case, _COURSE_COLUMNS, rows)], make_records(course.rows), lines, make_document(course.rows))


def make_plot(course: Course, changes: Sequence[Change] | None, width: int) -> list[str]:
    """Plot the seconds of a step, one column a run."""
    judged = course.judged
    if not judged:
        return ["Nothing to plot: no run of it has a speed that counts."]
    ends = (_date(judged[0][0]), _date(judged[-1][0]))
    borders = [change.position for change in changes or ()]
    plot = plot_series(
        [seconds for _, seconds in judged], borders, ends, microseconds, width - len(COMMAND)
    )
    return ["", "us a step, run by run:", *(f"{COMMAND}{line}" for line in plot)]


def make_records(rows: Sequence[CaseRow]) -> Table:
    """Return every field of every case of a run, for a program that reads tables."""
    columns = tuple(Column(field.name, field.name) for field in fields(CaseRow))
    return Table("Cases", columns, tuple(tuple(_as_value(each) for each in asdict(row).values()) for row in rows))


def make_document(rows: Sequence[CaseRow]) -> dict[str, object]:
    """Return the same for one that reads JSON."""
    return {"cases": rows}


def describe_fault(path: str, fault: str, here: Path) -> str:
    """Say what is left out and why."""
    shown = _relative(path, here)
    return f"left out: {fault if shown in fault or path in fault else f'{shown} {fault}'}"


def describe_others(course: Course, differences: Sequence[tuple[Kind, int, Sequence[str]]]) -> list[str]:
    """Name the other machines, torches and lengths of training that the case was run with.

    Args:
        differences: kind, number of runs, fields of the identity that differ.
    """
    lines = []
    for kind, count, names in differences:
        what = [*names]
        what += ["epochs"] if kind.num_epochs != course.kind.num_epochs else []
        what += ["schema"] if kind.schema != course.kind.schema else []
        lines.append(
            f"Not in it: {count:,} runs of identity {_short(kind.identity)}, {kind.num_epochs:,} epochs; differs in "
            f"{', '.join(what)}"
        )
    return lines


def _explain_left_out(course: Course) -> list[str]:
    lines = []
    if course.num_undated:
        lines.append(_explain_undated(course.num_undated, "they are in no course"))
    if course.num_unidentified:
        lines.append(f"{course.num_unidentified:,} runs did not record their machine or torch: they are in no course.")
    if course.num_of_other_work:
        lines.append(
            f"{course.num_of_other_work:,} runs trained a seed on other bytes than the newest: they are left out."
        )
    unjudged = Counter(row.quality for row in course.rows) - Counter(row.quality for row, _ in course.judged)
    if unjudged:
        named = ", ".join(f"{count:,} {quality}" for quality, count in unjudged.items())
        lines.append(f"Shown, and not looked at for changes, since no speed of theirs counts: {named}.")
    return lines


def _explain_changes(course: Course, changes: Sequence[Change] | None) -> list[str]:
    num_judged = len(course.judged)
    if changes is None:
        return [
            f"Too few runs to look for changes in: {num_judged}. It takes {MIN_VALUES}, two levels of {MIN_LEVEL} each."
        ]
    if not changes:
        return [f"No change of level found in {num_judged:,} runs."]
    lines = ["Changes of level (where to look, and no verdict; moods of a machine look the same):"]
    for change in changes:
        before, after = (course.judged[place][0] for place in (change.position - 1, change.position))
        more = f"{abs(change.ratio - 1):.1%} {'more' if change.ratio > 1 else 'less'}"
        lines.append(
            f"{_time(after)}: {more} time a step, {microseconds(change.before)} us before (median of "
            f"{change.num_before:,} runs), {microseconds(change.after)} us after ({change.num_after:,}); from commit "
            f"{_commit(before) or 'unknown'} to {_commit(after) or 'unknown'}"
        )
        lines += _settle(before, after)
    return lines


def _settle(before: CaseRow, after: CaseRow) -> list[str]:
    if after.commit and after.is_dirty:
        return ["The run after it had changes that are in no commit, so that no race can be named that would settle it."]
    command, remark = race_of_commits(_revision(before), _revision(after), after.as_case(), {})
    return [*([f"{COMMAND}{command}"] if command else []), *([remark] if remark else [])]


def _list_run(run: RunRow, here: Path) -> tuple[Value, ...]:
    return (
        _relative(run.path, here),
        f"{_time(run)}{'' if run.is_complete else ' PARTIAL'}",
        run.devices,
        run.num_cases,
        _commit(run),
        run.label,
        _short(run.identity),
        run.cpu_model,
        run.accelerators,
        run.torch_version,
    )


def _list_row(row: CaseRow, change: Change | None, here: Path) -> tuple[Value, ...]:
    return (
        f"{_time(row)}{'' if row.is_complete else ' PARTIAL'}",
        _commit(row),
        row.step_seconds,
        f"{change.ratio - 1:+.1%}" if change else "",
        row.samples_per_second,
        row.training_seconds,
        row.quality,
        row.num_replicates,
        row.label,
        _relative(row.path, here),
    )


def _explain_undated(count: int, where: str) -> str:
    return f"{count:,} runs have no possible time (no ISO 8601, before 2020 or ahead of this clock): {where}."


def _relative(path: str, here: Path) -> str:
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def _lacks_zone(row: RunRow | CaseRow) -> bool:
    return row.started is not None and not row.has_zone


def _time(row: RunRow | CaseRow) -> str:
    if row.started is None:
        return NOT_MEASURED
    return f"{row.started:%Y-%m-%d %H:%M:%S}{'?' if _lacks_zone(row) else ''}"


def _date(row: CaseRow) -> str:
    return f"{row.started:%Y-%m-%d}"


def _commit(row: RunRow | CaseRow) -> str | None:
    return f"{row.commit[:12]}{' + changes' if row.is_dirty else ''}" if row.commit else None


def _revision(row: CaseRow) -> tuple[str, bool] | None:
    return (row.commit, bool(row.is_dirty)) if row.commit else None


def _short(identity: str | None) -> str | None:
    return identity[:8] if identity else None


def _as_value(value: object) -> Value:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float) else None
