"""`python -m bench.compare`: what stored runs say of a change, of modes, or of devices."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.arguments import choose_width, tell_unpriced
from bench.compare_arguments import check_arguments, make_criteria, make_parser
from bench.errors import BenchError, InvalidFileError, NewerSchemaError, NotComparableError, UsageError
from bench.judge.axes import is_chosen
from bench.judge.comparability import FieldDifference
from bench.records.side import MachineFile, Side, check_distinct, read_each, read_side
from bench.render.outputs import LAYOUTS, Output
from bench.strictness import choose_by_verdict, list_failures, list_verdict_flags
from productnet.door import printable, run_door, say
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from bench.judge.comparison import Criteria
    from bench.judge.devices import MachineRun
    from bench.judge.sides import CaseComparison
    from bench.records.case import Case

_PROG = "python -m bench.compare"
_PUBLISHED = Path(__file__).parents[1] / "results" / "published"
"""Beside the code, where this is a checkout."""


def main() -> int:
    """Compare as the command line says."""
    parser = make_parser(_PROG)
    arguments = parser.parse_args()
    check_arguments(parser, arguments)
    if arguments.devices:
        return _compare_devices(arguments)
    try:
        sides = [read_side(path) for path in arguments.paths]
    except NewerSchemaError as error:
        raise NotComparableError(str(error)) from error
    check_distinct([run for side in sides for run in side.runs])
    _check_filters(arguments, [case for side in sides for run in side.runs for case in run.result.info.plan.cases])
    return _compare_sides(sides, arguments) if len(sides) > 1 else _compare_within(sides[0], arguments)


def _compare_sides(sides: list[Side], arguments: Namespace) -> int:
    from bench.judge.comparability import check_comparability
    from bench.judge.sides import compare_sides
    from bench.render.comparison import Compared, describe_sides, make_table
    from bench.render.comparison_document import document_sides
    from bench.render.pivot import make_pivot

    criteria, base = make_criteria(arguments), sides[0]
    base_runs = [each.result for each in base.runs]
    heads = []
    for head in sides[1:]:
        runs = [each.result for each in head.runs]
        comparability = check_comparability(base_runs, runs)
        allowed = _let_through(f"{base.name} and {head.name}", comparability.conflicts, arguments.allow)
        comparison = compare_sides(base_runs, runs, criteria, _keep(arguments))
        heads.append(Compared(base, head, comparison, comparability, allowed))
    records = make_table(heads, criteria, _show(arguments))
    tables = [records]
    if arguments.rows or arguments.columns:
        tables = [
            make_pivot(
                f"{each.head.name} against {base.name}",
                [case for case in each.comparison.cases if _show(arguments)(case.verdict)],
                arguments.rows,
                arguments.columns,
            )
            for each in heads
        ]
        records = tables[0] if len(tables) == 1 else records
    lines = [line for each in heads for line in describe_sides(each, list_verdict_flags(arguments))]
    lines += _warn_where_too_fine(base, criteria)
    _print(Output(tables, records, lines, document_sides(heads, criteria)), arguments.format)
    cases = [case for each in heads for case in each.comparison.cases]
    is_missing = any(each.comparison.missing for each in heads)
    fail_on = list_failures(arguments) if arguments.strict or arguments.fail_on is not None else {"slower"}
    return _choose_exit_code(cases, is_missing, fail_on)


def _warn_where_too_fine(side: Side, criteria: Criteria) -> list[str]:
    """Say that a machine of this kind can't tell so small a difference, by its own check."""
    from bench.records.selfcheck import find_selfcheck
    from bench.render.selfcheck import warn_of_margin

    check = find_selfcheck(Path("results"), side.runs[0].result.info.environment)
    warning = warn_of_margin(check, criteria.margin, criteria.dead_zone) if check is not None else None
    return [warning] if warning is not None else []


def _compare_within(side: Side, arguments: Namespace) -> int:
    from bench.judge.quality import judge_quality
    from bench.judge.sides import compare_within
    from bench.render.comparison import describe_runs, describe_within, make_within_table
    from bench.render.comparison_document import document_within
    from bench.render.pivot import make_pivot

    if len(side.runs) > 1:
        raise UsageError(f"{side.name} holds {len(side.runs)} runs: name one of them, a second side, or use --devices")
    criteria, run = make_criteria(arguments), side.runs[0].result
    cases = compare_within(run, criteria, _keep(arguments))
    if not cases:
        raise UsageError(f"{side.name} has no case to hold against its first one, {run.info.plan.baseline.name}")
    table = make_within_table(cases, criteria, _show(arguments))
    if arguments.rows or arguments.columns:
        shown = [case for case in cases if _show(arguments)(case.verdict)]
        title = f"Cases of one run, over {run.info.plan.baseline.name}"
        table = make_pivot(title, shown, arguments.rows, arguments.columns)
    lines = [*describe_runs(side), *describe_within(run, cases, list_verdict_flags(arguments))]
    _print(Output([table], table, lines, document_within(run, cases, criteria)), arguments.format)
    if judge_quality(run, run.info.plan.baseline).quality == "INVALID":
        return ExitCode.INVALID
    return _choose_exit_code(cases, False, list_failures(arguments))


def _compare_devices(arguments: Namespace) -> int:
    from bench.judge.devices import choose_reference_mode, compare_devices, list_times, summarise_devices
    from bench.records.run import reprice
    from bench.render import devices as text
    from bench.render.comparison_document import document_devices

    given = [each for path in arguments.paths for each in read_each(path)]
    check_distinct([each.stored for each in given if each.stored is not None])
    machines, lines = _gather_machines(given, arguments)
    machines = [replace(each, run=reprice(each.run, arguments.price_per_hour)) for each in machines]
    cases = [case for each in machines for case in each.run.info.plan.cases]
    _check_filters(arguments, cases)
    tell_unpriced(arguments.price_per_hour, cases)
    criteria = make_criteria(arguments)
    times = list_times(machines, _keep(arguments))
    figures, shown = compare_devices(times, criteria), {each.name: each.run for each in machines}
    overall, faults = summarise_devices(figures), {each.name: each.fault for each in given if each.fault is not None}
    rows = text.make_runs_table({**shown, **faults}, times)
    reference = choose_reference_mode(times)
    tables = [text.make_speedup_table(figures), text.make_devices_table(figures, criteria), rows]
    lines += [*text.describe_devices(overall, figures), *text.describe_faults({**shown, **faults})]
    document = document_devices(figures, overall, times, reference, faults)
    _print(Output(tables if figures else [rows], rows, lines, document), arguments.format)
    if faults:
        message = f"{len(faults)} of {len(given)} runs can't be read: {', '.join(faults)}"
        is_newer = all(isinstance(fault, NewerSchemaError) for fault in faults.values())
        raise NotComparableError(message) if is_newer else InvalidFileError(message)
    results = [time.result for time in times if not time.is_published]
    if any(result.quality == "INVALID" for result in results):
        return ExitCode.INVALID
    return ExitCode.FAILED_CASES if any(result.failures for result in results) else ExitCode.FINE


def _gather_machines(given: list[MachineFile], arguments: Namespace) -> tuple[list[MachineRun], list[str]]:
    """Gather the runs that did the same work, the published ones after those given; returns what to say of it, too.

    Raises:
        NotComparableError: when one that was given did other work.
    """
    from bench.judge.devices import MachineRun, hold_against_first
    from bench.render.devices import describe_differences, describe_left_out

    published = [] if arguments.no_published else _read_published(given)
    lines = [f"{each.name} is left out: {each.fault}" for each in published if each.stored is None]
    read = [(each, each.stored.result) for each in (*given, *published) if each.stored is not None]
    kept = []
    machines = [MachineRun(each.name, run, each in published) for each, run in read]
    for machine, refusing, noted in hold_against_first(machines):
        if machine.is_published and refusing:
            lines.append(describe_left_out(machine.name, refusing))
            continue
        allowed = _let_through(f"{machines[0].name} and {machine.name}", tuple(refusing), arguments.allow)
        lines += describe_differences(machine.name, [*allowed, *noted])
        kept.append(machine)
    return kept, lines


def _read_published(given: list[MachineFile]) -> list[MachineFile]:
    """Read the published runs that are not the ones given."""
    contents = {each.stored.content for each in given if each.stored is not None}
    found = read_each(_PUBLISHED) if _PUBLISHED.is_dir() else []
    named = [replace(each, name=f"published/{Path(each.name).name}") for each in found]
    return [each for each in named if each.stored is None or each.stored.content not in contents]


def _let_through(names: str, conflicts: tuple[FieldDifference, ...], allow: list[str]) -> tuple[FieldDifference, ...]:
    """Return the conflicts that the user allows.

    Raises:
        NotComparableError: with all the others.
    """
    refusing = [each for each in conflicts if each.field not in allow]
    if refusing:
        fields = "; ".join(f"{each.field} ({each.base} against {each.head})" for each in refusing)
        flags = " ".join(f"--allow {each.field}" for each in refusing)
        raise NotComparableError(f"{names} are not comparable, they differ in {fields}; {flags} compares them anyway")
    return conflicts


def _choose_exit_code(cases: list[CaseComparison], is_missing: bool, fail_on: set[str]) -> ExitCode:
    """Choose by the one table of exit codes."""
    verdicts, qualities = {case.verdict for case in cases}, {str(case.quality.quality) for case in cases}
    if "INVALID" in qualities:
        return ExitCode.INVALID
    if is_missing or any(case.faults or case.difference is None for case in cases):
        return ExitCode.FAILED_CASES
    return choose_by_verdict(verdicts, qualities, fail_on)


def _keep(arguments: Namespace) -> Callable[[Case], bool]:
    return lambda case: is_chosen(case, arguments.filter)


def _show(arguments: Namespace) -> Callable[[str], bool]:
    return lambda verdict: not arguments.only_slower or verdict == "SLOWER"


def _check_filters(arguments: Namespace, cases: list[Case]) -> None:
    if arguments.filter and not any(map(_keep(arguments), cases)):
        names = ", ".join(dict.fromkeys(case.name for case in cases))
        raise UsageError(f"--filter leaves no case: there are {names}")


def _print(output: Output, name: str) -> None:
    say(LAYOUTS[name](output, choose_width()).rstrip("\n"))
    if name == "csv":
        # A table of records has no place for them.
        print("\n".join(map(printable, output.lines)), file=sys.stderr)


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError,))
