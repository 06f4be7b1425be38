"""`python -m bench.project`: how long, and for what price, so many steps would take, from runs of a few hundred."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.arguments import add_price_flag, choose_width, tell_unpriced
from bench.errors import BenchError, UsageError
from productnet.door import OneLineParser, printable, run_door, say, tell
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from bench.records.run import Run

_PROG = "python -m bench.project"
_LARGEST = 10**12


def make_parser() -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=_PROG,
        description="Foretell from stored runs how long a training of so many steps or epochs takes in each of their "
        "cases, with an interval for a single training. A run for it: python -m bench.run --epochs 30 --replicates 4.",
    )
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="the directory of a run, or one that holds some")
    add_amount = parser.add_mutually_exclusive_group(required=True).add_argument
    add_amount("--steps", type=_parse_count, help="of the training; of replicas, of each network")
    add_amount("--epochs", type=_parse_count, help="of the training; a workload of your own has steps alone")
    against = "in place of a number: a run of whole trainings, to hold what is foretold against"
    add_amount("--against", type=Path, metavar="RUN", help=against)
    add_price_flag(parser)
    return parser


def main() -> int:
    """Foretell as the command line says."""
    from bench.records.finding import find_results
    from bench.records.run import reprice
    from bench.records.store import read_run

    arguments = make_parser().parse_args()
    if arguments.against is not None and arguments.price_per_hour:
        raise UsageError("--price-per-hour is of --steps or --epochs: --against holds times against each other")
    paths = [path for named in arguments.runs for path in find_results(named, "run")[0]]
    runs = {str(path): reprice(read_run(path), arguments.price_per_hour) for path in dict.fromkeys(paths)}
    say(_check(arguments, runs) if arguments.against is not None else _project(arguments, runs))
    return ExitCode.FINE


def _project(arguments: Namespace, runs: dict[str, Run]) -> str:
    from bench.judge.projection import project
    from bench.render.projection import report_projections

    cases = [case for run in runs.values() for case in run.info.plan.cases]
    if arguments.epochs is not None and any(case.workload is not None for case in cases):
        raise UsageError("--epochs is of the product network: a workload of your own has steps alone, use --steps")
    tell_unpriced(arguments.price_per_hour, cases)
    found = {name: project(run, arguments.steps, arguments.epochs) for name, run in runs.items()}
    if not any(found.values()):
        raise UsageError("nothing was timed there to foretell from: name a run with a whole training in it")
    wanted = "a block" if arguments.epochs is None else "a whole training, which says how many steps an epoch has,"
    for name, run in runs.items():
        told = {each.case for each in found[name]}
        lacking = [case.name for case in run.info.plan.cases if case not in told]
        if lacking:
            tell(printable(f"left out of {name}, where {wanted} was not timed: {', '.join(lacking)}"))
    return report_projections(found, choose_width())


def _check(arguments: Namespace, runs: dict[str, Run]) -> str:
    from bench.judge.projection import check
    from bench.records.store import read_run
    from bench.render.projection import report_checks

    full = read_run(arguments.against)
    itself = next((name for name, run in runs.items() if run.info == full.info), None)
    if itself is not None:
        raise UsageError(f"{itself} is the run that it is held against: name another one, whose times are new to it")
    for name, run in runs.items():
        _tell_of_other_machine(name, run, full)
    checks = {name: check(run, full) for name, run in runs.items()}
    if not any(checks.values()):
        raise UsageError(f"no case of {', '.join(runs)} was trained to its end in {arguments.against}")
    return report_checks(checks, choose_width())


def _tell_of_other_machine(name: str, run: Run, full: Run) -> None:
    from bench.judge.comparability import IDENTITY_FIELDS, check_comparability

    found = check_comparability([run], [full]).conflicts
    others = [each.field for each in found if each.field in IDENTITY_FIELDS]
    if others:
        tell(printable(f"{name} was not measured as what it is held against: they differ in {', '.join(others)}"))


def _parse_count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,13}", text) or not 1 <= int(text) <= _LARGEST:
        raise ArgumentTypeError(f"{text!r} is no number of them: use 1 to {_LARGEST:,}")
    return int(text)


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError,))
