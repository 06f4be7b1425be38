"""One case over time as text: its numbers, run by run, where their level changes, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.judge.change_points import MIN_LEVEL, MIN_VALUES, Change
from bench.judge.course import CaseRow, Course, Kind
from bench.render.history import (
    ZONE_NOTE,
    explain_undated,
    lacks_zone,
    make_records,
    shorten,
    show_commit,
    show_path,
    show_time,
)
from bench.render.outputs import COMMAND, Output
from bench.render.plot import plot_series
from bench.render.settle import race_of_commits
from bench.render.table import Column, Table, Value
from bench.render.units import counted, microseconds, number, whole

_COURSE_COLUMNS = (
    Column("started (UTC)", "started"),
    Column("commit", "commit"),
    Column("a step (us)", "step_seconds", microseconds),
    Column("level", "level"),
    Column("samples/s", "samples_per_second", number, is_detail=True),
    Column("time to\ntrain (s)", "training_seconds", number),
    Column("quality", "quality"),
    Column("repli-\ncates", "num_replicates", whole),
    Column("label", "label", is_detail=True),
    Column("run", "run", is_detail=True),
)


def make_course_output(
    course: Course, changes: Sequence[Change] | None, limit: int | None, others: Sequence[str], here: Path
) -> Output:
    """Lay out a case over time, where its level changes, and what was left out.

    Args:
        changes: in `course.judged`; None where those are too few.
        limit: how many of the newest runs are shown; None for all.
        others: what `describe_others` says.
        here: where the user stands.
    """
    first_of_level = {course.judged[change.position][0].content: change for change in changes or ()}
    shown = course.rows[-limit:] if limit else course.rows
    rows = tuple(_list_row(row, first_of_level.get(row.content), here) for row in shown)
    newest = course.rows[-1]
    parts = (newest.cpu_model, newest.accelerators, newest.torch_version and f"torch {newest.torch_version}")
    lines = [
        f"{len(shown):,} of {counted(len(course.rows), 'run')} on {', '.join(filter(None, parts))}, "
        f"{course.kind.num_epochs:,} epochs a training, identity {shorten(course.kind.identity)}; oldest first.",
        *([ZONE_NOTE] if any(map(lacks_zone, shown)) else []),
        *_explain_left_out(course),
        *_explain_changes(course, changes),
        *others,
    ]
    document = {"cases": shown, "changes": None if changes is None else [_document(course, each) for each in changes]}
    table = Table(newest.case, _COURSE_COLUMNS, rows)
    return Output([table], make_records("Cases", CaseRow, shown), lines, document)


def _document(course: Course, change: Change) -> dict[str, object]:
    return {
        "path": course.judged[change.position][0].path,
        "ratio": change.ratio,
        "before_seconds": change.before,
        "after_seconds": change.after,
        "num_before": change.num_before,
        "num_after": change.num_after,
    }


def make_plot(course: Course, changes: Sequence[Change] | None, width: int) -> list[str]:
    """Plot the seconds of a step, one column a run."""
    judged = course.judged
    if not judged:
        return ["Nothing to plot: no run of it has a speed that counts."]
    ends = (_date(judged[0][0]), _date(judged[-1][0]))
    borders = [change.position for change in changes or ()]
    plot = plot_series([seconds for _, seconds in judged], borders, ends, microseconds, width)
    return ["us a step, run by run:", *plot]


def describe_others(course: Course, differences: Sequence[tuple[Kind, int, Sequence[str]]]) -> list[str]:
    """Name the other machines, torches and lengths of training that the case was run with.

    Args:
        differences: of some, kind, number of runs and the fields of the identity that differ.
    """
    lines = []
    for kind, count, names in differences:
        what = [*names]
        what += ["epochs"] if kind.num_epochs != course.kind.num_epochs else []
        what += ["schema"] if kind.schema != course.kind.schema else []
        lines.append(
            f"Not in it: {counted(count, 'run')} of identity {shorten(kind.identity)}, {kind.num_epochs:,} epochs; "
            f"differs in {', '.join(what)}."
        )
    num_more = len(course.others) - len(differences)
    return [*lines, f"Nor are those of {num_more:,} more."] if num_more else lines


def _explain_left_out(course: Course) -> list[str]:
    lines = []
    if course.num_undated:
        lines.append(explain_undated(course.num_undated, "in no course"))
    if course.num_unidentified:
        lines.append(f"Of {counted(course.num_unidentified, 'run')} machine or torch were not recorded: in no course.")
    if course.num_of_other_work:
        lines.append(
            "Left out, since a seed trained on other bytes than in the newest: "
            f"{counted(course.num_of_other_work, 'run')}."
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
            f"{show_time(after)}: {more} time a step, {microseconds(change.before)} us before (median of "
            f"{counted(change.num_before, 'run')}), {microseconds(change.after)} us after ({change.num_after:,}); from "
            f"commit {show_commit(before) or 'unknown'} to {show_commit(after) or 'unknown'}"
        )
        lines += _settle(before, after)
    return lines


def _settle(before: CaseRow, after: CaseRow) -> list[str]:
    if after.commit and after.is_dirty:
        return [
            "The run after it had changes that are in no commit, so that no race can be named that would settle it."
        ]
    command, remark = race_of_commits(_revision(before), _revision(after), after.as_case(), {})
    return [*([f"{COMMAND}{command}"] if command else []), *([remark] if remark else [])]


def _list_row(row: CaseRow, change: Change | None, here: Path) -> tuple[Value, ...]:
    return (
        show_time(row),
        show_commit(row),
        row.step_seconds,
        f"{change.ratio - 1:+.1%}" if change else None,
        row.samples_per_second,
        row.training_seconds,
        row.quality,
        row.num_replicates,
        row.label,
        show_path(row.path, here),
    )


def _date(row: CaseRow) -> str:
    return f"{row.started:%Y-%m-%d}"


def _revision(row: CaseRow) -> tuple[str, bool] | None:
    return (row.commit, bool(row.is_dirty)) if row.commit else None
