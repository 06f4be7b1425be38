"""`python -m bench.rerun`: measures rows of a stored run again, here, and says whether they came out again."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.arguments import choose_width, parse_label
from bench.compare_arguments import make_criteria
from bench.errors import BenchError, NotComparableError, UnavailableError, UsageError
from bench.interrupts import interrupt_once
from bench.own import PRODUCTNET
from bench.racing import survey_devices
from bench.records.plan import MAX_REPLICATES
from bench.records.reading import is_there
from bench.records.store import RACE_FILE, read_run
from bench.run import measure_plan
from bench.strictness import add_verdict_flags, check_verdict_flags, choose_by_verdict
from bench.workloads.files import find_workload
from productnet.config import TrainConfig
from productnet.door import OneLineParser, printable, run_door, say
from productnet.errors import ConfigError, ProductNetError
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from bench.judge.reproduction import Reproduction
    from bench.measure.survey import Survey
    from bench.records.case import Case
    from bench.records.plan import Plan
    from bench.records.run import Run

_PROG = "python -m bench.rerun"


def make_parser() -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=_PROG,
        description="Measure rows of a stored run again, with the same settings, seeds and replicates, beside the "
        "first case of that run, and hold them against what is stored. Exits with 0 where every row is REPRODUCED or "
        "can't be told, 1 where one is NOT REPRODUCED (SLOWER, FASTER or DIFFERENT), 3 where one can't be measured "
        "here.",
    )
    add = parser.add_argument
    add("path", type=Path, metavar="RUN", help="the directory of a run")
    row = "a case, as the tables name it; may be given again (default: all of them)"
    add("--row", action="append", default=[], metavar="CASE", help=row)
    add("--replicates", type=int, help=f"1 to {MAX_REPLICATES} (default: as many as are stored)")
    add_verdict_flags(parser)
    add("--strict", action="store_true", help="exit 7 where it can't be told")
    add("--output", type=Path, help="the new run's directory (default: a new one under results/)")
    add("--label", type=parse_label, default="again", help="a word that is put into its name (default %(default)s)")
    return parser


def main(make_workload: str = PRODUCTNET) -> int:
    """Measure again as the command line says."""
    from bench.records.store import check_output

    interrupt_once()
    parser = make_parser()
    arguments = parser.parse_args()
    check_verdict_flags(parser, arguments)
    if arguments.replicates is not None and not 1 <= arguments.replicates <= MAX_REPLICATES:
        parser.error(f"--replicates {arguments.replicates} is not within 1 and {MAX_REPLICATES}")
    if is_there(arguments.path / RACE_FILE):
        raise UsageError(f"{arguments.path} is a race, and no run: its {RACE_FILE} has the command that raced it")
    stored = read_run(arguments.path)
    plan = choose_plan(stored.info.plan, arguments.row, arguments.replicates)
    check_output(arguments.output)
    survey = survey_devices({case.device for case in plan.cases})
    _check_available(plan, survey)
    path, again, was_interrupted = measure_plan(plan, survey, arguments, _PROG, make_workload, stored.info.prices)
    return _report(stored, path, again, was_interrupted, arguments)


def choose_plan(stored: Plan, names: list[str], num_replicates: int | None) -> Plan:
    """Return the stored plan with these of its rows alone, and its first case, which they are held against.

    Raises:
        UsageError: for a row that is not there, and for one that this version can't train.
        NotComparableError: for a file of a user's own that is another now.
    """
    from msgspec import structs

    known = {case.name: case for case in stored.cases}
    for name in names:
        if name not in known:
            raise UsageError(f"--row {name} is no case of this run: there are {', '.join(known)}")
    cases = tuple(case for case in stored.cases if not names or case == stored.baseline or case.name in names)
    plan = structs.replace(
        stored,
        cases=cases,
        num_replicates=num_replicates or stored.num_replicates,
        rungs=tuple(name for name in stored.rungs if name in {case.name for case in cases}),
    )
    for case in (*cases, *([plan.reference] if plan.reference else [])):
        try:
            _check_case(case, plan.seed + plan.num_replicates - 1)
        except ConfigError as error:
            raise UsageError(f"{case.name} can't be measured by this version: {error}") from error
    return plan


def _check_case(case: Case, seed: int) -> None:
    recipe = TrainConfig(
        device=case.device,
        precision=case.precision,
        num_threads=case.num_threads,
        num_epochs=case.num_epochs,
        seed=seed,
    )
    if case.workload is None:
        replace(recipe, engine=case.engine, batching=case.batching)
    elif (now := find_workload(case.workload.place)).digest != case.workload.digest:
        raise NotComparableError(
            f"workload {case.workload.place} is not what was measured (digest {case.workload.digest[:12]}, now "
            f"{now.digest[:12]}): bring that file back, or measure this one by bench.run and hold both by bench.compare"
        )


def _check_available(plan: Plan, survey: Survey) -> None:
    from bench.measure.survey import choose_devices, drop_unusable

    for case in plan.cases:
        if choose_devices(case.device, survey) != [case.device]:
            raise UsageError(f"{case.name} names no device of its own")
    dropped = drop_unusable(plan.cases, survey)[1]
    if dropped:
        name, reason = next(iter(dropped.items()))
        raise UnavailableError(f"{name} can't be measured here: {reason}")


def _report(stored: Run, path: Path, again: Run, was_interrupted: bool, arguments: Namespace) -> int:
    """Hold what was measured against what is stored, and say what came of it."""
    from bench.judge.checks import check_run
    from bench.judge.comparability import check_comparability
    from bench.judge.devices import find_plan_conflicts
    from bench.judge.reproduction import judge_reproduction
    from bench.judge.results import judge_run
    from bench.render.advice import advice_lines
    from bench.render.escape import for_terminal
    from bench.render.reproduction import describe_reproduction, make_reproduction_table
    from bench.render.table import to_terminal, wrap

    say(f"Written to {printable(str(path))}: raw samples, run.json, and the tables as .md and .csv")
    if was_interrupted:
        return ExitCode.INTERRUPTED
    other_work, _ = find_plan_conflicts(stored, again)
    if other_work:
        fields = "; ".join(f"{each.field} ({each.base} against {each.head})" for each in other_work)
        raise NotComparableError(f"{path} did other work than {arguments.path}: they differ in {fields}")
    criteria, width = make_criteria(arguments), choose_width()
    rows = judge_reproduction(stored, again, criteria)
    found = check_comparability([stored], [again])
    say(to_terminal(make_reproduction_table(rows, stored.info.plan.baseline.name, criteria), width))
    say("\n".join(wrap(for_terminal(line), width) for line in describe_reproduction(rows, found, criteria)))
    if spoiled := advice_lines([], check_run(again, judge_run(again)), width):
        say("\n".join(spoiled))
    return choose_exit_code(again, rows, arguments.strict)


def choose_exit_code(again: Run, rows: list[Reproduction], is_strict: bool) -> ExitCode:
    """Choose by the one table of exit codes."""
    kinds = {each.failed.kind for each in again.measurements if each.failed}
    verdicts = {row.verdict for row in rows}
    if "INVALID" in verdicts or "faulty" in kinds:
        return ExitCode.INVALID
    if kinds == {"unavailable"}:
        return ExitCode.UNAVAILABLE
    if any(row.comparison.faults or row.difference is None for row in rows):
        return ExitCode.FAILED_CASES
    if any(row.is_refuted for row in rows):
        return ExitCode.CONDITION
    qualities = {str(row.comparison.quality.quality) for row in rows}
    return choose_by_verdict(verdicts, qualities, {"inconclusive", "quality"} if is_strict else set())


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError, ProductNetError))
