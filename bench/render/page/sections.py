"""The sections of the page: all runs beside each other, each run, race and sweep, and where they were measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.judge.advice import choose_advice
from bench.judge.checks import check_run
from bench.judge.race import judge_race
from bench.judge.results import CaseResult
from bench.judge.sweep import judge_sweep
from bench.records.collection import Collection
from bench.records.stored import StoredRace, StoredRun, StoredSweep
from bench.records.times import sort_newest
from bench.render.advice import ADVICE, describe_finding, remedies
from bench.render.escape import for_terminal
from bench.render.foreign import make_foreign_table
from bench.render.page.curves import list_sweep_figures, make_narrowing
from bench.render.page.environment import make_environment_tables
from bench.render.page.figure import Figure
from bench.render.page.figures import list_run_figures, list_throughput_of_runs
from bench.render.page.headline import Judged, mark_race, mark_run, mark_sweep
from bench.render.page.machines import compare_runs, make_races_table
from bench.render.page.views import FigureView, TableView, view_figure, view_table
from bench.render.race import describe_race, make_race_table
from bench.render.report import make_tables
from bench.render.summary import describe_run, explain_quality
from bench.render.sweep import describe_sitting, describe_sweep
from bench.render.sweep_tables import make_tables as make_sweep_tables

MAX_OPEN = 3
"""More runs than these are folded away until somebody opens one."""


@dataclass(frozen=True, slots=True)
class Item:
    """A sentence, and what to run or to do."""

    text: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page under a heading."""

    anchor: str
    title: str
    marks: tuple[str, ...] = ()
    """What is not as it should be, in a few words."""
    lines: tuple[str, ...] = ()
    figures: tuple[FigureView, ...] = ()
    advice: tuple[Item, ...] = ()
    findings: tuple[Item, ...] = ()
    tables: tuple[TableView, ...] = ()
    is_open: bool = True


def list_sections(collection: Collection, judged: Judged, max_in_full: int) -> Iterator[Section]:
    """List the sections in their order.

    Args:
        max_in_full: runs, races, and sweeps, that are shown with figures of their own: the newest. All runs and races
            are in the tables of all.
    """
    runs = sort_newest(collection.runs, collection.read_at)
    races = sort_newest(collection.races, collection.read_at)
    sweeps = sort_newest(collection.sweeps, collection.read_at)
    if len(runs) > 1:
        yield _compare_runs(collection.runs, max_in_full)
    for place, stored in enumerate(runs[:max_in_full], 1):
        yield _show_run(f"run-{place}", stored, judged[stored.content], is_open=len(runs) <= MAX_OPEN)
    if len(races) > 1:
        yield _compare_races(collection.races, max_in_full)
    for place, race in enumerate(races[:max_in_full], 1):
        yield _show_race(f"race-{place}", race, is_open=len(races) <= MAX_OPEN)
    for place, sweep in enumerate(sweeps, 1):
        yield _show_sweep(f"sweep-{place}", sweep, place <= max_in_full, is_open=len(sweeps) <= MAX_OPEN)
    if collection.foreign:
        table = view_table(make_foreign_table(collection.foreign))
        yield Section("others", "Measured by other tools", marks=("not ranked",), tables=(table,))
    if collection.runs or collection.races or collection.sweeps:
        yield _show_environment(collection)


def _compare_runs(runs: Sequence[StoredRun], max_in_full: int) -> Section:
    machines = compare_runs(runs)
    lines = list(machines.lines)
    if len(runs) > max_in_full:
        lines.append(f"The {max_in_full} newest of {len(runs)} runs follow with figures of their own.")
    return Section(
        "runs",
        "Runs and devices side by side",
        lines=_printable(lines),
        figures=_draw([Figure("runs", list_throughput_of_runs(machines.times))]),
        tables=tuple(map(view_table, machines.tables)),
    )


def _show_run(anchor: str, stored: StoredRun, results: Sequence[CaseResult], is_open: bool) -> Section:
    run = stored.result
    lines = [*describe_run(run), *run.warnings, *explain_quality(run, results)]
    return Section(
        anchor,
        for_terminal(f"Run {stored.path}"),
        marks=_printable(mark_run(stored, results)),
        lines=_printable(lines),
        figures=_draw(list_run_figures(run, results)),
        advice=tuple(_item(f"{ADVICE[each.rule](each.seen)}:", [each.command]) for each in choose_advice(run, results)),
        findings=tuple(_item(describe_finding(each), remedies(each)) for each in check_run(run, results)),
        tables=tuple(map(view_table, make_tables(run, results).values())),
        is_open=is_open,
    )


def _compare_races(races: Sequence[StoredRace], max_in_full: int) -> Section:
    lines = []
    if len(races) > max_in_full:
        lines.append(f"The {max_in_full} newest of {len(races)} races follow with figures of their own.")
    return Section("races", "Races", lines=tuple(lines), tables=(view_table(make_races_table(races)),))


def _show_race(anchor: str, stored: StoredRace, is_open: bool) -> Section:
    race, contrasts = stored.result, judge_race(stored.result)
    return Section(
        anchor,
        for_terminal(f"Race {stored.path}"),
        marks=_printable(mark_race(stored)),
        lines=_printable(line.strip() for line in (*describe_race(race, contrasts), *race.warnings) if line),
        figures=_draw([make_narrowing(race, each) for each in contrasts]),
        tables=(view_table(make_race_table(race, contrasts)),),
        is_open=is_open,
    )


def _show_sweep(anchor: str, stored: StoredSweep, is_in_full: bool, is_open: bool) -> Section:
    sweep, result = stored.result, judge_sweep(stored.result)
    return Section(
        anchor,
        for_terminal(f"Sweep {stored.path}"),
        marks=_printable(mark_sweep(stored)),
        lines=_printable((*describe_sitting(sweep), *describe_sweep(sweep, result))),
        figures=_draw(list_sweep_figures(sweep.info.plan, result)) if is_in_full else (),
        tables=tuple(map(view_table, make_sweep_tables(sweep, result).values())) if is_in_full else (),
        is_open=is_open,
    )


def _show_environment(collection: Collection) -> Section:
    environments = {str(each.path): each.result.info.environment for each in collection.runs}
    environments |= {str(each.path): each.result.info.environment for each in collection.races}
    environments |= {str(each.path): each.result.info.environment for each in collection.sweeps}
    tables = make_environment_tables(environments)
    return Section("environment", "Where it was measured", tables=tuple(map(view_table, tables)))


def _draw(figures: Sequence[Figure]) -> tuple[FigureView, ...]:
    return tuple(view_figure(figure) for figure in figures if figure.table.says_something)


def _item(text: str, commands: Iterable[str]) -> Item:
    return Item(for_terminal(text), _printable(commands))


def _printable(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(for_terminal, lines))
