"""`python -m bench.lint`: is a stored result whole, and does every number in its tables follow from its samples?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError, InvalidFileError
from productnet.door import OneLineParser, printable, run_door, say
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from bench.judge.faults import Fault

_PROG = "python -m bench.lint"
MAX_FAULTS = 20
"""That are shown of a result: whoever has so many needs no more."""


def make_parser() -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=_PROG,
        description="Check stored runs, races, sweeps, tunes and gates: every number in every table is made anew from "
        "the raw samples, time has to go on, and nothing may be missing. Each fault is a line with file, field, what "
        "was expected and what was found. Exits with 0 where there is none, else with 5.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="RUN", help="or a directory that holds some")
    return parser


def main() -> int:
    """Check what the command line names."""
    from bench.records.finding import find_results

    num_faulty = num_results = 0
    for path in make_parser().parse_args().paths:
        try:
            found, _ = find_results(path, "run", "race", "sweep", "tune", "gate")
        except InvalidFileError as error:
            say(printable(str(error)))
            found, num_faulty, num_results = [], num_faulty + 1, num_results + 1
        for each in found:
            num_results += 1
            num_faulty += not _lint(each)
    sound = num_results - num_faulty
    say(f"{sound} of {num_results} sound" + (f", {num_faulty} with faults" if num_faulty else ""))
    return ExitCode.INVALID if num_faulty else ExitCode.FINE


def _lint(path: Path) -> bool:
    """Say each fault of a result; returns whether there is none."""
    faults = find_faults(path)
    shown = list(islice(faults, MAX_FAULTS))
    for each in shown:
        say(printable(f"{path / each.file}: {each.field}: expected {each.expected}, found {each.found}"))
    if next(faults, None) is not None:
        say(printable(f"{path}: more than {MAX_FAULTS} faults; the others are not shown"))
    if not shown:
        say(printable(f"{path}: sound"))
    return not shown


def find_faults(path: Path) -> Iterator[Fault]:
    """Find every fault of a run, a race, a sweep, a tune or a gate; what can't be read at all is one."""
    from bench.judge.faults import Fault
    from bench.records.gate import GATE_FILE
    from bench.records.reading import is_there
    from bench.records.store import INFO_FILE
    from bench.records.sweep_store import SWEEP_FILE
    from bench.records.tune_store import TUNE_FILE

    try:
        if is_there(path / GATE_FILE):
            yield from _find_in_gate(path)
        elif is_there(path / INFO_FILE):
            yield from _find_in_run(path)
        elif is_there(path / SWEEP_FILE):
            yield from _find_in_sweep(path)
        elif is_there(path / TUNE_FILE):
            yield from _find_in_tune(path)
        else:
            yield from _find_in_race(path)
    except InvalidFileError as error:
        yield Fault("", "the whole of it", "what can be read", str(error))


def _find_in_run(path: Path) -> Iterator[Fault]:
    from bench.judge.results import judge_run
    from bench.judge.run_faults import find_run_faults
    from bench.records.store import read_run, read_run_records
    from bench.records.tables import read_tables
    from bench.render.report import list_files
    from bench.render.table_faults import find_table_faults

    info, records, torn = read_run_records(path)
    yield from _tell_torn(torn)
    yield from find_run_faults(info, records)
    run = read_run(path)
    yield from find_table_faults(list_files(run, judge_run(run)), read_tables(path))


def _find_in_race(path: Path) -> Iterator[Fault]:
    from bench.judge.race import judge_race
    from bench.judge.race_faults import find_race_faults
    from bench.records.store import read_race, read_race_records
    from bench.records.tables import read_tables
    from bench.render.race import list_race_files
    from bench.render.table_faults import find_table_faults

    race = read_race(path)
    info, records, torn = read_race_records(path)
    yield from _tell_torn(torn)
    yield from find_race_faults(info, records)
    yield from find_table_faults(list_race_files(race, judge_race(race)), read_tables(path))


def _find_in_sweep(path: Path) -> Iterator[Fault]:
    from bench.judge.faults import check_start
    from bench.judge.sweep import judge_sweep
    from bench.records.sweep_store import SWEEP_FILE, read_sweep
    from bench.records.tables import read_tables
    from bench.render.sweep import list_sweep_files
    from bench.render.table_faults import find_table_faults

    sweep = read_sweep(path)
    yield from _tell_torn(sweep.warnings)
    yield from check_start(SWEEP_FILE, sweep.info.started_at)
    yield from find_table_faults(list_sweep_files(sweep, judge_sweep(sweep)), read_tables(path))


def _find_in_tune(path: Path) -> Iterator[Fault]:
    from bench.judge.faults import Fault, check_start, fault_of
    from bench.judge.tune import judge_tune
    from bench.records.store import SAMPLES_FILE
    from bench.records.tables import read_tables
    from bench.records.tune_store import TUNE_FILE, list_race_directories, read_tune
    from bench.render.table_faults import find_table_faults
    from bench.render.tune import list_tune_files

    tune = read_tune(path)
    yield from _tell_torn(tune.warnings)
    yield from check_start(TUNE_FILE, tune.info.started_at)
    if tune.ended is None:
        yield fault_of("tune ended", "a record that the tune is over", "none: it was killed")
    there, named = list_race_directories(path)
    for name in sorted(named - there):
        yield Fault(SAMPLES_FILE, f"heat {name}", "a race in a directory of this name", "none")
    for name in sorted(there - named):
        yield Fault(name, "the whole of it", f"nothing: {SAMPLES_FILE} has no such heat", "a race")
    for name in sorted(there):
        yield from _find_within(path / name)
    yield from find_table_faults(list_tune_files(tune, judge_tune(tune)), read_tables(path))


def _find_within(path: Path) -> Iterator[Fault]:
    """Find the faults of a race that is part of another result."""
    from dataclasses import replace

    for fault in _find_in_race(path):
        yield replace(fault, file=f"{path.name}/{fault.file}")


def _find_in_gate(path: Path) -> Iterator[Fault]:
    from bench.judge.faults import Fault, check_start
    from bench.judge.gate import decide_outcome, judge_gate
    from bench.records.gate import GATE_FILE, list_race_directories, read_gate
    from bench.records.tables import read_tables
    from bench.render.gate import list_gate_files
    from bench.render.table_faults import find_table_faults

    gate = read_gate(path)
    yield from check_start(GATE_FILE, gate.info.started_at)
    for each in list_race_directories(path, gate.info):
        yield from _find_within(each)
    for gated, races in zip(gate.info.cases, gate.races, strict=True):
        if not races:
            yield Fault(GATE_FILE, f"cases, {gated.case.name}", "a race", "none")
    judged = judge_gate(gate)
    ends = [race.ended for races in gate.races for race in races]
    outcome = decide_outcome(judged, any(ended is None or ended.reason == "interrupted" for ended in ends))
    yield from find_table_faults(list_gate_files(gate, judged, outcome), read_tables(path))


def _tell_torn(warnings: tuple[str, ...]) -> Iterator[Fault]:
    from bench.judge.faults import fault_of

    yield from (fault_of("the last line", "a whole record", each) for each in warnings)


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError,))
